"""Real trees through the real BuildKit: what comes out runs, keeps no secrets, stops in time."""

import asyncio
import dataclasses
import secrets
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import docker
import httpx
import pytest

from deployzero.build.builder import Builder, BuildRequest
from deployzero.build.dockerfile import process_command
from deployzero.build.material_images import material_tag_prefix
from deployzero.errors import BuildError, ResourceLimitError
from deployzero.models.project import ProjectConfig
from deployzero.settings import Settings

INSTANCE = f"test-{secrets.token_hex(4)}"
KEY = b"the same for every run, so that caches stay warm"
FLASK = ProjectConfig(
    "python",
    start_command="gunicorn --bind 0.0.0.0:$PORT --workers 1 app:app",
    install_files=("requirements.txt",),
    install_command="pip install -r requirements.txt",
)
PLAIN = ProjectConfig("python", start_command="python -m http.server $PORT")
NODE_SERVER = """
const server = require("http").createServer((q, r) => r.end("hello from node"))
server.listen(process.env.PORT, "0.0.0.0")
process.on("SIGTERM", () => { console.log("asked to end"); server.close(); process.exit(7) })
"""
GO_SERVER = """
package main

import ("fmt"; "net/http"; "os")

func main() {
	hello := func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello from go") }
	http.HandleFunc("/", hello)
	http.ListenAndServe("0.0.0.0:"+os.Getenv("PORT"), nil)
}
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", base_images="debian")


@pytest.fixture
async def builder(settings: Settings) -> AsyncIterator[Builder]:
    builder = Builder(settings, INSTANCE, KEY)
    yield builder
    await builder.close()


@pytest.fixture(autouse=True)
def _images() -> Iterator[None]:
    """Nothing that a test builds stays."""
    yield
    client = docker.DockerClient(timeout=120)
    for image in client.images.list(filters={"label": f"deployzero.instance={INSTANCE}"}):
        client.images.remove(image.id, force=True)


def tree(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def request(source: Path, config: ProjectConfig, name: str = "app") -> BuildRequest:
    labels = {"deployzero.instance": INSTANCE, "deployzero.app": name}
    return BuildRequest(name, f"deployzero-{INSTANCE}/{name}:1", source, config, labels)


@pytest.fixture
def serve() -> Iterator[Callable[..., tuple[httpx.Response, docker.models.containers.Container]]]:
    client = docker.DockerClient(timeout=120)
    started = []

    def start(image: str, path: str = "/", command: list[str] | None = None):
        container = client.containers.run(
            image, command, detach=True, init=True, environment={"PORT": "9000"},
            cap_drop=["ALL"], labels={"deployzero.instance": INSTANCE},
        )  # fmt: skip
        started.append(container)
        container.reload()
        address = container.attrs["NetworkSettings"]["IPAddress"]
        deadline = time.monotonic() + 20
        while True:
            try:
                return httpx.get(f"http://{address}:9000{path}", trust_env=False), container
            except httpx.TransportError:
                assert time.monotonic() < deadline, container.logs().decode()
                time.sleep(0.05)

    yield start
    for container in started:
        container.remove(force=True)


async def test_flask_and_a_changed_line_redoes_only_the_last_copy(
    builder: Builder, tmp_path: Path, serve: Callable
) -> None:
    app = "import flask\napp = flask.Flask(__name__)\n@app.get('/')\ndef hi(): return 'hello 1'\n"
    app += f"# {secrets.token_hex(8)}, unknown to the engine's cache\n"
    source = tree(tmp_path / "src", **{"requirements.txt": "flask\ngunicorn\n", "app.py": app})
    lines: list[str] = []
    first = await builder.build(request(source, FLASK), lines.append)
    answer, container = await asyncio.to_thread(serve, first.image_id)
    assert answer.text == "hello 1"
    tree(source, **{"app.py": app.replace("hello 1", "hello 2")})
    lines.clear()
    warm = await builder.build(request(source, FLASK), lines.append)
    assert (warm.steps - warm.cached, lines) == (1, [])
    answer, container = await asyncio.to_thread(serve, warm.image_id)
    assert answer.text == "hello 2"
    ran = await asyncio.to_thread(
        container.exec_run, ["/bin/sh", "-c", "id -u; touch /app/x && echo ok; which gcc pip"]
    )
    assert ran.output.decode().split() == ["1000", "ok", "/app/.venv/bin/pip"]
    await asyncio.to_thread(container.stop, timeout=10)
    assert container.wait()["StatusCode"] == 0, "gunicorn was killed, not asked to end"


async def test_node_gets_its_signal_through_npm(
    builder: Builder, tmp_path: Path, serve: Callable
) -> None:
    manifest = '{"name": "x", "scripts": {"start": "node server.js"}}'
    source = tree(tmp_path / "src", **{"package.json": manifest, "server.js": NODE_SERVER})
    config = ProjectConfig(
        "nodejs",
        start_command="npm start",
        install_files=("package.json",),
        install_command="npm install",
    )
    result = await builder.build(request(source, config), lambda line: None)
    answer, container = await asyncio.to_thread(serve, result.image_id)
    assert answer.text == "hello from node"
    await asyncio.to_thread(container.stop, timeout=10)
    assert b"asked to end" in container.logs()
    assert container.wait()["StatusCode"] in (0, 7)


async def test_go_is_compiled_and_runs_on_an_image_without_a_compiler(
    builder: Builder, tmp_path: Path, serve: Callable
) -> None:
    source = tree(tmp_path / "src", **{"go.mod": "module x\n\ngo 1.22\n", "main.go": GO_SERVER})
    build = "go build -trimpath -o bin/x ."
    config = ProjectConfig("go", build_command=build, start_command="bin/x")
    result = await builder.build(request(source, config), lambda line: None)
    answer, container = await asyncio.to_thread(serve, result.image_id)
    assert answer.text == "hello from go"
    assert result.size_bytes < 20_000_000
    certificates = "/etc/ssl/certs/ca-certificates.crt"
    looked = f"which go gcc x; ls | grep -c '[.]go$'; test -s {certificates} && id -un"
    ran = await asyncio.to_thread(container.exec_run, ["/bin/sh", "-c", looked])
    assert ran.output.decode().split() == ["/app/bin/x", "0", "app"]


async def test_static_files_with_their_404_types_and_hidden_files(
    builder: Builder, tmp_path: Path, serve: Callable
) -> None:
    source = tree(
        tmp_path / "src",
        **{"index.html": "home", "404.html": "lost", "docs__index.html": "docs", ".env": "secret",
           "a.mjs": "1", "app.0a1b2c3d.js": "2"},
    )  # fmt: skip
    result = await builder.build(
        request(source, ProjectConfig("static", static_dir=".")), lambda line: None
    )
    home, container = await asyncio.to_thread(serve, result.image_id)
    url = home.url
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (home.text, home.headers["cache-control"]) == ("home", "no-cache")
        lost = await client.get(url.join("/nowhere"))
        assert (lost.status_code, lost.text) == (404, "lost")
        assert (await client.get(url.join("/.env"))).status_code == 404
        assert (await client.get(url.join("/docs"))).headers["location"] == "/docs/"
        module = await client.get(url.join("/a.mjs"))
        assert module.headers["content-type"].startswith("text/javascript")
        hashed = await client.get(url.join("/app.0a1b2c3d.js"))
        assert "immutable" in hashed.headers["cache-control"]
    await asyncio.to_thread(container.stop, timeout=10)
    assert container.wait()["StatusCode"] == 0


async def test_a_front_end_is_built_by_node_and_served_with_fallback(
    builder: Builder, tmp_path: Path, serve: Callable
) -> None:
    manifest = '{"name": "x", "scripts": {"build": "mkdir dist && echo built > dist/index.html"}}'
    source = tree(tmp_path / "src", **{"package.json": manifest})
    config = ProjectConfig(
        "nodejs", build_command="npm run build", static_dir="dist", spa=True,
        install_files=("package.json",),
    )  # fmt: skip
    result = await builder.build(request(source, config), lambda line: None)
    answer, _ = await asyncio.to_thread(serve, result.image_id, "/some/page")
    assert (answer.status_code, answer.text) == (200, "built\n")


@pytest.mark.parametrize("kind", ["generated", "own"])
async def test_build_only_material_is_in_no_layer_and_no_history(
    tmp_path: Path, settings: Settings, kind: str
) -> None:
    marker = secrets.token_hex(12)
    bundle = tmp_path / "ca.crt"
    original = settings.ca_bundle.read_text() if settings.ca_bundle else ""
    bundle.write_text(f"{original}\n# ca-{marker}\n")
    settings = settings.model_copy(
        update={
            "build_ca_bundle": str(bundle),
            "build_env": {
                "FAKE_TOKEN": f"tok-{marker}",
                "INDEX": f"https://u:pw{marker}@i.invalid",
            },
        }
    )
    seen = (
        'test -n "$FAKE_TOKEN" && test -n "$INDEX" && grep -q ca- "$PIP_CERT" && echo $FAKE_TOKEN'
    )
    builder, lines = Builder(settings, INSTANCE, KEY), list[str]()
    try:
        source = tree(tmp_path / "src", **{"app.py": ""})
        config = ProjectConfig("python", start_command="true", build_command=seen)
        if kind == "own":
            base = await builder.prepare(PLAIN, lambda line: None)
            text = (
                f"# syntax=docker/dockerfile:1\nFROM {base.build}\nWORKDIR /app\n"
                f'RUN {seen}\nRUN ["/bin/sh", "-c", "grep -q ca- /run/deployzero-build/ca.crt"]\n'
                "COPY . .\n"
            )
            tree(source, Dockerfile=text)
            config = ProjectConfig("dockerfile", dockerfile="Dockerfile")
        result = await builder.build(request(source, config), lines.append)
        assert "[redacted]" in lines
        assert marker not in "\n".join(lines)
        client = docker.DockerClient(timeout=120)
        history = str(client.api.history(result.image_id))
        assert marker not in history
        assert "FAKE_TOKEN" not in history.replace('"$FAKE_TOKEN"', "").replace("$FAKE_TOKEN", "")
        saved = await asyncio.to_thread(_contains, result.image_id, marker.encode())
        assert not saved, "a layer or the image's configuration holds the material"
        assert not (source / ".deployzero").exists()
    finally:
        await builder.close()
    left = docker.DockerClient(timeout=120).images.list(
        filters={"label": ["deployzero.build-material", f"deployzero.instance={INSTANCE}"]}
    )
    assert left == []


async def test_an_apps_variables_are_in_its_builds_and_nowhere_after(
    builder: Builder, tmp_path: Path
) -> None:
    marker = secrets.token_hex(8)
    source = tree(tmp_path / "src", x="")
    config = ProjectConfig("python", start_command="true", build_command="echo $FLAVOR > flavor")
    images = []
    for flavor in (f"mint-{marker}", f"mint-{marker}", f"lime-{marker}"):
        asked = dataclasses.replace(request(source, config), environment={"FLAVOR": flavor})
        images.append(await builder.build(asked, lambda line: None))
        client = docker.DockerClient(timeout=120)
        assert marker not in str(client.api.history(images[-1].image_id))
        assert marker not in str(client.api.inspect_image(images[-1].image_id))
        shown = client.containers.run(images[-1].tag, ["cat", "/app/flavor"], remove=True)
        assert shown.decode().strip() == flavor
        left = client.images.list(
            filters={"label": ["deployzero.build-material", f"deployzero.instance={INSTANCE}"]}
        )
        assert len(left) <= 1, "only the server's own material waits for the next build"
    assert images[0].image_id == images[1].image_id
    assert images[1].image_id != images[2].image_id


def _contains(image: str, marker: bytes) -> bool:
    rest = b""
    for chunk in docker.DockerClient(timeout=120).api.get_image(image):
        if marker in rest + chunk:
            return True
        rest = chunk[-len(marker) :]
    return False


async def test_a_failing_command_is_named_with_its_last_lines(
    builder: Builder, tmp_path: Path
) -> None:
    source = tree(tmp_path / "src", **{"requirements.txt": "deployzero-no-such-package==9.9.9\n"})
    lines: list[str] = []
    with pytest.raises(BuildError) as failed:
        await builder.build(request(source, FLASK), lines.append)
    assert failed.value.message == (
        "`pip install -r requirements.txt` exited with 1: the package index has no "
        "deployzero-no-such-package==9.9.9 for this Python"
    )
    assert "config:set app PIP_EXTRA_INDEX_URL=" in failed.value.hint
    assert "deployzero-no-such-package" in "\n".join(failed.value.detail)
    assert lines[0] == "$ pip install -r requirements.txt"


async def test_an_image_that_cannot_be_pulled_is_named(builder: Builder, tmp_path: Path) -> None:
    source = tree(tmp_path / "src", Dockerfile="FROM 127.0.0.1:9/no/such:1\n")
    config = ProjectConfig("dockerfile", dockerfile="Dockerfile")
    with pytest.raises(BuildError, match=r"127\.0\.0\.1:9/no/such:1 cannot be pulled"):
        await builder.build(request(source, config), lambda line: None)


@pytest.mark.parametrize("how", ["cancelled", "timed out"])
async def test_a_build_that_is_stopped_leaves_nothing_running(
    tmp_path: Path, settings: Settings, how: str
) -> None:
    seconds = str(secrets.randbelow(9000) + 10000)
    if how == "timed out":
        settings = settings.model_copy(update={"build_timeout": 5.0})
    builder, said = Builder(settings, INSTANCE, KEY), asyncio.Event()
    try:
        await builder.prepare(PLAIN, lambda line: None)
        source = tree(tmp_path / "src", x="")
        config = ProjectConfig("python", build_command=f"echo begun; sleep {seconds}")

        def on_line(line: str) -> None:
            if line == "begun":
                said.set()

        task = asyncio.create_task(builder.build(request(source, config), on_line))
        async with asyncio.timeout(60):
            await asyncio.wait([task, asyncio.create_task(said.wait())],
                               return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
        async with asyncio.timeout(20):
            while not _runs("sleep", seconds):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        started = time.monotonic()
        if how == "cancelled":
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            with pytest.raises(ResourceLimitError, match="build stopped after 5 s") as stopped:
                await task
            assert stopped.value.detail == ("begun",)
        assert time.monotonic() - started < 8
        assert not _runs("sleep", seconds)
        assert not docker.DockerClient(timeout=120).images.list(f"deployzero-{INSTANCE}/app")
        again = ProjectConfig("python", build_command="true")
        assert (await builder.build(request(source, again), lambda line: None)).image_id
    finally:
        await builder.close()


def _runs(*command: str) -> bool:
    """A process of the host, containers' included, has this command line."""
    wanted = "\0".join(command).encode() + b"\0"
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if process.read_bytes() == wanted:
                return True
        except OSError:
            continue
    return False


