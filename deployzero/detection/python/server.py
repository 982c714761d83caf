"""The server that an application object is given to, with workers for a small container."""

import shlex

from deployzero.detection.procfile import read_procfile
from deployzero.detection.python.requirements import Requirements
from deployzero.detection.python.web import ASGI
from deployzero.detection.tree import Tree

WSGI_SERVERS = {
    "gunicorn": "gunicorn{chdir} --bind 0.0.0.0:$PORT{workers} {target}",
    "waitress": "{path}waitress-serve --host=0.0.0.0 --port=$PORT{call} {plain}",
}
ASGI_SERVERS = {
    "uvicorn": "uvicorn{app_dir}{factory} {plain} --host 0.0.0.0 --port $PORT",
    "hypercorn": "{path}hypercorn --bind 0.0.0.0:$PORT {target}",
    "daphne": "{path}daphne -b 0.0.0.0 -p $PORT {target}",
    "granian": "{path}granian --interface asgi --host 0.0.0.0 --port $PORT {target}",
}
"""By package; the first is what an app without a server of its own gets."""
OWN_SERVERS = {
    "sanic": "{path}sanic {plain} --host=0.0.0.0 --port=$PORT --single-process{factory}",
    "aiohttp": "gunicorn{chdir} --bind 0.0.0.0:$PORT --worker-class aiohttp.GunicornWebWorker"
    "{workers} {plain}",
}
WORKERS = " --workers ${WEB_CONCURRENCY:-2}"
"""Two fit into 512 MB, and one that is busy or restarts leaves the other."""
SOCKETS = " --workers 1 --threads 100"
"""Flask-SocketIO keeps its clients in the memory of one process."""


def served(
    tree: Tree,
    needs: Requirements,
    target: str,
    folder: str,
    framework: str,
    reasons: list[str],
    factory: bool = False,
) -> str:
    """The start command for 'module:object' below `folder`; needs get a server if it lacks."""
    template = OWN_SERVERS.get(framework) or _chosen(tree, needs, target, folder, framework)
    if framework == "aiohttp":
        _add(tree, needs, "gunicorn")
    return template.format(
        target=shlex.quote(target),
        plain=target.removesuffix("()"),
        chdir="" if folder == "." else f" --chdir {shlex.quote(folder)}",
        app_dir="" if folder == "." else f" --app-dir {shlex.quote(folder)}",
        path="" if folder == "." else f"PYTHONPATH={shlex.quote(folder)} ",
        factory=" --factory" if factory else "",
        call=" --call" if factory else "",
        workers=_workers(tree, needs, reasons),
    )


def _chosen(tree: Tree, needs: Requirements, target: str, folder: str, framework: str) -> str:
    """The first server among the requirements, else the first of all."""
    servers = ASGI_SERVERS if framework in ASGI else WSGI_SERVERS
    server = next((name for name in servers if name in needs.names), None)
    if target.endswith(".server"):
        server = "waitress"  # gunicorn takes no attribute of an object (Dash's Flask)
        if server not in needs.names:
            _add(tree, needs, server)
    if server is None:
        server = next(iter(servers))
        _add(tree, needs, server)
    return servers[server]


def _add(tree: Tree, needs: Requirements, server: str) -> None:
    if server not in needs.names and "web" not in read_procfile(tree):
        needs.add(server, f"{server} is added: no server among the requirements")


def _workers(tree: Tree, needs: Requirements, reasons: list[str]) -> str:
    if "flask-socketio" in needs.names:
        return SOCKETS
    if tree.is_file("gunicorn.conf.py"):
        reasons.append("gunicorn.conf.py: gunicorn reads it; only the address is given")
        return ""
    return WORKERS
