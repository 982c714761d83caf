"""A source tree, read and never run: the only way that detectors look at files."""

import codecs
import json
import os
import re
import tomllib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from deployzero.errors import ProjectDetectionError

MAX_BYTES = 1024 * 1024
"""Largest file that is read; manifests are far smaller."""
MAX_LOCK = 4 * 1024 * 1024
"""Largest lock that is read; the hashes of a few hundred packages fill megabytes."""

MAX_SOURCE = 256 * 1024
MAX_LINES = 50_000
MAX_LOCK_LINES = 200_000
_CODING = re.compile(
    rb"(?:[^\n]*\n)?[ \t]*#[^\n]*?coding[:=][ \t]*"
    rb"(latin-?1|iso-?8859-\d{1,2}|cp\d{3,4}|windows-125\d)\b",
    re.IGNORECASE,
)
MAX_YAML = 64 * 1024
"""Parsing YAML costs far more than reading it, and what is read of it is short."""
_DEEP_TOML = re.compile(r"^[ \t\[]*(?:[\w-]+[ \t]*\.[ \t]*){30}", re.MULTILINE)
_DEEP_YAML = re.compile(r"(?:[\[{]\s*){30}")
"""Nested as no person nests; the parsers' time grows with the square of it, or worse."""
_STRING = r'("(?:[^"\\\n]|\\.)*+"?)'
_COMMENT = re.compile(rf"{_STRING}|//[^\n]*+|/\*(?:.*?\*/|.*)", re.DOTALL)
"""An end that is missing is looked for once: what follows is all comment then."""
_LAST_COMMA = re.compile(rf"{_STRING}|,(\s*+[\]}}])")
_CONFLICT = re.compile(r"^(<{7}|={7}|>{7}|\|{7})( |$)")


