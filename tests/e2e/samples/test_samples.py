"""Small apps of every kind that people push, with no file added for deployzero: they are live."""

import re
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from daemon import Daemon, commit, docker_client, printed, repository

FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Answer:
    """What a path gives."""

    path: str = ""
    """Empty: what `link` finds in the first answer's page."""
    holds: str = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    link: str = ""
    form: Mapping[str, str] = field(default_factory=dict)
    """Sent as a browser sends one."""


@dataclass(frozen=True)
class Sample:
    folder: str
    type: str
    says: tuple[str, ...]
    """Lines of the push: why, and how it is built."""
    answers: tuple[Answer, ...]
    inside: Mapping[str, str] = field(default_factory=dict)
    """What commands print in its container."""
    megabytes: int = 400
    """Its image is smaller."""
    app: str = ""
    config: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.app or self.folder


# The slowest first, since two are pushed at a time.
SAMPLES = (
    Sample(
        "go-cmd",
        "Go",
        (
            "builds the main package ./cmd/server (also there: ./cmd/count",
            "vendor/modules.txt: built from vendor/, nothing is fetched",
        ),
        (
            Answer("/", "<li>Emma</li><li>Persuasion</li>"),
            Answer("/zone", "14:00 CEST"),
            Answer("/none", status=404),
        ),
        {"ls": "bin\ncmd\ngo.mod\ntemplates", "find . -name '*.go'": ""},
        megabytes=12,
    ),
    Sample(
        "sveltekit",
        "Node.js",
        ("sveltekit: adapter-node's server, build/", "npm ci installs exactly what it locks"),
        (
            Answer("/?city=Oslo", "Sunny in Oslo"),
            Answer("/", "Sunny in Rome", form={"city": "Rome"}),
            Answer(
                link=r'import..\.(/_app/immutable/[^"]+)"', headers={"cache-control": "immutable"}
            ),
        ),
        {"ls node_modules | grep -x -e vite -e svelte || echo none": "none"},
    ),
    Sample(
        "django",
        "Python",
        ("STATIC_ROOT is set: collectstatic runs in the build", "Applying auth.0001_initial... OK"),
        (
            Answer("/", "The shop is open"),
            Answer(
                link=r'href="(/static/shop\.[0-9a-f]+\.css)"',
                holds="#234",
                headers={"cache-control": "immutable"},
            ),
            Answer("/none/", status=404),
        ),
        {"env | grep -c ^SECRET_KEY=only-in": "0"},
    ),
    Sample(
        "vite-spa",
        "Node.js",
        ("vite: no server of its own, dist/ is served as files",),
        (
            Answer("/", "<title>Notebook", headers={"cache-control": "no-cache"}),
            Answer(link=r'src="(/assets/[^"]+\.js)"', headers={"cache-control": FOREVER}),
            Answer("/notes/7", "<title>Notebook", headers={"cache-control": "no-cache"}),
            Answer("/assets/none.js", status=404),
        ),
        {"command -v node || echo none": "none"},
        megabytes=100,
    ),
    Sample(
        "uv-workspace",
        "Python",
        ("uv.lock: installed by uv", "uv workspace: packages/wording"),
        (
            Answer("/notes/2", '{"text":"Note 2"}', headers={"content-type": "application/json"}),
            Answer("/notes/4", "no such note", status=404),
        ),
        {
            "python -c 'import pytest' 2>&1": "No module named 'pytest'",
            "command -v uv gcc || echo none": "none",
        },
        megabytes=200,
    ),
    Sample(
        "pnpm-native",
        "Node.js",
        (
            "package.json packageManager: pnpm 10.34.9",
            "workspaces: 2 packages are installed together",
        ),
        (Answer("/hello", "you asked for /hello"),),
        {
            "find . -name unix_dgram.node -path '*/Release/*' | head -n 1": "unix_dgram.node",
            "ls node_modules/.pnpm | grep is-number || echo none": "none",
            "command -v g++ make || echo none": "none",
        },
    ),
    Sample(
        "yarn-pnp",
        "Node.js",
        ("package.json packageManager: yarn 4.18.1",),
        (Answer("/", ".zip/node_modules/koa"),),
        {"ls .yarn/cache | grep is-number || echo none": "none"},
    ),
    Sample(
        "flask-esbuild",
        "Python",
        (
            "app.py: flask application app:app",
            "gunicorn is added: no server among the requirements",
            "'npm run build' is run first, and python gets what it makes",
        ),
        (
            Answer("/", 'id="counter"'),
            Answer("/static/counter.js", "clicked", headers={"content-type": "text/javascript"}),
        ),
        {"command -v node || echo none": "none"},
        megabytes=160,
    ),
    Sample(
        "pipenv",
        "Python",
        ("Pipfile.lock: installed by Pipenv", "Procfile: web"),
        (Answer("/", "Well begun is half done."),),
        {
            "python -c 'import iniconfig' 2>&1": "No module named 'iniconfig'",
            "command -v pipenv || echo none": "none",
        },
        megabytes=160,
    ),
    Sample(
        "static-site",
        "Static",
        ("index.html: the repository is served as files", "unknown paths answer 404.html"),
        (
            Answer("/", "Fresh bread", headers={"cache-control": "no-cache"}),
            Answer(link=r'href="([^"]+\.css)"', headers={"cache-control": FOREVER}),
            Answer("/about", "Baking since 1902", headers={"content-type": "text/html"}),
            Answer("/breads/", "Rye and wheat"),
            Answer("/site.webmanifest", headers={"content-type": "application/manifest+json"}),
            Answer("/none", "No such bread", status=404),
        ),
        megabytes=100,
    ),
    Sample(
        "monorepo",
        "Node.js",
        ("deployzero.toml: root = apps/api", "bun.lock: bun"),
        (Answer("/", '{"runtime":"bun"}'),),
    ),
    Sample(
        "monorepo",
        "Static",
        ("DEPLOYZERO_ROOT = apps/web",),
        (Answer("/", "The web half"), Answer("/deployzero.toml", status=404)),
        app="monorepo-web",
        config={"DEPLOYZERO_ROOT": "apps/web"},
        megabytes=100,
    ),
    Sample(
        "php",
        "PHP",
        ("index.php: PHP",),
        (
            Answer("/?name=<Ada>", "Welcome, &lt;Ada&gt;"),
            Answer("/about.php", '{"user":1000,"https":"off"}'),
            Answer("/none", status=404),
        ),
    ),
    Sample(
        "rack",
        "Ruby",
        ("config.ru: Ruby", "starts with: puma"),
        (Answer("/shelf", "GET /shelf"), Answer("/shelf", "POST /shelf", form={"a": "b"})),
    ),
    Sample(
        "java",
        "Java",
        ("Main.java: Java",),
        (Answer("/you", "Java greets /you"),),
        {"command -v javac || echo none": "none"},
    ),
    Sample(
        "perl",
        "Perl",
        ("app.psgi: Perl",),
        (Answer("/here", "Perl serves /here"),),
    ),
)


