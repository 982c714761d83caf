"""The apps of `images.py`: their files, and what changes in them from build to build."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "samples"
_LOCKED = (
    '"version": "{0}",\n      "resolved": "https://registry.npmjs.org/clsx/-/clsx-{0}.tgz",'
    '\n      "integrity": "sha512-{1}"'
)
_CLSX = {
    "2.1.0": "m3iNNWpd9rl3jvvcBnu70ylMdrXt8Vlq4HYadnU5fwcOtvkSQWPmj7amUcDT2qYI7risszBjI5AUIUox9D16pg==",  # noqa: E501
    "2.1.1": "eYm0QWBtUrBWZWG0d386OGAw16Z995PiOVo2B7bjWSbHedGl5e0ZWaq65kOGgUSNesEIDkB9ISbTg/JK9dhCZA==",  # noqa: E501
}
"""What the lock files say of clsx: the second takes the place of the first."""


def _locked(version: str) -> str:
    return _LOCKED.format(version, _CLSX[version])


Change = tuple[str, str, str]
"""(file, what stands there, what comes in its place)"""
_NPM: tuple[Change, ...] = (
    ("package.json", '"clsx": "2.1.0"', '"clsx": "2.1.1"'),
    ("package-lock.json", '"clsx": "2.1.0"', '"clsx": "2.1.1"'),
    ("package-lock.json", _locked("2.1.0"), _locked("2.1.1")),
)  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """samples/<name>/app is the repository; beside it lies what a hand would write to build it."""

    name: str
    greeting: Change
    """The line of source that changes: what `/` says."""
    dependency: tuple[Change, ...]

    def files(self) -> dict[str, str]:
        return _texts(FOLDER / self.name / "app")

    def by_hand(self) -> dict[str, str]:
        folder = FOLDER / self.name
        return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


SAMPLES = (
    Sample(
        "flask",
        ("app.py", "hello from flask", "{}"),
        (("requirements.txt", "requests==2.32.4", "requests==2.32.5"),),
    ),
    Sample(
        "fastapi",
        ("main.py", "hello from fastapi", "{}"),
        (("requirements.txt", "httpx==0.28.1", "httpx==0.28.0"),),
    ),
    Sample("next", ("app/page.tsx", "hello from next", "{}"), _NPM),
    Sample("vite", ("src/App.tsx", "hello from vite", "{}"), _NPM),
)


def changed(files: Mapping[str, str], *changes: Change) -> dict[str, str]:
    """The same tree with these changes. Raises ValueError where there is nothing to change."""
    after = dict(files)
    for name, old, new in changes:
        if old not in after[name]:
            raise ValueError(f"{name} does not hold {old!r}")
        after[name] = after[name].replace(old, new)
    return after


def greeted(sample: Sample, files: Mapping[str, str], words: str) -> dict[str, str]:
    name, old, new = sample.greeting
    return changed(files, (name, old, new.format(words)))


def _texts(folder: Path) -> dict[str, str]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in paths}
