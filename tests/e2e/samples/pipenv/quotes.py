from bottle import Bottle

site = Bottle()


@site.get("/")
def quote() -> str:
    return "Well begun is half done.\n"