@pytest.fixture(scope="module")
def pushes(
    server: Daemon, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Future[str]]]:
    """What git said to each push of this run; two go on at a time."""
    wanted = [
        each
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path == request.path
        for each in item.callspec.params.values()
        if isinstance(each, Sample)
    ]
    folder = tmp_path_factory.mktemp("pushed")
    with ThreadPoolExecutor(2) as pool:
        yield {each.name: pool.submit(push, server, each, folder) for each in wanted}
        pool.shutdown(cancel_futures=True)


def push(server: Daemon, sample: Sample, folder: Path) -> str:
    repo = repository(folder / sample.name, {})
    shutil.copytree(Path(__file__).parent / sample.folder, repo, dirs_exist_ok=True)
    commit(repo, {})
    if sample.config:
        server.ssh("apps:create", sample.name)
        words = (f"{key}={value}" for key, value in sample.config.items())
        server.ssh("config:set", sample.name, *words)
    done = server.push(repo, sample.name)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_it_is_live(server: Daemon, pushes: Mapping[str, Future[str]], sample: Sample) -> None:
    said = pushes[sample.name].result()
    for line in (f"{sample.type} app detected", *sample.says):
        assert line in said
    pages: list[str] = []
    for wanted in sample.answers:
        pages.append(answered(server, sample.name, wanted, pages))
    [container] = server.containers(sample.name)
    image = docker_client().inspect_image(container["ImageID"])
    assert image["Config"]["User"] == "1000:1000"
    assert image["Size"] < sample.megabytes * 1e6
    for command, output in sample.inside.items():
        assert printed(container["Id"], command).strip().endswith(output), command


def answered(server: Daemon, app: str, wanted: Answer, pages: list[str]) -> str:
    """The page, which is as it is wanted."""
    path = wanted.path
    if wanted.link:
        found = re.search(wanted.link, pages[0])
        assert found, pages[0]
        path = found[1]
    response = asked(server, app, path, wanted.form)
    assert response.status_code == wanted.status, f"{path}: {response.text}"
    assert wanted.holds in response.text, path
    for name, value in wanted.headers.items():
        assert value in response.headers.get(name, ""), path
    return response.text


def asked(server: Daemon, app: str, path: str, form: Mapping[str, str]) -> httpx.Response:
    if not form:
        return server.get(app, path)
    host = f"{app}.localhost"
    return httpx.post(
        f"http://127.0.0.1:{server.http_port}{path}",
        data=dict(form),
        headers={"Host": host, "Origin": f"http://{host}", "Accept": "text/html"},
        timeout=10,
        trust_env=False,
    )
