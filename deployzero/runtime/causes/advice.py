"""What is worth a word although the app is well."""

import re

from deployzero.models.cause import Subject

_DEVELOPMENT: tuple[tuple[str, str], ...] = (
    (r"\bflask\b.*\brun\b", "put gunicorn into the requirements: web: gunicorn <module>:<app>"),
    (
        r"\bmanage\.py runserver\b",
        "put gunicorn into the requirements: web: gunicorn <project>.wsgi",
    ),
    (r"\buvicorn\b.*\s--reload\b", "leave --reload out"),
    (r"\bfastapi dev\b", "web: fastapi run --port $PORT"),
    (r"\bnext dev\b", "build with `next build`, and web: next start -p $PORT"),
    (r"\bnuxt dev\b", "build with `nuxt build`, and web: node .output/server/index.mjs"),
    (r"\bvite(?: dev| serve)?(?:$|\s+--|\s*[;&|])", "build with `vite build`, and leave web out"),
    (r"\bng serve\b", "build with `ng build`, and leave web out"),
    (r"\breact-scripts start\b", "build with `react-scripts build`, and leave web out"),
    (r"\bnodemon\b", "web: node and the file"),
    (r"\bts-node-dev\b|\btsx watch\b", "build with `tsc`, and web: node and the file"),
)
"""Pattern of a start command that is a development server's, and what to write instead."""


def development_server(subject: Subject) -> str:
    """A word about a start command that is not for production, or ''."""
    for pattern, instead in _DEVELOPMENT:
        if match := re.search(pattern, subject.command[:1000]):
            return f"`{match.group().strip(' -;&|')}` is a development server: {instead}"
    return ""


def answer_advice(status: int, host: str, subject: Subject) -> str:
    """A word about an answer that passes the check, and may not be what was wanted, or ''."""
    if status == 400 and subject.stack == "python" and host:
        return f'GET / answered 400: with Django, let ALLOWED_HOSTS name the host: ["{host}"]'
    return ""
