"""A small image with this host's own Python and sh, made in a second, without any registry."""

import io
import re
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path

import docker

LEFT_OUT = {"test", "site-packages", "dist-packages", "idlelib", "lib2to3", "tkinter", "ensurepip"}
KEPT = {".py", ".pyc", ".so"}
PYTHON = str(Path(sys.executable).resolve())
SERVER = """
import http.server, os, signal, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = os.environ.get("BODY", "hello").encode()
        self.send_response(int(os.environ.get("STATUS", "200")))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()
    def log_message(self, *args): pass
port = int(os.environ.get("LISTEN_PORT") or os.environ["PORT"])
address = (os.environ.get("LISTEN", "0.0.0.0"), port)
http.server.ThreadingHTTPServer.request_queue_size = 128
print("serving", *address, flush=True)
http.server.ThreadingHTTPServer(address, Handler).serve_forever()
"""
"""An app that answers $BODY with $STATUS on $LISTEN:$LISTEN_PORT, with keep-alive."""


def python(code: str) -> tuple[str, ...]:
    """The command that runs code in the image."""
    return (PYTHON, "-S", "-c", code)


def make_image(tag: str, labels: dict[str, str]) -> None:
    changes = [f'LABEL "{name}"="{value}"' for name, value in labels.items()]
    client = docker.APIClient(timeout=120)
    repository, _, version = tag.partition(":")
    client.import_image_from_data(_rootfs(), repository, version, changes=[*changes, "USER 1000"])
    client.close()


def _rootfs() -> bytes:
    stdlib = Path(sysconfig.get_path("stdlib")).resolve()
    programs = [Path(PYTHON), Path("/bin/sh")]
    modules = stdlib.glob("lib-dynload/binascii.*.so")
    files = {*programs, *_libraries([*programs, *modules])}
    files |= {
        path
        for path in stdlib.rglob("*")
        if path.suffix in KEPT
        and ".opt-" not in path.name
        and not LEFT_OUT & set(path.relative_to(stdlib).parts)
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", dereference=True) as tar:
        for path in sorted(files):
            # Folders come into being by their files, readable for everyone.
            tar.add(path, arcname=str(path).lstrip("/"), recursive=False)
        made = tarfile.TarInfo("tmp")
        made.type, made.mode = tarfile.DIRTYPE, 0o1777
        tar.addfile(made)
    return buffer.getvalue()


def _libraries(programs: list[Path]) -> set[Path]:
    listed = subprocess.run(
        ["ldd", *map(str, programs)], capture_output=True, text=True, check=False
    ).stdout
    return {Path(found) for found in re.findall(r"(/\S+\.so\S*) \(0x", listed)}
