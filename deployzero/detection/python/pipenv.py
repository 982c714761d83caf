"""Pipenv: Pipfile.lock, or a Pipfile alone."""

from deployzero.detection.python.pyproject import Table, extras, table
from deployzero.detection.python.requirements import Requirements
from deployzero.detection.tree import Tree


def uses_pipenv(tree: Tree, pyproject: Table) -> bool:
    return tree.first("Pipfile.lock", "Pipfile") is not None


def read_pipenv(tree: Tree, pyproject: Table) -> Requirements:
    """`verify` stops the build where Pipfile.lock is older than the Pipfile.

    Raises ProjectDetectionError when one of the two cannot be read.
    """
    pipfile = tree.toml("Pipfile") or {}
    lock = tree.json("Pipfile.lock", lock=True) or {}
    files = [name for name in ("Pipfile", "Pipfile.lock") if tree.is_file(name)]
    if "Pipfile.lock" not in files:
        command = "pipenv install --skip-lock"
        why = "Pipfile: installed by Pipenv; without Pipfile.lock versions may change"
    elif "Pipfile" not in files:
        command, why = "pipenv sync", "Pipfile.lock: installed by Pipenv"
    else:
        command = "pipenv verify && pipenv sync"
        why = "Pipfile.lock: installed by Pipenv"
    found = Requirements(
        manager="pipenv", files=files, command=command, locked=set(table(lock, "default")),
        reasons=[why],
    )  # fmt: skip
    packages = table(pipfile, "packages") or table(lock, "default")
    for name, value in packages.items():
        found.name(name, extras(value))
    tables = [value for value in packages.values() if isinstance(value, dict)]
    found.packaged = any(value.get("path") in (".", "./") for value in tables)
    if any("path" in value or "file" in value for value in tables):
        found.command, found.files, found.after_source = None, [], [command]
        found.reasons.append("a package lies in the repository: Pipenv runs after it is there")
    return found
