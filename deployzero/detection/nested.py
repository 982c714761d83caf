"""A repository that holds nothing but one folder: the app is in there."""

import re

from deployzero.detection.tree import Tree, join

DEEPEST = 4
_ABOUT = re.compile(
    r"^(?:\..*|.*\.(?:md|rst)|(?:readme|licen[cs]e|copying|notice|changelog|contributing|authors"
    r"|codeowners|makefile)(?:\..*)?|(?:docker-)?compose.*\.ya?ml)$",
    re.IGNORECASE,
)
"""Files that speak about a repository and are no part of an app."""


def only_folder(tree: Tree) -> str | None:
    """The only folder at the top, or below it again; None where other files lie beside it."""
    found: str | None = None
    for _ in range(DEEPEST):
        names = [name for name in tree.list(found or ".") if not _ABOUT.match(name)]
        below = [join(found or ".", name) for name in names]
        if len(below) != 1 or not tree.is_dir(below[0]):
            break
        found = below[0]
    return found
