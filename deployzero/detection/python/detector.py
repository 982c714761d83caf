"""Python: what is installed and by which tool, and how the application is started."""

import shlex
from dataclasses import dataclass

from deployzero.detection.procfile import read_procfile, words
from deployzero.detection.python.conda import FILES as CONDA
from deployzero.detection.python.django import DjangoApp, find_django
from deployzero.detection.python.docs import SERVED, find_docs
from deployzero.detection.python.libraries import libraries
from deployzero.detection.python.packages import read_packages
from deployzero.detection.python.port import LOCAL, own_port
from deployzero.detection.python.pyproject import Table
from deployzero.detection.python.requirements import CONVENTIONS, Requirements
from deployzero.detection.python.script import ENTRIES, find_page, find_script, unparsed
from deployzero.detection.python.server import served
from deployzero.detection.python.version import python_version
from deployzero.detection.python.web import find_web_app
from deployzero.detection.tree import Tree
from deployzero.models.project import DEFAULT_PORT, ProjectConfig, ProjectType

MANIFESTS = (
    "requirements.txt", "pyproject.toml", "setup.py", "setup.cfg", "Pipfile", "manage.py",
    *CONDA,
)  # fmt: skip
HEROKU_HOOKS = ("bin/pre_compile", "bin/post_compile")


@dataclass(frozen=True)
class Examined:
    """The plan, and those parts of it that a workspace's member puts into that of the whole."""

    config: ProjectConfig
    steps: tuple[str, ...]
    """Of the build, with the source there: not those that install."""
    added: dict[str, str]
    """Packages that the start needs and no requirement names, and why."""
    reasons: tuple[str, ...]
    """Why it starts as it does."""


@dataclass(frozen=True)
class _Start:
    framework: str | None = None
    command: str | None = None
    file: str | None = None
    plain: bool = False


class PythonDetector:
    type: ProjectType = "python"
    markers = (
        "requirements.txt", "pyproject.toml", "setup.py", "Pipfile", *CONDA, "manage.py",
        *CONVENTIONS, *ENTRIES,
    )  # fmt: skip
    programs = (
        "python", "python3", "gunicorn", "uvicorn", "hypercorn", "flask", "waitress-serve",
        "daphne", "granian", "sanic", "fastapi", "streamlit", "chainlit", "celery", "uv", "poetry",
        "pipenv", "pdm",
    )  # fmt: skip

    def declared(self, tree: Tree) -> bool:
        return tree.first(*MANIFESTS) is not None

    def detect(self, tree: Tree) -> ProjectConfig | None:
        found = examined(tree)
        return found.config if found else None


def examined(tree: Tree) -> Examined | None:
    pyproject = tree.toml("pyproject.toml") or {}
    needs = read_packages(tree, pyproject)
    entry = tree.first(*ENTRIES) or _called(tree)
    django = find_django(tree)
    if needs is None and entry is None and django is None:
        return None
    declared = needs is not None
    needs = needs or Requirements(
        manager="pip", reasons=[f"{entry or 'manage.py'}: Python without requirements.txt"]
    )
    reasons: list[str] = []
    version, why = python_version(tree, pyproject)
    begun = _start(tree, pyproject, needs, django, reasons)
    if django is None:
        reasons += unparsed(tree, begun.file or entry, begun.framework is not None)
    if declared:
        _server_of_procfile(tree, needs)
    steps: list[str] = []
    if django and django.collects_static:
        steps.append(_collectstatic(django))
        reasons.append("STATIC_ROOT is set: collectstatic runs in the build")
    docs = find_docs(tree, needs.names) if begun.command is None and django is None else None
    if docs:
        begun = _Start(docs.framework, SERVED)
        steps.append(docs.build)
        reasons.append(f"{docs.reason}, its pages are served as files")
    build_packages, run_packages, because = libraries(needs.names | needs.locked)
    config = ProjectConfig(
        type="python",
        build_command=" && ".join((*needs.after_source, *steps)) or None,
        start_command=begun.command,
        port=_port(tree, begun, reasons),
        framework=begun.framework,
        package_manager=needs.manager,
        runtime_version=version,
        install_files=tuple(needs.files),
        install_command=needs.command,
        tools=(needs.tool,) if needs.tool else (),
        build_packages=build_packages,
        run_packages=run_packages,
        refusal=needs.refusal,
        main=begun.file or entry,
        plain_script=begun.plain,
        reasons=(*needs.reasons, *reasons, *because, *why, *_left_out(tree)),
    )
    told = (*needs.added.values(), *reasons, *because, *_left_out(tree))
    return Examined(config, tuple(steps), needs.added, told)


