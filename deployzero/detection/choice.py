"""What was chosen by hand: `config:set` before deployzero.toml, both before what is guessed.

Every key of deployzero.toml but `processes` has a variable of the app's config: `build_command`
is DEPLOYZERO_BUILD_COMMAND. So two apps of one repository can each have a root of their own.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Annotated, Any, NoReturn

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from deployzero.detection.procfile import MOST_CHARACTERS
from deployzero.detection.tree import Tree, broken, printable
from deployzero.errors import ProjectDetectionError
from deployzero.models.project import ProjectConfig

FILE = "deployzero.toml"
PREFIX = "DEPLOYZERO_"
_PATH = re.compile(r"[A-Za-z0-9._@+-]+(?:/[A-Za-z0-9._@+-]+)*")


def _inside(path: str) -> str:
    plain = path.strip().removeprefix("./").strip("/") or "."
    if not _PATH.fullmatch(plain) or ".." in plain.split("/") or path.startswith("/"):
        raise ValueError("a path within the repository, of letters, digits and ._@+-/")
    return plain


def _split(value: Any) -> Any:
    return tuple(re.split(r"[\s,]+", value.strip())) if isinstance(value, str) else value


def _switch(value: Any) -> Any:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    return words.get(value.strip().lower(), value) if isinstance(value, str) else value


def _runnable(command: str) -> str:
    if not command.strip() or "\0" in command:
        raise ValueError("a shell command")
    return command.strip()


def _one_line(command: str) -> str:
    if "\n" in _runnable(command):
        raise ValueError("a shell command on one line")
    if len(command) > MOST_CHARACTERS:
        raise ValueError(f"a shell command of at most {MOST_CHARACTERS} characters")
    return command.strip()


Inside = Annotated[str, AfterValidator(_inside)]
Package = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9+.-]*[a-z0-9+.]$", max_length=100)]
Command = Annotated[str, AfterValidator(_runnable)]
Line = Annotated[str, AfterValidator(_one_line)]
Process = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9_-]{0,48}[A-Za-z0-9])?$")]


class Values(BaseModel):
    """The keys; None and empty: left to detection."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")] | None = None
    root: Inside | None = None
    """The app's folder: all else is looked for there, this file as well."""
    version: Annotated[str, Field(pattern=r"^[0-9A-Za-z.<>=~^*, |-]{1,60}$")] | None = None
    """Of the language."""
    build_command: Command | None = None
    start_command: Line | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    packages: Annotated[tuple[Package, ...], BeforeValidator(_split)] = ()
    """Debian's, for the build and for the app."""
    static_dir: Inside | None = None
    spa: bool | None = None
    dockerfile: Inside | None = None
    assets: Annotated[bool | Inside, BeforeValidator(_switch)] | None = None
    """The folder of a front end that is built before the app; False: none is."""
    processes: dict[Process, Line] = {}


VARIABLES = {f"{PREFIX}{key.upper()}": key for key in Values.model_fields if key != "processes"}


@dataclass(frozen=True, slots=True)
class Choice:
    values: Values = field(default_factory=Values)
    reasons: tuple[str, ...] = ()
    """What was chosen, and where."""

    def at(self, folder: str) -> "Choice":
        """The same for an app that was found in a folder."""
        reason = f"{folder}/: all there is in the repository, so it is the app's root"
        values = self.values.model_copy(update={"root": folder})
        return replace(self, values=values, reasons=(*self.reasons, printable(reason)))

    @property
    def processes(self) -> dict[str, str]:
        web = self.values.start_command
        return {**self.values.processes, **({"web": web} if web else {})}


