"""How each framework is told to listen on 0.0.0.0:$PORT."""

import re

from deployzero.models.cause import Subject

_ENTRIES: tuple[tuple[str, str], ...] = (
    (r"\bflask\b.*\brun\b", "flask … run --host 0.0.0.0 --port $PORT"),
    (r"manage\.py runserver", "python manage.py runserver 0.0.0.0:$PORT"),
    (r"\bgunicorn\b", "gunicorn --bind 0.0.0.0:$PORT …"),
    (r"\buvicorn\b", "uvicorn --host 0.0.0.0 --port $PORT …"),
    (r"\bhypercorn\b", "hypercorn --bind 0.0.0.0:$PORT …"),
    (r"\bdaphne\b", "daphne -b 0.0.0.0 -p $PORT …"),
    (r"\bwaitress-serve\b", "waitress-serve --listen=0.0.0.0:$PORT …"),
    (r"\bfastapi\b", "fastapi run … --host 0.0.0.0 --port $PORT"),
    (r"\bstreamlit\b", "streamlit run --server.address 0.0.0.0 --server.port $PORT …"),
    (r"\bhttp\.server\b", "python -m http.server $PORT"),
    (r"\bvite\b", "vite preview --host 0.0.0.0 --port $PORT"),
    (r"\bnext\b", "next start -H 0.0.0.0 -p $PORT"),
    (r"\bnuxt\b|\.output/server", "HOST=0.0.0.0 node .output/server/index.mjs"),
    (r"\bng serve\b", "ng serve --host 0.0.0.0 --port $PORT"),
    (r"\bserve\b", "serve -l tcp://0.0.0.0:$PORT"),
    (r"\brails\b", "rails server -b 0.0.0.0 -p $PORT"),
    (r"\bpuma\b", "puma -b tcp://0.0.0.0:$PORT"),
    (r"\brackup\b", "rackup -o 0.0.0.0 -p $PORT"),
    (r"\bphp\b.*-S", "php -S 0.0.0.0:$PORT"),
)
"""Pattern of the start command, and how it is to read."""
_CODE = {
    "python": 'app.run(host="0.0.0.0", port=int(os.environ["PORT"]))',
    "nodejs": 'app.listen(process.env.PORT, "0.0.0.0")',
    "go": 'http.ListenAndServe(":"+os.Getenv("PORT"), nil)',
    "ruby": 'set :bind, "0.0.0.0"; set :port, ENV["PORT"]',
    "rust": 'bind(("0.0.0.0", env::var("PORT")))',
    "java": 'new InetSocketAddress(Integer.parseInt(System.getenv("PORT")))',
}
"""Stack to what the code is to say, where no server has options for it."""


def listen_hint(subject: Subject, port: int) -> str:
    """What to write so that the app is reached."""
    for pattern, command in _ENTRIES:
        if re.search(pattern, subject.command[:1000]):
            return (
                f"Let it listen on 0.0.0.0:$PORT (PORT is {port}). In the Procfile: web: {command}"
            )
    code = _CODE.get(subject.stack)
    return f"Let it listen on 0.0.0.0:$PORT (PORT is {port})" + (
        f", such as {code}" if code else "."
    )