def _start(
    tree: Tree,
    pyproject: Table,
    needs: Requirements,
    django: DjangoApp | None,
    reasons: list[str],
) -> _Start:
    """needs get the server that is missing."""
    if django:
        return _Start("django", _django(tree, needs, django, reasons))
    found = find_web_app(tree, needs.names)
    page = find_page(tree, needs.names)
    if page and (found is None or found.folder != "." or "/" in found.file):
        reasons.append(page.reason)
        return _Start(page.framework, page.command, page.file)
    if found:
        reasons.append(f"{found.file}: {found.framework} application {found.target}")
        start = served(
            tree, needs, found.target, found.folder, found.framework, reasons, found.factory
        )
        return _Start(found.framework, start, found.file)
    script = find_script(tree, pyproject, needs)
    if script:
        reasons.append(script.reason)
        return _Start(None, script.command, script.file, script.plain)
    reasons.append(f"no web application and none of {', '.join(ENTRIES)}")
    return _Start()


def _django(tree: Tree, needs: Requirements, django: DjangoApp, reasons: list[str]) -> str | None:
    reasons.extend((django.reason, *django.lacks))
    reasons.append(
        "migrations do not run by themselves, since a failed one would leave the database "
        "between two releases: 'release: python manage.py migrate' in the Procfile runs them "
        "before the switch"
    )
    # gunicorn alone among the requirements says that WSGI is meant, asgi.py or not.
    asks = django.asked_asgi and ({"channels", "daphne"} & needs.names or not django.wsgi)
    if django.asgi and (asks or not django.wsgi):
        return served(tree, needs, django.asgi, django.folder, "asgi", reasons)
    if django.wsgi is None:
        reasons.append("no WSGI_APPLICATION and no wsgi.py: name the web process in a Procfile")
        return None
    return served(tree, needs, django.wsgi, django.folder, "django", reasons)


def _server_of_procfile(tree: Tree, needs: Requirements) -> None:
    """A Procfile that calls a server which the requirements forgot gets it all the same."""
    program = next(iter(words(read_procfile(tree).get("web", ""))), "")
    known = not needs.packaged and not needs.after_source  # what a package brings is not known
    there = needs.names | needs.locked
    if program in ("gunicorn", "uvicorn", "hypercorn") and known and program not in there:
        needs.add(program, f"{program} is added: the Procfile calls it, no requirement names it")


def _collectstatic(django: DjangoApp) -> str:
    """Settings must load in the build: what only SECRET_KEY needs is stood in for."""
    folder = "" if django.folder == "." else f"{shlex.quote(django.folder)}/"
    stands_in = "".join(f"{name}=${{{name}:-only-in-the-build}} " for name in django.secrets)
    command = f"{stands_in}python {folder}manage.py collectstatic --noinput"
    return f'if [ -z "${{DISABLE_COLLECTSTATIC:-}}" ]; then {command}; fi'


def _port(tree: Tree, begun: _Start, reasons: list[str]) -> int:
    """The port of a script that reads no $PORT; what listens there is what gets the requests."""
    web = read_procfile(tree).get("web")
    command = web or begun.command or ""
    file = _file_of(tree, web) if web else begun.file
    if file is None or "$PORT" in command:
        return DEFAULT_PORT
    port, address = own_port(tree, file)
    if address in LOCAL:
        reasons.append(
            f"{file}: listens on {address}, where nothing outside reaches it: host='0.0.0.0'"
        )
    if port is None or not 0 < port < 65536:
        return DEFAULT_PORT
    reasons.append(f"{file}: listens on port {port} whatever $PORT says, so PORT is {port}")
    return port


def _called(tree: Tree) -> str | None:
    """The file that a process of the Procfile runs with Python."""
    files = (_file_of(tree, command) for command in read_procfile(tree).values())
    return next(filter(None, files), None)


def _file_of(tree: Tree, command: str) -> str | None:
    """'A=1 python -u web.py --fast' -> 'web.py', when it is there."""
    given = words(command)
    if given[:1] not in (["python"], ["python3"]):
        return None
    file = next((word for word in given[1:] if word.endswith(".py")), None)
    return file if file and tree.is_file(file) else None


def _left_out(tree: Tree) -> list[str]:
    """What lies there and has no part in the build."""
    reasons = [
        f"{folder}/: a committed virtual environment, left out; remove it from git"
        for folder in (".venv", "venv", "env")
        if tree.is_file(f"{folder}/pyvenv.cfg")
    ]
    if hook := tree.first(*HEROKU_HOOKS):
        reasons.append(f"{hook}: Heroku's hook does not run here; a build command does")
    return reasons
