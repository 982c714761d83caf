"""A stack as data: what `buildpacks/<name>/buildpack.toml` says. Detection and build go by it."""

from typing import Annotated, Any, Literal

import re2
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from deployzero.models.project import DEFAULT_PORT


def _pattern(text: str) -> str:
    """RE2's, which takes time linear in the file: the file is a stranger's."""
    try:
        re2.compile(text)
    except re2.error as error:
        raise ValueError(f"'{text}' is no pattern of RE2") from error
    return text


def _glob(text: str) -> str:
    parts = text.split("/")
    if not text or text.startswith("/") or ".." in parts or any("**" in part for part in parts):
        raise ValueError(f"'{text}' is no file name or glob from the root ('**' is not known)")
    return text


def _as_condition(value: Any) -> Any:
    return {"file": value} if isinstance(value, str) else value


Pattern = Annotated[str, AfterValidator(_pattern)]
Glob = Annotated[str, AfterValidator(_glob)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
Folder = Annotated[str, Field(pattern=r"^/[A-Za-z0-9._/-]+$")]
Line = Annotated[str, Field(pattern=r"^[^\n\x00]+$")]
Image = Annotated[str, Field(pattern=r"^[A-Za-z0-9._/:{}-]+$")]
DebianPackage = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9+.-]*[a-z0-9+.]$")]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Condition(_Table):
    """A file is there; written as its name alone where that is all."""

    file: Glob
    contains: Pattern = ""
    """In its text; groups are at hand in the rule's command as {1}, {2}."""
    lacks: Pattern = ""
    """Not in its text."""
    beside: Glob | None = None
    """Another file, from the first one's folder, that has to be there."""
    none: tuple[Glob, ...] = ()
    """Files, from the root, that must not be there."""


When = Annotated[Condition, BeforeValidator(_as_condition)]


class Rule(_Table):
    """A command, for the trees for which `when` holds (all, without one).

    {1}, {2}: groups of `contains`; {file}, {stem}, {folder}: of the file that was found. A tree
    whose names are not plain enough for a command does not match.
    """

    run: Line
    when: When | None = None


class Detect(_Table):
    files: tuple[When, ...] = Field(min_length=1)
    """Any of these declares the stack."""
    scripts: tuple[When, ...] = ()
    """Weaker signs: any of these, where no other stack is declared."""
    none: tuple[Glob, ...] = ()
    """Files that speak against it."""
    programs: tuple[str, ...] = ()
    """What a Procfile's web command of this stack begins with."""


class VersionSource(_Table):
    file: Glob
    pattern: Pattern
    """Its first group is the version."""


class Version(_Table):
    default: str = ""
    sources: tuple[VersionSource, ...] = ()
    """The first that is there and matches wins."""


class Images(_Table):
    """Official images; {version} is the one asked for, or the default."""

    build: Image
    runtime: Image


class Debian(_Table):
    """What the images made from Debian hold."""

    suite: Name = "trixie"
    version: str = ""
    """Of the language, as the suite has it."""
    stands_in_for: Literal["minor", "major", "older"] = "minor"
    """Which other versions it may serve for, with a word: of the same minor version, of the
    same major version, or any older one. Others are refused."""
    build: tuple[DebianPackage, ...] = ()
    runtime: tuple[DebianPackage, ...] = ()


class Install(_Table):
    files: tuple[Glob, ...] = ()
    """All that the commands need, and what their layer is keyed by."""
    commands: tuple[Rule, ...] = ()
    """Each that applies, in this order."""
    manager: str = ""
    """The package manager's name, for people."""


class Rewrite(_Table):
    """A Procfile's web command that only works elsewhere, and what it is here."""

    pattern: Pattern
    run: Line


class Buildpack(_Table):
    name: Name
    """The type; its folder is called the same."""
    title: str
    """For people."""
    order: int = 50
    """Lower is asked first: go is 10, python 60, nodejs 80."""
    detect: Detect | None = None
    """None: only images and template of a built-in type are replaced."""
    version: Version = Version()
    images: Images | None = None
    debian: Debian = Debian()
    caches: dict[Name, Folder] = {}
    """Kept from build to build, an app's own."""
    install: Install = Install()
    build: tuple[Rule, ...] = ()
    """Each that applies, in this order, when the source is there."""
    keep: tuple[Folder, ...] = ()
    """Folders outside the app's that the final image gets from the build."""
    start: tuple[Rule, ...] = ()
    """The first that applies."""
    procfile: tuple[Rewrite, ...] = ()
    static_dir: str = ""
    """What the build leaves in this folder is served as files, where no start rule applies."""
    frameworks: dict[Name, When] = {}
    environment: dict[Variable, str] = {}
    port: Annotated[int, Field(ge=1, le=65535)] = DEFAULT_PORT
    hint: str = ""
    """What to do where no start rule applies."""
