"""Base images made from Debian, pulled from a registry, and the choice between the two."""

import asyncio
import io
import secrets
import shutil
import socket
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
import httpx
import pytest

from deployzero.build.base_image_names import BaseImage
from deployzero.build.base_images import LABEL
from deployzero.build.builder import Builder, BuildRequest
from deployzero.errors import BuildError
from deployzero.models.project import ProjectConfig
from deployzero.settings import Settings

INSTANCE = f"test-{secrets.token_hex(4)}"
KEY = b"the same for every run, so that caches stay warm"
PYTHON = ProjectConfig("python", start_command="python -c 'print(40 + 2)'")
OFFICIAL_LIKE = """
FROM {base}
RUN --mount=type=cache,id=deployzero-trixie-apt,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=deployzero-trixie-lists,target=/var/lib/apt/lists,sharing=locked \
    apt-get update -q && apt-get install -yq --no-install-recommends python3-venv passwd
# As the official image is: Python in /usr/local, no user for apps.
RUN userdel app && rm -r /app /usr/bin/python3 && ln -s /usr/bin/python3.13 /usr/local/bin/python3
"""


@dataclass
class Registry:
    prefix: str
    names: list[str]


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """Debian's docker-registry on a free port, with images laid out as the official ones."""
    folder = tmp_path_factory.mktemp("registry")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "config.yml"
    config.write_text(
        f"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder}}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}'}}\n"
    )
    program = shutil.which("docker-registry")
    assert program, "docker-registry is missing: apt-get install docker-registry"
    process = subprocess.Popen([program, "serve", str(config)])
    try:
        _wait(lambda: httpx.get(f"http://127.0.0.1:{port}/v2/", trust_env=False).status_code == 200)
        prefix = f"127.0.0.1:{port}/library"
        names = [f"{prefix}/python:3.13", f"{prefix}/python:3.13-slim"]
        _push(folder, names)
        yield Registry(prefix, names)
        _remove(*names)
    finally:
        process.terminate()
        process.wait(10)


def _push(folder: Path, names: list[str]) -> None:
    base = asyncio.run(_prepare(Settings(data_dir=folder / "data", base_images="debian")))
    client = docker.APIClient(timeout=300)
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        text = OFFICIAL_LIKE.format(base=base.runtime).encode()
        member = tarfile.TarInfo("Dockerfile")
        member.size = len(text)
        tar.addfile(member, io.BytesIO(text))
    answer = client.post(
        f"{client.base_url}/v{client.api_version}/build",
        params={"version": "2", "t": names[0]},
        data=context.getvalue(),
        timeout=300,
    )
    assert '"error"' not in answer.text, answer.text[-1000:]
    client.tag(names[0], *names[1].rsplit(":", 1))
    for name in names:
        for message in client.push(name, stream=True, decode=True):
            assert "error" not in message, message
    client.close()
    _remove(*names)


async def _prepare(settings: Settings) -> BaseImage:
    builder = Builder(settings, INSTANCE, KEY)
    try:
        return await builder.prepare(PYTHON, lambda line: None)
    finally:
        await builder.close()


def _remove(*names: str) -> None:
    client = docker.APIClient(timeout=60)
    for name in names:
        if client.images(name):
            client.remove_image(name, force=True)
    client.close()


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            if condition():
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.05)


def empty(folder: Path) -> Path:
    (folder / "src").mkdir()
    return folder / "src"


async def _answer(settings: Settings, source: Path, lines: list[str]) -> str:
    """What the built image's own command prints."""
    builder = Builder(settings, INSTANCE, KEY)
    client = docker.DockerClient(timeout=60)
    tag = f"deployzero-{INSTANCE}/app:1"
    try:
        labels = {"deployzero.instance": INSTANCE}
        await builder.build(BuildRequest("app", tag, source, PYTHON, labels), lines.append)
        said = await asyncio.to_thread(client.containers.run, tag, remove=True)
        assert client.images.get(tag).attrs["Config"]["User"] == "1000:1000"
        return str(said.decode().strip())
    finally:
        await builder.close()
        await asyncio.to_thread(_remove, tag)