async def test_the_limit_of_time_holds_before_the_engine_builds_too(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder = Builder(settings.model_copy(update={"build_timeout": 3.0}), INSTANCE, KEY)
    entered, release = threading.Event(), threading.Event()

    def write(*arguments: object) -> None:
        entered.set()
        release.wait(60)

    monkeypatch.setattr("deployzero.build.context.write_generated", write)
    try:
        await builder.prepare(PLAIN, lambda line: None)
        started = time.monotonic()
        with pytest.raises(ResourceLimitError, match="build stopped after 3 s") as stopped:
            await builder.build(request(tree(tmp_path / "src", x=""), PLAIN), lambda line: None)
        assert time.monotonic() - started < 5
        assert entered.is_set()
        assert "DEPLOYZERO_BUILD_TIMEOUT" in stopped.value.hint
    finally:
        release.set()
        await builder.close()
    assert not list((settings.data_dir / "spool").iterdir())


async def test_an_app_reaches_no_cache_of_another_by_its_own_dockerfile(
    builder: Builder, tmp_path: Path
) -> None:
    """`my` names the caches of `my-<app>` in every way that is not rewritten, and finds nothing."""
    base = await builder.prepare(PLAIN, lambda line: None)
    once = secrets.token_hex(4)  # else BuildKit would not run it again
    app = f"my-{once}"
    kept = ProjectConfig("python", build_command=f"echo {once} > /root/.cache/pip/mark")
    await builder.build(request(tree(tmp_path / "a", x=""), kept, app), lambda line: None)
    look = f"target=/c test ! -e /c/mark && echo {once}"
    lines = [
        f"RUN --mount=type={kind},id={name},{look}"
        for kind in ("cache", "CACHE", r"ca\che")
        for name in (f"{once}-pip", f"{once}/pip", f"{app}-pip", f"{app}/pip")
    ]
    text = f"FROM {base.build} AS a\nONBUILD RUN --mount=type=cache,id={app}/pip,{look}\nFROM a\n"
    source = tree(tmp_path / "b", Dockerfile=text + "\n".join(lines) + "\n")
    config = ProjectConfig("dockerfile", dockerfile="Dockerfile")
    await builder.build(request(source, config, "my"), lambda line: None)
    again = ProjectConfig("python", build_command=f"grep {once} /root/.cache/pip/mark # again")
    await builder.build(request(tree(tmp_path / "c", x=""), again, app), lambda line: None)


async def test_changed_dependencies_are_installed_anew_with_the_cache_of_those_before(
    builder: Builder, tmp_path: Path
) -> None:
    once = secrets.token_hex(4)
    mark = "/root/.cache/pip/mark"
    config = dataclasses.replace(
        FLASK, install_command=f"cat requirements.txt >> {mark} && wc -l < {mark} > /opt/venv/seen"
    )
    for wanted in (f"a # {once}\n", f"a # {once}\nb\n"):
        source = tree(tmp_path / "src", **{"requirements.txt": wanted})
        seen = 1 if wanted.count("\n") == 1 else 3
        look = dataclasses.replace(config, build_command=f"test $(cat /opt/venv/seen) = {seen}")
        await builder.build(request(source, look, f"app-{once}"), lambda line: None)


async def test_releases_share_the_layer_of_dependencies_that_stayed(
    builder: Builder, tmp_path: Path
) -> None:
    once = secrets.token_hex(4)
    made = "mkdir -p node_modules/a && cp version node_modules/a/ && cp page built"
    config = ProjectConfig("nodejs", build_command=made, start_command="cat built")
    layers = []
    for version, page in (("1", "one"), ("1", "two"), ("2", "two")):
        source = tree(tmp_path / "src", version=version + once, page=page)
        result = await builder.build(request(source, config), lambda line: None)
        image = docker.from_env().images.get(result.image_id)
        layers.append(image.attrs["RootFS"]["Layers"])
    first, second, third = layers
    assert first[:-1] == second[:-1] != third[:-1]
    assert first[-1] != second[-1]


async def test_a_second_process_leaves_the_first_ones_material(
    builder: Builder, settings: Settings, tmp_path: Path
) -> None:
    def there() -> list[str]:
        images = docker.DockerClient(timeout=120).images.list()
        prefix = material_tag_prefix(INSTANCE)
        return [tag for image in images for tag in image.tags if tag.startswith(prefix)]

    await builder.prepare(PLAIN, lambda line: None)
    (first,) = there()
    for build_env in ({}, {"OTHER": "1"}):
        second = Builder(settings.model_copy(update={"build_env": build_env}), INSTANCE, KEY)
        await second.prepare(PLAIN, lambda line: None)
        assert first in there()
        await second.close()
        assert there() == [first]
    await builder.close()
    assert there() == []


async def test_a_process_of_a_procfile_gets_its_signal(
    builder: Builder, tmp_path: Path, serve: Callable
) -> None:
    worker = (
        "import http.server, os, signal, sys\n"
        "signal.signal(signal.SIGTERM, lambda *a: sys.exit(5))\n"
        "http.server.test(http.server.SimpleHTTPRequestHandler, port=int(os.environ['PORT']))\n"
    )
    source = tree(tmp_path / "src", **{"worker.py": worker})
    result = await builder.build(request(source, PLAIN), lambda line: None)
    command = process_command("echo migrated && NAME=x python worker.py")
    _, container = await asyncio.to_thread(serve, result.image_id, "/", command)
    await asyncio.to_thread(container.stop, timeout=10)
    assert container.wait()["StatusCode"] == 5
