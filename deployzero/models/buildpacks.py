"""The open set of stacks, read from their folders: ours, and over them the operator's.

The operator's adds stacks or takes the place of ours: of a stack's rules and images
(buildpack.toml), of its template (Dockerfile.j2), or of both. What is broken there is named and
left out, so that a slip in one stack takes neither the server nor the pushes of the others with it.
"""

import functools
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Environment, TemplateSyntaxError, select_autoescape
from pydantic import ValidationError

from deployzero.errors import SettingsError
from deployzero.models.buildpack import Buildpack

BUILT_IN = Path(__file__).parent.parent / "buildpacks"
MANIFEST, TEMPLATE = "buildpack.toml", "Dockerfile.j2"
PARTS = frozenset({"base"})
"""Folders with pieces of templates, no stacks of their own."""


@dataclass(frozen=True, slots=True)
class Buildpacks:
    """The open set of stacks."""

    stacks: Mapping[str, Buildpack] = field(default_factory=dict)
    """By name, in the order in which they are asked."""
    folders: tuple[Path, ...] = (BUILT_IN,)
    """Where templates are looked for, the operator's first."""
    faults: tuple[SettingsError, ...] = ()
    """What was left out, and why."""

    def title(self, type_: str) -> str:
        known = {"nodejs": "Node.js", "static": "Static", "dockerfile": "Dockerfile"}
        stack = self.stacks.get(type_)
        return stack.title if stack else known.get(type_, type_.capitalize())


@functools.cache
def buildpacks(own: Path | None = None) -> Buildpacks:
    """Ours, and over them those in `own`; read once in a process."""
    stacks = {name: _read(folder) for name, folder in _folders(BUILT_IN) if _has_manifest(folder)}
    folders, faults = [BUILT_IN], []
    for name, folder in _folders(own) if own else ():
        try:
            _check_template(folder)
            if _has_manifest(folder):
                stacks[name] = _read(folder)
            elif not (BUILT_IN / name / TEMPLATE).is_file() and name not in stacks:
                raise _fault(folder / MANIFEST, "is missing")
        except SettingsError as fault:
            faults.append(fault)
    if own is not None and own.is_dir():
        folders.insert(0, own)
    ordered = sorted(stacks.values(), key=lambda stack: (stack.order, stack.name))
    return Buildpacks({stack.name: stack for stack in ordered}, tuple(folders), tuple(faults))


def _folders(parent: Path) -> Iterator[tuple[str, Path]]:
    try:
        found = sorted(folder for folder in parent.iterdir() if folder.is_dir())
    except OSError:
        return
    for folder in found:
        if folder.name not in PARTS and not folder.name.startswith((".", "__")):
            yield folder.name, folder


def _has_manifest(folder: Path) -> bool:
    return (folder / MANIFEST).is_file()


def _read(folder: Path) -> Buildpack:
    """Raises SettingsError that names the file and the key."""
    file = folder / MANIFEST
    try:
        values = tomllib.loads(file.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _fault(file, f"cannot be read: {error}") from error
    try:
        stack = Buildpack(**values)
    except ValidationError as error:
        # An unknown key is often the one that seems to be missing, misspelt.
        first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise _fault(file, f"has an unknown key: {key}") from error
        if first["type"] == "missing":
            raise _fault(file, f"lacks the key '{key}'") from error
        said = first["msg"].removeprefix("Value error, ")
        raise _fault(file, f"has a bad '{key}': {said}") from error
    if stack.name != folder.name:
        raise _fault(file, f"has a bad 'name': '{stack.name}' lies in {folder.name}/")
    return stack


def _check_template(folder: Path) -> None:
    file = folder / TEMPLATE
    try:
        Environment(autoescape=select_autoescape()).parse(file.read_text())
    except FileNotFoundError:
        return
    except TemplateSyntaxError as error:
        raise _fault(file, f"is no template, line {error.lineno}: {error.message}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise _fault(file, f"cannot be read: {error}") from error


def _fault(file: Path, what: str) -> SettingsError:
    return SettingsError(f"{file} {what}", "Mend it and restart the server.")
