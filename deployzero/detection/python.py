"""Python: what pip installs, and how the web application is started."""

import shlex
from typing import Any

from deployzero.detection.django import DjangoApp, find_django
from deployzero.detection.procfile import read_procfile
from deployzero.detection.python_version import python_version
from deployzero.detection.python_web import ASGI, WebApp, find_web_app
from deployzero.detection.requirements import Requirements, read_requirements
from deployzero.detection.tree import Tree
from deployzero.models.project import ProjectConfig, ProjectType

ENTRIES = ("main.py", "app.py", "start.py", "bot.py", "hello.py", "server.py")
"""Plain scripts, in Railpack's order."""

WSGI_SERVERS = {
    "gunicorn": "gunicorn{chdir} --bind 0.0.0.0:$PORT --workers 2 {target}",
    "waitress": "waitress-serve --host=0.0.0.0 --port=$PORT{call} {plain}",
}
ASGI_SERVERS = {
    "uvicorn": "uvicorn{app_dir}{factory} {plain} --host 0.0.0.0 --port $PORT",
    "hypercorn": "hypercorn --bind 0.0.0.0:$PORT {target}",
}
"""By package; the first is what an app without a server of its own gets."""


class PythonDetector:
    type: ProjectType = "python"
    markers = ("requirements.txt", "pyproject.toml", "setup.py", "Pipfile", "manage.py", *ENTRIES)

    def detect(self, tree: Tree) -> ProjectConfig | None:
        pyproject = tree.toml("pyproject.toml") or {}
        requirements = read_requirements(tree, pyproject)
        entry = tree.first(*ENTRIES)
        django = find_django(tree)
        if requirements is None and entry is None and django is None:
            return None
        needs = requirements or Requirements(
            reasons=[f"{entry or 'manage.py'}: Python without requirements.txt"]
        )
        reasons: list[str] = []
        framework, start = _start(tree, pyproject, needs, django, reasons)
        _server_of_procfile(tree, needs)
        build = list(needs.after_source)
        if django and django.collects_static:
            build.append(_manage(django, "collectstatic --noinput"))
            reasons.append("STATIC_ROOT is set: collectstatic runs in the build")
        version, why = python_version(tree, pyproject)
        return ProjectConfig(
            type="python",
            build_command=" && ".join(build) or None,
            start_command=start,
            framework=framework,
            package_manager="pip",
            runtime_version=version,
            install_files=tuple(needs.files),
            install_command=needs.command,
            main=entry,
            reasons=(*needs.reasons, *reasons, *why),
        )


def _start(
    tree: Tree,
    pyproject: dict[str, Any],
    needs: Requirements,
    django: DjangoApp | None,
    reasons: list[str],
) -> tuple[str | None, str | None]:
    """(framework, start command); needs get the server that is missing."""
    if django:
        reasons.append(django.reason)
        if django.wsgi is None:
            reasons.append("no WSGI_APPLICATION and no wsgi.py: name the web process in a Procfile")
            return "django", None
        return "django", _served(tree, needs, django.wsgi, django.folder, "django", reasons)
    found = find_web_app(tree, needs.names)
    if found:
        reasons.append(f"{found.file}: {found.framework} application {found.target}")
        return found.framework, _served(
            tree, needs, found.target, found.folder, found.framework, reasons, found
        )
    return None, _script(tree, pyproject, reasons)


def _served(
    tree: Tree,
    needs: Requirements,
    target: str,
    folder: str,
    framework: str,
    reasons: list[str],
    found: WebApp | None = None,
) -> str:
    servers = ASGI_SERVERS if framework in ASGI else WSGI_SERVERS
    server = next((name for name in servers if name in needs.names), None)
    if server == "waitress" and folder != ".":
        server = None
    if server is None:
        server = next(iter(servers))
        if "web" not in read_procfile(tree):
            needs.add(server, f"{server} is added: no server among the requirements")
            needs.names.add(server)
    factory = bool(found and found.factory)
    return servers[server].format(
        target=shlex.quote(target),
        plain=target.removesuffix("()"),
        chdir="" if folder == "." else f" --chdir {shlex.quote(folder)}",
        app_dir="" if folder == "." else f" --app-dir {shlex.quote(folder)}",
        factory=" --factory" if factory else "",
        call=" --call" if factory else "",
    )


def _server_of_procfile(tree: Tree, needs: Requirements) -> None:
    """A Procfile that calls a server which the requirements forgot gets it all the same."""
    web = read_procfile(tree).get("web", "").split()
    program = web[0] if web else ""
    known = not needs.after_source  # what a package brings along is not known here
    if program in ("gunicorn", "uvicorn", "hypercorn") and known and program not in needs.names:
        extras = {"uvicorn": "fastapi"}.get(program)
        if extras not in needs.names:
            needs.add(
                program, f"{program} is added: the Procfile calls it, no requirement names it"
            )


def _script(tree: Tree, pyproject: dict[str, Any], reasons: list[str]) -> str | None:
    project = pyproject.get("project")
    scripts = project.get("scripts") if isinstance(project, dict) else None
    for entry in (*ENTRIES, *(f"src/{name}" for name in ENTRIES)):
        if tree.is_file(entry):
            reasons.append(f"{entry}: run as a script")
            return f"python {entry}"
    if isinstance(scripts, dict) and len(scripts) == 1 and "build-system" in pyproject:
        name = next(iter(scripts))
        reasons.append(f"pyproject.toml: its script {name}")
        return shlex.quote(name)
    package = next((f for f in tree.folders() if tree.is_file(f"{f}/__main__.py")), None)
    if package:
        reasons.append(f"{package}/__main__.py: run as a module")
        return f"python -m {shlex.quote(package)}"
    reasons.append(f"no web application and none of {', '.join(ENTRIES)}")
    return None


def _manage(django: DjangoApp, command: str) -> str:
    folder = "" if django.folder == "." else f"{shlex.quote(django.folder)}/"
    return f"python {folder}manage.py {command}"
