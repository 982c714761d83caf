"""Versions that are asked for, in the words of npm, Python, Composer and RubyGems."""

import re

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version


def satisfies(have: str, asked: str) -> bool:
    """`20.19` satisfies `20`, `20.x`, `>=18` and `^20.3`, not `20.20` nor `22`.

    Composer writes '^7.4|^8' for npm's '^7.4 || ^8'.
    """
    if "|" in asked:
        return any(satisfies(have, part) for part in re.split(r"\|+", asked))
    if is_range(asked):
        try:
            return SpecifierSet(_specifier(asked)).contains(have)
        except InvalidSpecifier:
            return False
    return f"{have}.".startswith(f"{plain(asked)}.")


def is_range(asked: str) -> bool:
    """It begins with a comparison, as '>=18' and '^20.3' do; '20.x' does not."""
    return bool(re.match(r"^\s*[<>=!~^]", asked))


def plain(asked: str) -> str:
    """The first version number in the text, without wildcards: 'v20.x' -> '20'."""
    match = re.search(r"\d+(?:\.\d+)*", asked)
    return match.group() if match else ""


def at_least(have: str, asked: str) -> bool:
    """True as well where no version is named."""
    try:
        wanted = Version(plain(asked))
    except InvalidVersion:
        return True
    return Version(have) >= wanted


def _specifier(asked: str) -> str:
    """A range in the common forms, as Python's: '^20.3' -> '>=20.3,<21', '~> 3.4' -> '~=3.4'."""
    asked = asked.replace("~>", "~=")
    caret = re.match(r"^\s*\^\s*v?(\d+)((?:\.\d+)*)(?:\.[x*])*\s*$", asked)
    if caret:
        return f">={caret[1]}{caret[2]},<{int(caret[1]) + 1}"
    tilde = re.match(r"^\s*~\s*v?(\d+)\.(\d+)((?:\.\d+)*)\s*$", asked)
    if tilde:
        return f">={tilde[1]}.{tilde[2]}{tilde[3]},<{tilde[1]}.{int(tilde[2]) + 1}"
    spaced = re.sub(r"([<>=!~]=?)\s*v?(\d)", r"\1\2", asked.strip())
    joined = re.sub(r"\s+", ",", re.sub(r"\s*,\s*", ",", spaced))
    return re.sub(r"\.[xX*](?=,|$)", "", joined)
