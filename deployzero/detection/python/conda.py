"""Conda's environment.yml, of which only the part that pip installs can be built."""

import shlex

from deployzero.detection.python.requirements import Requirements
from deployzero.detection.tree import Tree, broken

FILES = ("environment.yml", "environment.yaml")
_PLAIN = ("python", "pip", "setuptools", "wheel")


def conda_file(tree: Tree) -> str | None:
    return tree.first(*FILES)


def read_conda(tree: Tree) -> Requirements:
    """pip's lines where there are no others; else a refusal, with requirements to copy."""
    path = conda_file(tree) or FILES[0]
    own, pips = _lines(tree, path)
    needed = [line for line in own if _split(line)[0] not in _PLAIN]
    if not needed:
        found = Requirements(reasons=[f"{path}: holds pip's packages alone, installed by pip"])
        for line in pips:
            found.name_line(line)
        if pips:
            found.command = "pip install " + " ".join(shlex.quote(line) for line in pips)
        return found
    found = Requirements(
        manager="conda",
        refusal=f"{path}: a Conda project, which is not supported yet",
        reasons=[f"{path}: Conda packages {', '.join(needed)[:200]}"],
    )
    lines = [*(_requirement(line) for line in needed), *pips]
    found.reasons.append(
        "the way out: a requirements.txt with the names that PyPI gives them, probably "
        f"{', '.join(lines)[:300]}; or a Dockerfile"
    )
    for line in needed:
        found.name(_split(line)[0])
    return found


def conda_python(tree: Tree) -> tuple[str, str] | None:
    """(file, '3.9') of 'python=3.9'."""
    path = conda_file(tree)
    if path is None:
        return None
    versions = (_split(line)[1] for line in _lines(tree, path)[0] if _split(line)[0] == "python")
    version = next(versions, "")
    return (path, version) if version else None


def _lines(tree: Tree, path: str) -> tuple[list[str], list[str]]:
    given = tree.yaml(path)
    lines = given.get("dependencies")
    own: list[str] = []
    pips: list[str] = []
    for line in lines if isinstance(lines, list) else []:
        if isinstance(line, str):
            own.append(line.rpartition("::")[2].strip())
        elif isinstance(line, dict) and isinstance(line.get("pip"), list):
            pips += [_one_line(path, str(each)) for each in line["pip"]]
    return own, pips


def _one_line(path: str, requirement: str) -> str:
    """It becomes part of a command, which a line's end would cut."""
    plain = requirement.strip()
    if "\n" in plain:
        shown = plain.partition("\n")[0][:60]
        raise broken(path, None, f"has a requirement of several lines ('{shown}')")
    return plain


def _split(line: str) -> tuple[str, str]:
    """'flask=2.0.2=py39_0' -> ('flask', '2.0.2')."""
    name, *rest = line.replace("==", "=").split("=")
    return name.split(">")[0].split("<")[0].strip(), rest[0].strip() if rest else ""


def _requirement(line: str) -> str:
    name, version = _split(line)
    return f"{name}=={version}" if version else name