async def test_images_made_from_debian_are_labelled_small_and_made_once(tmp_path: Path) -> None:
    builder = Builder(Settings(data_dir=tmp_path, base_images="debian"), INSTANCE, KEY)
    try:
        lines: list[str] = []
        both = await asyncio.gather(
            builder.prepare(PYTHON, lambda line: None), builder.prepare(PYTHON, lambda line: None)
        )
        assert both[0] == both[1]
        assert (both[0].origin, both[0].version) == ("debian", "3.13")
        assert await builder.prepare(PYTHON, lines.append) == both[0]
        assert lines == []
    finally:
        await builder.close()
    client = docker.DockerClient(timeout=60)
    runtime = client.images.get(both[0].runtime)
    assert LABEL in runtime.labels
    assert runtime.attrs["Size"] < 200_000_000
    found = await asyncio.to_thread(
        client.containers.run, both[0].runtime, ["/bin/sh", "-c", "which gcc; echo"], remove=True
    )
    assert found.decode().strip() == ""


async def test_official_images_come_from_the_registry_that_is_set(
    registry: Registry, tmp_path: Path
) -> None:
    lines: list[str] = []
    settings = Settings(data_dir=tmp_path, base_images=registry.prefix)
    assert await _answer(settings, empty(tmp_path), lines) == "42"
    assert f"Pulling the base image {registry.names[0]}" in lines


async def test_without_a_registry_auto_says_so_and_falls_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whether a hub is in reach depends on the host: name one that never is.
    monkeypatch.setattr(
        "deployzero.build.base_image_names.OFFICIAL",
        {"python": ("127.0.0.1:9/python:{v}", "127.0.0.1:9/python:{v}-slim")},
    )
    lines: list[str] = []
    settings = Settings(data_dir=tmp_path, base_images="auto")
    assert await _answer(settings, empty(tmp_path), lines) == "42"
    assert lines[0] == "No image registry in reach: base images are made from Debian"


async def test_auto_takes_official_images_where_they_can_be_pulled(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _remove(*registry.names)
    monkeypatch.setattr(
        "deployzero.build.base_image_names.OFFICIAL",
        {"python": (f"{registry.prefix}/python:{{v}}", f"{registry.prefix}/python:{{v}}-slim")},
    )
    lines: list[str] = []
    settings = Settings(data_dir=tmp_path, base_images="auto")
    assert await _answer(settings, empty(tmp_path), lines) == "42"
    assert lines[0] == f"Pulling the base image {registry.names[0]}"


async def test_a_missing_official_image_is_an_error_with_the_way_out(
    registry: Registry, tmp_path: Path
) -> None:
    builder = Builder(Settings(data_dir=tmp_path, base_images=registry.prefix), INSTANCE, KEY)
    asked = ProjectConfig("python", runtime_version="3.9.18")
    try:
        with pytest.raises(BuildError, match=r"python:3\.9\.18 cannot be pulled") as refused:
            await builder.prepare(asked, lambda line: None)
        assert "DEPLOYZERO_BASE_IMAGES=debian" in refused.value.hint
    finally:
        await builder.close()


async def test_an_image_removed_behind_our_back_is_made_again(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, base_images="debian")
    builder = Builder(settings, INSTANCE, KEY)
    tag, lines = f"deployzero-{INSTANCE}/again:1", list[str]()
    try:
        await builder.prepare(PYTHON, lines.append)
        client = docker.APIClient(timeout=60)
        filters = {"label": ["deployzero.build-material", f"deployzero.instance={INSTANCE}"]}
        (material,) = client.images(filters=filters)
        client.remove_image(material["Id"], force=True)
        config = ProjectConfig("python", build_command=f"echo {secrets.token_hex(4)}")
        request = BuildRequest("again", tag, empty(tmp_path), config)
        assert (await builder.build(request, lines.append)).image_id
    finally:
        await builder.close()
        _remove(tag)