def read_choice(top: Tree, variables: Mapping[str, str]) -> Choice:
    """Raises ProjectDetectionError that names file (or variable) and key.

    deployzero.toml at the top counts unless a variable names another root; that of the
    root goes before it.
    """
    own = {VARIABLES[n]: v for n, v in variables.items() if n in VARIABLES and v.strip()}
    by_config = _checked(own, "config")
    at_top = _read(top, FILE)
    root = by_config.root or at_top.root or "."
    if not top.is_dir(root):
        where = _variable("root") if by_config.root else f"'root' of {FILE}"
        raise ProjectDetectionError(
            f"{where} is '{root}', which is no folder of the repository",
            f"The folders there: {', '.join(top.folders()[:10]) or 'none'}.",
        )
    sources = [(FILE, at_top)] if not by_config.root or by_config.root in (".", at_top.root) else []
    if root != ".":
        path = f"{root}/{FILE}"
        in_root = _read(top, path)
        if in_root.root not in (None, "."):
            raise broken(path, None, "has a 'root', which belongs at the top of the repository")
        sources.append((path, in_root))
    sources.append(("config", by_config))
    merged: dict[str, Any] = {}
    told: dict[str, str] = {}
    for source, values in sources:
        for key in values.model_fields_set:
            merged[key] = getattr(values, key)
            named = _variable(key) if source == "config" else f"{source}: {key}"
            told[key] = f"{named} {_shown(merged[key])}"
    merged["root"] = root
    order = [key for key in Values.model_fields if key in told]
    reasons = (*(told[key] for key in order), *_unknown(variables))
    return Choice(Values.model_construct(**merged), tuple(map(printable, reasons)))


def _read(tree: Tree, path: str) -> Values:
    return _checked(tree.toml(path) or {}, path)


def _checked(values: Mapping[str, Any], source: str) -> Values:
    try:
        return Values(**values)
    except ValidationError as error:
        _refuse(error, source)


def _refuse(error: ValidationError, source: str) -> NoReturn:
    first = error.errors()[0]
    key, *more = [str(part) for part in first["loc"]]
    if first["type"] == "extra_forbidden":
        near = get_close_matches(key, Values.model_fields, 1, 0.5)
        said = f"'{near[0]}' is meant?" if near else f"it has: {', '.join(Values.model_fields)}"
        raise broken(source, None, f"has an unknown key '{key[:60]}': {said}") from error
    wanted = first["msg"].removeprefix("Value error, ")
    if key == "packages":
        wanted = "names of Debian packages, such as 'ffmpeg' or 'libpq5'"
    where = ".".join([key, *(part for part in more if not part.isdigit())])
    if key == "assets":
        wanted, where = "a folder inside the app's root, or false", key
    if source == "config":
        name = _variable(key)
        message = f"{name} is no good: {wanted}"
        raise ProjectDetectionError(
            printable(message), f"config:set <app> {name}=…, or config:unset <app> {name}."
        ) from error
    raise broken(source, None, f"has a bad '{where}': {wanted}") from error


def _unknown(variables: Mapping[str, str]) -> Iterator[str]:
    """A slip of the pen; a variable of the app's own is nothing to talk about."""
    for name in variables:
        if name.startswith(PREFIX) and name not in VARIABLES:
            near = get_close_matches(name.removeprefix(PREFIX).lower(), Values.model_fields, 1, 0.8)
            yield from (f"{name} is not known: {_variable(each)} is" for each in near)


def _variable(key: str) -> str:
    return f"{PREFIX}{key.upper()}"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return f"= {', '.join(value)}"
    text = " ".join(value) if isinstance(value, tuple) else str(value)
    lines = len(re.split(r"\r\n?|\n", text))
    return f"= {text}" if lines == 1 else f"({lines} lines)"


def decides(chosen: Values) -> bool:
    """The stack itself was chosen."""
    return bool(chosen.type or chosen.dockerfile)


def unknown_type(name: str, known: Sequence[str]) -> ProjectDetectionError:
    near = get_close_matches(name, known, 1, 0.5)
    return ProjectDetectionError(
        f"there is no type '{name}'" + (f": '{near[0]}' is meant?" if near else ""),
        f"Known are: {', '.join(sorted(known))}.",
    )


def overridden(config: ProjectConfig, chosen: Values) -> ProjectConfig:
    """The plan with what was chosen in the place of what was found."""
    if chosen.static_dir:
        web = chosen.start_command
        processes = {k: v for k, v in config.processes.items() if k != "web" or web}
        config = replace(
            config, static_dir=chosen.static_dir, start_command=web, processes=processes
        )
    reasons = config.reasons
    if chosen.build_command and config.build_command:
        reasons = (*reasons, f"in place of the build command '{config.build_command}'")
    return replace(
        config,
        root=chosen.root or ".",
        runtime_version=chosen.version or config.runtime_version,
        build_command=chosen.build_command or config.build_command,
        port=chosen.port or config.port,
        spa=config.spa if chosen.spa is None else chosen.spa,
        build_packages=tuple(dict.fromkeys((*config.build_packages, *chosen.packages))),
        run_packages=tuple(dict.fromkeys((*config.run_packages, *chosen.packages))),
        reasons=reasons,
    )
