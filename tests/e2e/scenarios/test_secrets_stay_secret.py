"""A secret is in the app's environment, and nowhere else."""

import io
import json
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon import Daemon, commit, docker_client

RUNTIME = "runtime-0123456789-secret"
BUILD = "build-time-0123456789-secret"
MANAGE = """\
# django: os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop")
import os, sys
print("building with", os.environ.get("BUILD_TOKEN"), os.environ.get("RUNTIME_TOKEN"))
sys.exit("cannot sign in with " + os.environ["BUILD_TOKEN"] if os.path.exists("fail") else 0)
"""
SHOP = 'STATIC_ROOT = "static"\nINSTALLED_APPS = ["django.contrib.staticfiles"]\n'
BOOT = """\
import os, sys
print("booting with", os.environ.get("RUNTIME_TOKEN"), os.environ.get("MODE"), flush=True)
if os.environ.get("SICK"):
    sys.exit("no use for " + os.environ["RUNTIME_TOKEN"])
"""


@contextmanager
def command_lines() -> Iterator[set[bytes]]:
    """Yields what any process of this machine has been started with meanwhile."""
    seen: set[bytes] = set()
    end = threading.Event()

    def look() -> None:
        while not end.wait(0.01):
            for file in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.add(file.read_bytes())
                except OSError:
                    continue

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        end.set()
        thread.join()


def image_content(name: str) -> Iterator[bytes]:
    """Every file of the image's layers, its history and its configuration."""
    data = b"".join(docker_client().get_image(name))
    with tarfile.open(fileobj=io.BytesIO(data)) as image:
        for member in image:
            if member.isfile() and (file := image.extractfile(member)):
                yield file.read()


def test_secrets_are_in_the_environment_of_the_app_and_nowhere_else(
    server: Daemon, admin, repo: Path
) -> None:
    secrets = [RUNTIME.encode(), BUILD.encode()]
    said = []

    def told(answer: object) -> str:
        said.append(str(answer))
        return said[-1]

    commit(repo, {"manage.py": MANAGE, "app.py": BOOT + (repo / "app.py").read_text(),
                  "shop.py": SHOP})  # fmt: skip
    assert admin.ssh("apps:create", "vaulted").code == 0
    with command_lines() as seen:
        admin.ssh("config:set", "vaulted", "RUNTIME_TOKEN", stdin=RUNTIME.encode())
        admin.ssh("config:set", "vaulted", "BUILD_TOKEN", "--build", stdin=BUILD.encode())
        admin.ssh("config:set", "vaulted", "MODE=production")
        pushed = admin.push(repo, "vaulted")
        assert pushed.code == 0, pushed.err
        told(pushed)
        sick = admin.ssh("config:set", "vaulted", "SICK=1")
        assert sick.code == 1
        assert "booting with [redacted] production" in told(sick)
        assert "no use for [redacted]" in said[-1]
        broken = admin.push(commit(repo, {"fail": ""}), "vaulted")
        assert broken.code == 1
        # The build sees what is marked for it alone.
        assert "building with [redacted] None" in told(broken)
        assert "cannot sign in with [redacted]" in said[-1]
    for command in ("config", "config:keys", "events", "builds:list", "releases"):
        told(admin.ssh(command, *([] if command == "events" else ["vaulted"])))
    assert server.get("vaulted", "/env/RUNTIME_TOKEN").text == RUNTIME

    (container,) = server.containers("vaulted")
    inspected = docker_client().inspect_container(container["Id"])
    assert f"RUNTIME_TOKEN={RUNTIME}" in inspected["Config"].pop("Env")
    image = inspected["Image"]
    places = {
        "what people were told": "".join(said).encode(),
        "the daemon's log": server.log.read_bytes(),
        "command lines": b"\n".join(seen),
        "the container": json.dumps(inspected).encode(),
        "the image's history": json.dumps(docker_client().history(image)).encode(),
        "the image's configuration": json.dumps(docker_client().inspect_image(image)).encode(),
    }
    places |= {str(file): file.read_bytes() for file in server.data.rglob("*") if file.is_file()}
    assert {"deployzero.db", "deployzero.db-wal"} <= {Path(place).name for place in places}
    leaks = [place for place, data in places.items() if any(each in data for each in secrets)]
    assert leaks == []
    assert not any(each in data for data in image_content(image) for each in secrets)
    for name in ("secret.key", "deployzero.db"):
        assert (server.data / name).stat().st_mode & 0o777 == 0o600, name
