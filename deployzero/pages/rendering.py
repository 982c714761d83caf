"""Templates: everything that goes into them is escaped; the words for times and sizes."""

import datetime as dt
import functools
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse, Response

from deployzero import __version__
from deployzero.pages.static_files import url_of
from deployzero.pages.visit import TOKEN, Visit
from deployzero.source.lines import printable

UNITS = ((86400 * 365, "year"), (86400 * 30, "month"), (86400, "day"), (3600, "hour"), (60, "min"))


def render(visit: Visit | None, template: str, status: int = 200, **values: Any) -> Response:
    """visit: None when not even that much is known: an error page."""
    text = environment.get_template(template).render(
        visit=visit,
        user=visit.user if visit else None,
        server_version=__version__,
        csrf=functools.partial(_csrf, visit),
        **values,
    )
    return HTMLResponse(text, status)


def _csrf(visit: Visit | None, public: bool = False) -> Markup:
    """The field that shows that a form is ours. public: as `Visit.token` has it."""
    field = '<input type="hidden" name="{}" value="{}">'
    return Markup(field).format(TOKEN, visit.token(public) if visit else "")  # noqa: S704 - ours


def ago(at: dt.datetime | None) -> str:
    """`3 min ago`; the page's script counts on in the same words."""
    if at is None:
        return "never"
    seconds = (dt.datetime.now(dt.UTC) - at).total_seconds()
    for size, unit in UNITS:
        if seconds >= size:
            number = int(seconds // size)
            return f"{number} {unit}{'s' * (number > 1 and unit != 'min')} ago"
    return "just now"


def size(count: int) -> str:
    """`512 MB`, as docker counts: 1 MB is 1024 kB."""
    if count >= 10 << 30:
        return f"{count / (1 << 30):.0f} GB"
    if count >= 1 << 30:
        return f"{count / (1 << 30):.1f} GB"
    return f"{count / (1 << 20):.0f} MB"


def line_kind(line: str) -> str:
    """Which voice a line of a deployment's log speaks in."""
    kinds = {"----->": "step", "=====>": "result", " !    ": "error"}
    return kinds.get(line[:6], "")


def prose(text: str) -> Markup:
    """Somebody's words, with what stands in backticks set as code."""
    parts = printable(" ".join(text.split())).split("`")
    if len(parts) % 2 == 0:  # one is left over: none is a pair's
        return escape("`".join(parts))
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part)
        for place, part in enumerate(parts)
    )


def sentence(message: str) -> str:
    """An error's message as a page says it."""
    text = message[:1].upper() + message[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(asset=url_of)
    # plain: somebody else's words in one line, without what turns text around.
    made.filters.update(
        ago=ago, size=size, line_kind=line_kind, plain=printable, prose=prose, sentence=sentence
    )
    return made


environment = _environment()
