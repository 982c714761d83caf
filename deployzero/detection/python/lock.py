"""Lock files of Python's package managers, of which only the names are read."""

import re

from packaging.utils import canonicalize_name

from deployzero.detection.tree import Tree

MAX_BYTES = 8 * 1024 * 1024
"""Names further down are not read."""
_NAME = re.compile(r'^name = "([^"\n]+)"', re.MULTILINE)


def locked_names(tree: Tree, path: str) -> set[str]:
    """Normalised names in uv.lock, poetry.lock or pdm.lock, other groups' included.

    Parsing the TOML of a large lock takes seconds, and each of the three writes a name
    on a line of its own.
    """
    return {canonicalize_name(name) for name in _NAME.findall(tree.head(path, MAX_BYTES))}
