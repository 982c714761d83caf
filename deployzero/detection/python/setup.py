"""setup.py and setup.cfg: the project is installed by pip, its requirements before it."""

import ast
import configparser
import shlex

from packaging.requirements import InvalidRequirement, Requirement

from deployzero.detection.python.requirements import Requirements
from deployzero.detection.python.syntax import parsed
from deployzero.detection.tree import Tree

FILES = ("setup.py", "setup.cfg")


def setup_file(tree: Tree) -> str | None:
    """The one that makes a package; a setup.cfg may hold settings of linters alone."""
    if tree.is_file("setup.py"):
        return "setup.py"
    return "setup.cfg" if "[metadata]" in (tree.text("setup.cfg") or "") else None


def read_setup(tree: Tree, file: str) -> Requirements:
    """What is written down plainly is a layer of its own, which a changed line keeps."""
    found = Requirements(
        after_source=["pip install ."],
        packaged=True,
        reasons=[f"{file}: pip install . after the source is there"],
    )
    plain = install_requires(tree)
    if plain:
        found.files = [name for name in FILES if tree.is_file(name)]
        found.command = "pip install " + " ".join(shlex.quote(each) for each in plain)
    name_all(plain, found)
    return found


def name_all(lines: list[str], found: Requirements) -> None:
    for line in lines:
        requirement = Requirement(line)
        found.name(requirement.name, requirement.extras)


def install_requires(tree: Tree) -> list[str]:
    """Requirements that can be told without running setup.py; [] where one cannot."""
    given = _of_setup_py(tree) or _of_setup_cfg(tree)
    try:
        return [each for each in given if Requirement(each).url is None]
    except InvalidRequirement:
        return []


def _of_setup_py(tree: Tree) -> list[str]:
    module = parsed(tree.source("setup.py"))
    if module is None:
        return []
    named = {
        target.id: statement.value
        for statement in module.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(module):
        if isinstance(node, ast.keyword) and node.arg == "install_requires":
            value = named.get(node.value.id) if isinstance(node.value, ast.Name) else node.value
            return _texts(value)
    return []


def _texts(value: ast.expr | None) -> list[str]:
    if not isinstance(value, ast.List | ast.Tuple):
        return []
    texts = [each.value for each in value.elts if isinstance(each, ast.Constant)]
    plain = [each.strip() for each in texts if isinstance(each, str)]
    return plain if len(plain) == len(value.elts) else []


def _of_setup_cfg(tree: Tree) -> list[str]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(tree.text("setup.cfg") or "")
    except configparser.Error:
        return []
    lines = parser.get("options", "install_requires", fallback="").split("\n")
    plain = (line.partition(" #")[0].strip() for line in lines)
    return [line for line in plain if line and not line.startswith(("#", "file:"))]
