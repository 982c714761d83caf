"""`deployzero releases`."""

import textwrap
from typing import Any

import click

from deployzero.cli.output import fields, listing, print_json, when
from deployzero.cli.target import JSON, SERVER, app_path, connect, one_app
from deployzero.errors import UsageError

MOST = 1000
PAGE = 200
LONGEST_WHAT = 60


def version(word: str) -> int | None:
    """`v3`, or `3`; None: it is none."""
    digits = word.removeprefix("v")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else None


class Release(click.ParamType[int]):
    name = "vN"

    def convert(self, value: Any, _: click.Parameter | None, __: click.Context | None) -> int:
        found = version(str(value))
        if found is None:
            raise UsageError(f"{str(value)[:60]!r} is no release", "Write v3, as `releases` does.")
        return found


@click.command()
@one_app
@SERVER
@click.option("-n", "--num", type=click.IntRange(1, MOST), default=20, help="How many.")
@click.option("--info", "number", type=Release(), help="All about one of them.")
@JSON
def releases(
    app: str | None, server: str | None, num: int, number: int | None, as_json: bool
) -> None:
    """List an app's releases, the newest first."""
    path = f"{app_path(app)}/releases"
    with connect(server) as api:
        if number is not None:
            _show(api.get(f"{path}/{number}"), as_json)
            return
        found = api.every(path, most=num, params={"limit": min(num, PAGE)})
    columns = {
        "RELEASE": "release",
        "WHEN": "at",
        "WHO": "user",
        "WHAT": "what",
        "COMMIT": "commit",
        "STATE": "state",
        "IMAGE": "image",
    }
    rows = found if as_json else [_row(each) for each in found]
    listing(rows, columns, as_json, empty="There is none yet.")


def _show(release: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(release)
        return
    spent = {stage: f"{seconds:.2f}s" for stage, seconds in release["timings"].items()}
    times = {name: when(release[name]) for name in ("created_at", "finished_at")}
    fields({**release, **times, "release": f"v{release['release']}", "timings": spent})


def _row(release: dict[str, Any]) -> dict[str, Any]:
    return {
        **release,
        "release": f"v{release['release']}",
        "at": when(release["finished_at"] or release["created_at"]),
        "what": what(release),
        "commit": release["commit"][:9],
        "state": "live" if release["live"] else "-",
        "image": "kept" if release["kept"] else "gone",
    }


def what(release: dict[str, Any]) -> str:
    """What somebody did, in one cell."""
    kind, message = str(release["kind"]), str(release["message"] or "")
    told = ": ".join(filter(None, [kind, message]))
    if message.casefold().startswith(kind):  # "Rollback to v6"
        told = message
    return textwrap.shorten(told, LONGEST_WHAT, placeholder=" …")
