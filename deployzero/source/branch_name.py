"""What a branch may be called: git's own rules, and some that keep people from surprises."""

import re

from dulwich.refs import check_ref_format

from deployzero.errors import SourceError
from deployzero.source.repository import branch_ref

LONGEST = 200
"""Bytes; a ref is a file, and its lock has a longer name."""
OBJECT_ID = re.compile(r"[0-9a-f]{40}")
SURPRISES = ("HEAD", "@")


def check_branch_name(name: str) -> str:
    """Return the name, or raise SourceError if git refuses it or takes it for something else."""
    fits = len(name.encode("utf-8", "replace")) <= LONGEST and name.isprintable()
    if (
        not name
        or not fits
        or name.startswith(("-", "refs/"))
        or name in SURPRISES
        or OBJECT_ID.fullmatch(name)
        or not check_ref_format(branch_ref(name))
    ):
        raise SourceError(
            f"{name[:60]!r} is no name for a branch",
            "Give just its name, as in main or release/2; `git check-ref-format` has the rules.",
        )
    return name