class Tree:
    """Read-only view of a folder. A link that leads out of it counts as absent.

    Paths are relative to the root, with '/'.
    """

    def __init__(
        self, root: Path, processes: Mapping[str, str] | None = None, member: str | None = None
    ) -> None:
        """`processes`: commands chosen by hand, which go before those of the Procfile.

        `member`: the folder of the workspace's member that is the app, where it was chosen;
        `processes` are then all there are.
        """
        self.root = Path(os.path.realpath(root))
        self.processes = dict(processes or {})
        self.member = member
        self._known: dict[str, Path | None] = {}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names at the top, sorted, without `.git`."""
        return self.list(".")

    def list(self, path: str) -> tuple[str, ...]:
        """Sorted names in a folder; nothing when it is no folder of the tree."""
        folder = self._inside(path)
        if folder is None or not folder.is_dir():
            return ()
        return tuple(sorted(name for name in os.listdir(folder) if name != ".git"))

    def folders(self, path: str = ".") -> tuple[str, ...]:
        """Sub-folders of a folder, as paths from the root; hidden ones left out."""
        prefix = "" if path == "." else f"{path}/"
        return tuple(
            prefix + name
            for name in self.list(path)
            if not name.startswith(".") and self.is_dir(prefix + name)
        )

    def is_file(self, path: str) -> bool:
        inside = self._inside(path)
        return inside is not None and inside.is_file()

    def is_dir(self, path: str) -> bool:
        inside = self._inside(path)
        return inside is not None and inside.is_dir()

    def first(self, *paths: str) -> str | None:
        """The first of these that is a file."""
        return next((path for path in paths if self.is_file(path)), None)

    def text(self, path: str, lock: bool = False) -> str | None:
        """The file's text, without BOM and with '\\n' line ends; None when absent.

        Raises ProjectDetectionError when it is too large (`lock`: a tool wrote it, so that
        it may be larger) or not UTF-8.
        """
        data = self._data(path, lock)
        if data is None:
            return None
        try:
            return _with_newlines(data.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise broken(path, line, "is not UTF-8 text") from error

    def requirements(self, path: str) -> str:
        """As `text` of a lock, in the usual encodings that pip reads; '' when absent.

        PowerShell's `pip freeze >` writes UTF-16; a first line may name another encoding.
        """
        data = self._data(path, lock=True) or b""
        named = _CODING.match(data[:400])
        encoding = named[1].decode() if named else None
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            encoding = "utf-16"
        if encoding is None:
            return self.text(path, lock=True) or ""
        try:
            return _with_newlines(data.decode(encoding))
        except (UnicodeDecodeError, LookupError) as error:
            raise broken(path, None, "is not text in the encoding that it names") from error

    def _data(self, path: str, lock: bool) -> bytes | None:
        most, lines = (MAX_LOCK, MAX_LOCK_LINES) if lock else (MAX_BYTES, MAX_LINES)
        inside = self._inside(path)
        if inside is None or not inside.is_file():
            return None
        try:
            with inside.open("rb") as file:
                data = file.read(most + 1)
        except OSError as error:
            raise broken(path, None, f"cannot be read: {error.strerror}") from error
        if len(data) > most:
            raise broken(path, None, f"is larger than {most // 1024} KiB")
        if data.count(b"\n") > lines:
            raise broken(path, None, f"has more than {lines} lines")
        return data

    def head(self, path: str, size: int = 4096) -> str:
        """The beginning of a file of any size, such as a lock's; '' when absent."""
        inside = self._inside(path)
        if inside is None or not inside.is_file():
            return ""
        with inside.open("rb") as file:
            return file.read(size).decode("utf-8-sig", "replace").replace("\r\n", "\n")

    def source(self, path: str) -> str:
        """A program's text, of any size and encoding: one that cannot be read is no mistake."""
        return self.head(path, MAX_SOURCE)

    def json(self, path: str, lock: bool = False, comments: bool = False) -> dict[str, Any] | None:
        """The file's JSON object; None when absent. `comments`: JSONC, as its tool reads it."""
        text = self.text(path, lock)
        if text is None:
            return None
        try:
            value = json.loads(without_comments(text) if comments else text)
        except json.JSONDecodeError as error:
            raise broken(path, error.lineno, _json_fault(text, error)) from error
        except (ValueError, RecursionError) as error:
            raise broken(path, None, "is not usable JSON") from error
        if not isinstance(value, dict):
            raise broken(path, 1, "must hold a JSON object ({…})")
        return value

    def toml(self, path: str) -> dict[str, Any] | None:
        """The file's TOML table; None when absent."""
        text = self.text(path)
        if text is None:
            return None
        if _DEEP_TOML.search(text):
            raise broken(path, None, "is nested too deeply")
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            where = re.search(r"\(at (?:line (\d+), column \d+|end of document)\)", str(error))
            line = int(where[1]) if where and where[1] else len(text.splitlines())
            fault = conflict(text, line) or f"is not valid TOML: {_without_place(str(error))}"
            raise broken(path, line, fault) from error
        except (ValueError, RecursionError) as error:
            raise broken(path, None, "is not usable TOML") from error

    def yaml(self, path: str) -> dict[str, Any]:
        """The file's YAML mapping; {} when it is absent or empty."""
        text = self.text(path) or ""
        if len(text) > MAX_YAML:
            raise broken(path, None, f"is larger than {MAX_YAML // 1024} KiB")
        if _DEEP_YAML.search(text):
            raise broken(path, None, "is nested too deeply")
        try:
            values = _YAML(text).get_single_data()
        except (yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
            mark = getattr(error, "problem_mark", None)
            raise broken(path, mark.line + 1 if mark else None, "is not valid YAML") from error
        if not isinstance(values or {}, dict):
            raise broken(path, 1, "must hold a YAML mapping")
        return values or {}

    def _inside(self, path: str) -> Path | None:
        """The real path; None when it is absent or leads out. Most of what is asked is absent."""
        if path not in self._known:
            top, full = str(self.root), f"{self.root}/{path}"
            try:
                os.lstat(full)
                real = os.path.realpath(full)
            except (OSError, ValueError):
                real = ""
            inside = real == top or real.startswith(f"{top.rstrip('/')}/")
            self._known[path] = Path(real) if inside else None
        return self._known[path]


class _YAML(yaml.SafeLoader):
    """Plain values alone, and no aliases: a few lines of them unfold to gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not read")
        return super().compose_node(parent, index)


def join(folder: str, name: str) -> str:
    """The path of a name in a folder of the tree."""
    return name if folder == "." else f"{folder}/{name}"


def without_comments(text: str) -> str:
    """JSON of JSONC: no comments, no comma before a closing bracket; lines keep their number."""
    plain = _COMMENT.sub(lambda m: m[1] or "\n" * m[0].count("\n"), text)
    return _LAST_COMMA.sub(lambda m: m[1] or m[2], plain)


def _with_newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def broken(path: str, line: int | None, fault: str) -> ProjectDetectionError:
    """The error for a file that cannot be used: 'package.json, line 3: …'."""
    where = f"{path}, line {line}:" if line else path
    return ProjectDetectionError(
        printable(f"{where} {fault}"), f"Mend {path}, commit, and push again."
    )


def printable(text: str) -> str:
    """Without control characters, which could drive the terminal that shows it."""
    return "".join(c if c.isprintable() else "?" for c in text)


def conflict(text: str, line: int) -> str | None:
    """What to say when a line (from 1) is git's merge-conflict marker."""
    lines = text.split("\n")
    return conflicting(lines[line - 1]) if 0 < line <= len(lines) else None


def conflicting(line: str) -> str | None:
    if _CONFLICT.match(line):
        return "an unresolved merge conflict ('<<<<<<<', '=======', '>>>>>>>')"
    return None


def _json_fault(text: str, error: json.JSONDecodeError) -> str:
    fault = f"is not valid JSON: {error.msg} (column {error.colno})"
    return conflict(text, error.lineno) or fault


def _without_place(message: str) -> str:
    return re.sub(r" \(at .*\)$", "", message)
