"""Pixi's pixi.toml, whose packages are Conda's: named, and not installed here."""

from deployzero.detection.python.pyproject import table
from deployzero.detection.python.requirements import Requirements
from deployzero.detection.tree import Tree

FILE = "pixi.toml"
_PLAIN = ("python", "pip", "setuptools", "wheel")


def uses_pixi(tree: Tree) -> bool:
    """Other languages use it as well."""
    return tree.is_file(FILE) and any(name.endswith(".py") for name in tree.names)


def read_pixi(tree: Tree) -> Requirements:
    given = tree.toml(FILE) or {}
    listed = {**table(given, "dependencies"), **table(given, "pypi-dependencies")}
    names = [name for name in listed if name not in _PLAIN]
    if not names:
        return Requirements(reasons=[f"{FILE}: names no packages to install"])
    found = Requirements(
        manager="pixi",
        refusal=f"{FILE}: a Pixi project, which is not supported yet",
        reasons=[
            f"{FILE}: packages of Pixi",
            "the way out: a requirements.txt with the names that PyPI gives them, probably "
            f"{', '.join(names)[:300]}; or a Dockerfile",
        ],
    )
    for name in names:
        found.name(name)
    return found
