"""Python apps that bring their own server: Streamlit, Gradio … and plain scripts."""

import re
import shlex
from dataclasses import dataclass

from deployzero.detection.listening import listens
from deployzero.detection.python.pyproject import Table, scripts, table
from deployzero.detection.python.requirements import Requirements
from deployzero.detection.python.syntax import MAX_SOURCE, flaw
from deployzero.detection.python.web import MODULES
from deployzero.detection.tree import Tree

ENTRIES = ("main.py", "app.py", "start.py", "bot.py", "hello.py", "server.py")
"""Plain scripts, in Railpack's order."""
PAGES = ("streamlit_app.py", "Home.py", "home.py", "Main.py", "dashboard.py", "demo.py")
RUNNERS = {
    "streamlit": "streamlit run {file} --server.address 0.0.0.0 --server.port $PORT "
    "--server.headless true",
    "chainlit": "chainlit run {file} --host 0.0.0.0 --port $PORT --headless",
    "gradio": "GRADIO_SERVER_NAME=0.0.0.0 GRADIO_SERVER_PORT=$PORT python {file}",
    "nicegui": "python {file}",
    "panel": "panel serve {file} --address 0.0.0.0 --port $PORT --allow-websocket-origin '*'",
    "shiny": "shiny run {file} --host 0.0.0.0 --port $PORT",
}
"""What serves a script that imports the framework of this name."""
SERVING = ("start", "serve", "web", "server")
"""Commands of a project whose names say what they do."""
MOST_FILES = 20
_SERVES = re.compile(r"\b(?:uvicorn|hypercorn|get_fast_api_app)\b")


@dataclass(frozen=True)
class Script:
    file: str
    command: str
    framework: str | None
    reason: str
    plain: bool = False
    """It lies there, and nothing in it says that it waits for requests."""


def find_page(tree: Tree, names: set[str]) -> Script | None:
    """A script of a framework such as Streamlit, which has a server of its own."""
    for framework, command in RUNNERS.items():
        if framework not in names:
            continue
        imported = re.compile(rf"^[ \t]*(?:import|from)\s+{framework}\b", re.MULTILINE)
        for file in _scripts(tree):
            if imported.search(tree.source(file)):
                reason = f"{file}: made with {framework}, run by its own server"
                return Script(file, command.format(file=shlex.quote(file)), framework, reason)
    if "google-adk" in names and (agent := _agent(tree)) and not _serves_itself(tree):
        reason = f"{agent}: an agent of google-adk, run by its own server"
        command = "adk api_server --host 0.0.0.0 --port $PORT"
        return Script(agent, command, "google-adk", reason)
    return None


def _agent(tree: Tree) -> str | None:
    """Its server offers each folder whose agent.py, or the package itself, has a root_agent."""
    for folder in tree.folders()[:MOST_FILES]:
        for file in (f"{folder}/agent.py", f"{folder}/__init__.py"):
            if re.search(r"^root_agent\s*=", tree.source(file), re.MULTILINE):
                return file
    return None


def _serves_itself(tree: Tree) -> bool:
    """An entry file wraps the agents in a server, as google-adk's own documentation does."""
    return any(_SERVES.search(tree.source(file)) for file in ENTRIES)


def _scripts(tree: Tree) -> list[str]:
    """Likely files first, at the root, then in src/ and app/."""
    known = [*ENTRIES, *PAGES]
    others = [n for n in tree.names if n.endswith(".py") and n not in known and n != "setup.py"]
    nested = [f"{folder}/{name}" for folder in ("src", "app") for name in known]
    return [name for name in (*known, *others[:20], *nested) if tree.is_file(name)]


def find_script(tree: Tree, pyproject: Table, needs: Requirements) -> Script | None:
    """An entry file, the project's own command, or a package that can be run."""
    for entry in (*ENTRIES, *(f"src/{name}" for name in ENTRIES)):
        if tree.is_file(entry):
            plain = not listens(tree.source(entry))
            return Script(entry, f"python {entry}", None, f"{entry}: run as a script", plain)
    if needs.packaged and (name := _own_command(pyproject)):
        return Script("pyproject.toml", name, None, f"pyproject.toml: its script {name}")
    if not needs.packaged and (function := _own_function(tree, pyproject)):
        return function
    for folder in tree.folders():
        if tree.is_file(f"{folder}/__main__.py"):
            return _module(tree, folder, f"python -m {shlex.quote(folder)}")
    for folder in tree.folders("src"):
        if tree.is_file(f"{folder}/__main__.py"):
            name = shlex.quote(folder.removeprefix("src/"))
            command = f"python -m {name}" if needs.packaged else f"PYTHONPATH=src python -m {name}"
            return _module(tree, folder, command)
    return None


def unparsed(tree: Tree, chosen: str | None, is_web: bool) -> list[str]:
    """The reason why a likely entry was passed over: the first that does not parse, if any.

    Only those are asked that come before a web application which was found.
    """
    names = list(dict.fromkeys([*(f"{module}.py" for module in MODULES), *ENTRIES]))
    files = [*names, *(f"src/{name}" for name in names)]
    if chosen and chosen.endswith(".py"):
        likely = files[: files.index(chosen)] if is_web and chosen in files else files
        files = list(dict.fromkeys([chosen, *likely]))
    left = MAX_SOURCE
    for file in filter(tree.is_file, files):
        text = tree.source(file)
        left -= len(text)
        if left < 0:
            break
        if wrong := flaw(text):
            return [f"{file}, line {wrong[0]}: does not parse ({wrong[1]})"]
    return []


def _module(tree: Tree, folder: str, command: str) -> Script:
    """What listens may be any file beside the one that is run."""
    file = f"{folder}/__main__.py"
    files = [f"{folder}/{name}" for name in tree.list(folder) if name.endswith(".py")]
    plain = not any(listens(tree.source(each)) for each in files[:MOST_FILES])
    return Script(file, command, None, f"{file}: run as a module", plain)


def _own_function(tree: Tree, pyproject: Table) -> Script | None:
    """What its own command would call, of a project that is not installed as a package.

    Most are programs for a terminal: its name or its source has to say that it serves.
    """
    name = _own_command(pyproject)
    target = re.fullmatch(r"([\w.]+):(\w+)", scripts(pyproject).get(name or "", ""))
    if name is None or target is None:
        return None
    path = target[1].replace(".", "/")
    for base, before in (("", ""), ("src/", "PYTHONPATH=src ")):
        file = tree.first(f"{base}{path}.py", f"{base}{path}/__init__.py")
        if file:
            command = f"{before}python -c 'from {target[1]} import {target[2]}; {target[2]}()'"
            plain = not listens(tree.source(file))
            if plain and name not in SERVING:
                return None
            reason = f"pyproject.toml: its script {name} is {target[0]}, called by python"
            return Script(file, command, None, reason, plain)
    return None


def _own_command(pyproject: Table) -> str | None:
    """The only script, or the one named like the project, or one that says what it does."""
    names = [name for name in scripts(pyproject) if re.fullmatch(r"[\w.-]+", name)]
    project = table(pyproject, "project").get("name")
    if len(names) == 1:
        return names[0]
    return next((n for n in (project, *SERVING) if n in names), None)
