"""Python: the application that is found, and the server that it is given."""

import pytest

from deployzero.errors import ProjectDetectionError

FLASK = "from flask import Flask\napp = Flask(__name__)\n"
FASTAPI = "import fastapi\napi = fastapi.FastAPI()\n"
BIND = "--bind 0.0.0.0:$PORT --workers ${WEB_CONCURRENCY:-2}"
GUNICORN = f"gunicorn {BIND}"
MADE = "from shop import create_app\napp = create_app()\n"
IMPORTED = "from shop.site import app\n"
IN_TRY = "try:\n    import x\nfinally:\n    from flask import Flask\n    app = Flask('a')\n"
WAITRESS = "waitress-serve --host=0.0.0.0 --port=$PORT"
FACTORY = "from flask import Flask\ndef create_app(config=None):\n    return Flask('a')\n"


@pytest.mark.parametrize(
    ("files", "requirements", "command"),
    [
        ({"app.py": FLASK}, "flask", f"{GUNICORN} app:app"),
        ({"hello.py": FLASK}, "flask", f"{GUNICORN} hello:app"),
        ({"site.py": "import flask\nweb = flask.Flask('a')"}, "flask", f"{GUNICORN} site:web"),
        ({"shop/__init__.py": FLASK}, "flask", f"{GUNICORN} shop:app"),
        ({"src/app.py": FLASK}, "flask", f"gunicorn --chdir src {BIND} app:app"),
        ({"shop/__init__.py": FACTORY}, "flask", f"{GUNICORN} 'shop:create_app()'"),
        (
            {"shop/__init__.py": FACTORY, "wsgi.py": MADE},
            "flask",
            f"{GUNICORN} wsgi:app",
        ),
        ({"shop/site.py": FLASK, "wsgi.py": IMPORTED}, "flask", f"{GUNICORN} wsgi:app"),
        ({"app.py": IN_TRY}, "flask", f"{GUNICORN} app:app"),
        ({"app.py": FLASK}, "flask\nwaitress", f"{WAITRESS} app:app"),
        ({"main.py": FASTAPI}, "fastapi", "uvicorn main:api --host 0.0.0.0 --port $PORT"),
        ({"app/main.py": FASTAPI}, "fastapi", "uvicorn app.main:api --host 0.0.0.0 --port $PORT"),
        (
            {"main.py": "from starlette.applications import Starlette\napp: object = Starlette()"},
            "starlette",
            "uvicorn main:app --host 0.0.0.0 --port $PORT",
        ),
        ({"main.py": "print(1)", "app.py": "print(2)"}, "requests", "python main.py"),
        ({"bot.py": "", "server.py": ""}, "requests", "python bot.py"),
        ({"src/main.py": ""}, "requests", "python src/main.py"),
        ({"shop/__main__.py": ""}, "requests", "python -m shop"),
        ({"main.py": "def broken(:"}, "flask", "python main.py"),
    ],
)
def test_the_start_command_is_found_without_a_procfile(detect, files, requirements, command):
    config = detect({**files, "requirements.txt": requirements})
    assert (config.type, config.start_command) == ("python", command)


OPEN = "import os\n\n\ndef f():\n    return [\n        1,\n        os.getenv('X'\n"


@pytest.mark.parametrize("name", ["app.py", "main.py", "src/app.py", "bot.py"])
def test_an_entry_that_does_not_parse_is_a_reason(detect, name):
    reasons = detect({name: FLASK + OPEN, "requirements.txt": "flask"}).reasons
    assert f"{name}, line 9: does not parse ('(' was never closed)" in reasons


def test_an_entry_that_only_a_server_would_run_is_named_in_the_refusal(detect):
    with pytest.raises(ProjectDetectionError) as refused:
        detect({"wsgi.py": FLASK + OPEN, "requirements.txt": "flask"})
    assert "wsgi.py, line 9: does not parse ('(' was never closed)" in refused.value.detail


def test_many_large_entries_are_not_all_parsed(detect):
    large = "# Flask\n" + "a+b\n" * 45_000
    config = detect({"main.py": large, "app.py": large + OPEN, "requirements.txt": "requests"})
    assert "does not parse" not in " ".join(config.reasons)


def test_the_marks_of_a_merge_are_called_that(detect):
    config = detect({"app.py": "<<<<<<< HEAD\na = 1\n=======\n", "requirements.txt": "flask"})
    assert "app.py, line 1: does not parse (an unresolved merge conflict)" in config.reasons


@pytest.mark.parametrize(
    "text",
    [
        FLASK,
        "a = {'b': 1}\nprint(f'{a['b']}')\n",
        "type A = int\n",
        "def f[T](x: T): ...\n",
        "class A[T]: ...\n",
        "try:\n    pass\nexcept OSError, ValueError:\n    pass\n",
        "print(t'{1}')\n",
        "a\0b",
    ],
)
def test_what_parses_or_may_be_for_a_newer_python_is_not_blamed(detect, text):
    config = detect({"app.py": text, "requirements.txt": "flask"})
    assert "does not parse" not in " ".join(config.reasons)


def test_an_entry_after_the_application_that_was_found_is_not_looked_at(detect):
    config = detect({"app.py": FLASK, "main.py": OPEN, "requirements.txt": "flask"})
    assert "does not parse" not in " ".join(config.reasons)


def test_a_flask_object_under_the_main_guard_does_not_count(detect):
    guarded = "from flask import Flask\nif __name__ == '__main__':\n    app = Flask('a')\n"
    config = detect({"main.py": guarded, "requirements.txt": "flask"})
    assert config.start_command == "python main.py"


def test_a_missing_server_is_added_to_the_same_layer(detect):
    config = detect({"app.py": FLASK, "requirements.txt": "flask==3.0.0\n"})
    assert config.install_command == "pip install -r requirements.txt gunicorn"
    assert any("gunicorn is added" in reason for reason in config.reasons)


def test_a_server_among_the_requirements_is_not_added(detect):
    config = detect({"app.py": FLASK, "requirements.txt": "flask\nGunicorn>=22 # server\n"})
    assert config.install_command == "pip install -r requirements.txt"


def test_a_server_beside_hashed_requirements_is_installed_on_its_own(detect):
    config = detect({"app.py": FLASK, "requirements.txt": "flask==3.0.0 --hash=sha256:00\n"})
    assert config.install_command == "pip install -r requirements.txt && pip install gunicorn"


@pytest.mark.parametrize("web", ["gunicorn app:x", "LEVEL=info exec gunicorn app:x"])
def test_the_procfiles_server_is_added_when_requirements_forgot_it(detect, web):
    files = {"app.py": "x = 1", "requirements.txt": "bottle", "Procfile": f"web: {web}"}
    assert detect(files).install_command == "pip install -r requirements.txt gunicorn"
