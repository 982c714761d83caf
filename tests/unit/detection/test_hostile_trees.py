"""Trees that nobody writes by accident: only read, quickly, with an answer or an error."""

import contextlib
import json
import os
import time

import pytest

from deployzero.detection import ProjectDetector
from deployzero.errors import ProjectDetectionError

FLASK = "from flask import Flask\napp = Flask(__name__)\n"
NODE = '{"scripts": {"start": "node server.js"}}'
LETTERS = "abcdefghijklmnopqrstuvwxyz" * 3


def test_links_that_lead_out_are_not_read(plant, tmp_path):
    (tmp_path / "outside.json").write_text(NODE)
    root = plant({"index.html": ""})
    os.symlink(tmp_path / "outside.json", root / "package.json")
    assert ProjectDetector().detect(root).type == "static"


def test_links_within_the_tree_are_followed(plant):
    root = plant({"conf/package.json": NODE, "server.js": ""})
    os.symlink("conf/package.json", root / "package.json")
    assert ProjectDetector().detect(root).type == "nodejs"


def test_a_fifo_in_place_of_a_file_does_not_block(plant):
    root = plant({"index.html": ""})
    os.mkfifo(root / "package.json")
    assert ProjectDetector().detect(root).type == "static"


def test_nothing_of_the_repository_is_run(detect, tmp_path):
    trap = f"open({str(tmp_path / 'ran')!r}, 'w')\n"
    manage = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n"
    files = dict.fromkeys(("shop/settings.py", "shop/wsgi.py", "setup.py"), trap)
    detect({**files, "manage.py": manage, "requirements.txt": "django\n"})
    assert not (tmp_path / "ran").exists()


def test_a_huge_file_is_refused_not_read(detect):
    with pytest.raises(ProjectDetectionError, match=r"package\.json is larger than"):
        detect({"package.json": b" " * 2_000_000})


LONG = "9" * 6000


def script(text, **more):
    return json.dumps({"scripts": {"start": text, "build": text}, **more})


CALLS = {f"a{i}": " && ".join(f"npm run a{j}" for j in range(60)) for i in range(60)}
CHAIN = {
    f"p/p{i}/package.json": json.dumps(
        {"name": f"p{i}", "scripts": {"a": "b"}, "dependencies": {f"p{i + 1}": "1"}}
    )
    for i in range(1100)
}
STARS = "/".join(["**"] * 12)


@pytest.mark.parametrize(
    "files",
    [
        {"package.json": f'{{"packageManager": "pnpm@{LONG}"}}'},
        {"package.json": f'{{"engines": {{"node": "{LONG}"}}}}'},
        {"package.json": f'{{"dependencies": {{"@tanstack/react-start": "{LONG}.1"}}}}'},
        {"package.json": "{}", ".nvmrc": LONG},
        {"package.json": '{"scripts": [], "main": {}, "workspaces": {"packages": 1}}'},
        {"package.json": "[]"},
        {"composer.json": f'{{"require": {{"php": "{LONG}"}}}}', "index.php": ""},
        {"package.json/a": ""},
        {"package.json": "{}", "pnpm-workspace.yaml": "{" * 3000},
        {"package.json": "{}", "pnpm-workspace.yaml": "a: 2001-99-99"},
        {"package.json": "{}", "pnpm-workspace.yaml": " " * 900_000},
        {"go.mod": f"module a\ngo 1.{LONG}\n"},
        {"go.mod": "module a\ngo ٣.٣\n"},
        {"Pipfile": "[packages]\na = {extras = 5}"},
        {"pyproject.toml": "a." * 20_000 + "b = 1"},
        {"pyproject.toml": "[tool.poetry.dependencies]\na = {extras = 5}"},
        {"requirements.txt": "", ".python-version": f"3.{LONG}"},
        {"pyproject.toml": f'[project]\nname = "a"\nrequires-python = ">=3.{LONG}"'},
        {"environment.yml": "{" * 3000},
        {"environment.yml": "dependencies: 5"},
        {"app.py": "x = " + "(" * 5000},
        {"index.html": "<script " * 20_000},
        {"go.mod": "module a\n" + "\n" * 900_000, "main.go": "package main\n" + "\n" * 900_000},
        {"go.work": "go 1.24\n" + "\n" * 900_000, "main.go": "package main"},
        {"package.json": "{}", "vite.config.js": "\n" * 900_000},
        {"pyproject.toml": "\n" * 900_000},
        {"requirements.txt": "\n" * 900_000},
        {"requirements.txt": "a\n" * 40_000},
        {"Procfile": "\n" * 40_000 + "web: a"},
        {"package.json": script("nodemon" + " -w" * 60 + " !")},
        {"package.json": script("ts-node-dev" + " --a" * 60 + " !")},
        {"package.json": json.dumps({"scripts": {**CALLS, "start": "npm run a1 && b"}})},
        {"package.json": script("node a.js"), "a.js": "port " * 50_000},
        {"package.json": script("node a.js"), "a.js": ".listen(const port = 3000" + " " * 90_000},
        {
            "package.json": script("next start", dependencies={"next": "1"}),
            "next.config.js": "/*" * 90_000,
        },
        {
            "package.json": script("next start", dependencies={"next": "1"}),
            "next.config.js": "\n" * 49_000 + "a",
        },
        {
            "package.json": script("a" * 90_000, devDependencies={"vite": "1"}),
            "main.py": "",
            "requirements.txt": "a",
        },
        {"package.json": "{}", "index.html": "<script " * 8000},
        {
            "package.json": json.dumps({"workspaces": [f"{STARS}/a"]}),
            **{
                f"{a}/{b}/{c}/{d}/e/f": ""
                for a in "abc"
                for b in "abc"
                for c in "abc"
                for d in "abc"
            },
        },
        {"requirements.txt": "flask", "a.py": "import " * 30_000},
        {
            "deployzero.toml": 'root = "a"',
            "a/pyproject.toml": "",
            "a/main.py": "",
            "pyproject.toml": "tool = 1",
        },
        {"go.mod": "module a", "go.work": "use" + " " * 900_000 + "!", "main.go": "package main"},
        {
            "uv.lock": "",
            "pyproject.toml": f"tool.uv.workspace.members = {['**/' * 9 + c for c in LETTERS]}",
            **{f"{a}/{b}/{c}/a.py": "" for a in "abcdef" for b in "abcdef" for c in "abcdef"},
        },
        {
            "package.json": '{"scripts": {"build": "tsc"}, "dependencies": {"tsx": "4"}}',
            "index.ts": "from'a'\n" * 30_000,
            "tsconfig.json": '{"compilerOptions": {"outDir": "a", "paths": {'
            + ", ".join(f'"@{n}/*": []' for n in range(30_000))
            + "}}}",
        },
    ],
)
def test_what_no_person_writes_is_an_answer_or_an_error_and_quick(examine, files):
    begun = time.process_time()
    with contextlib.suppress(ProjectDetectionError):
        examine(files)
    assert time.process_time() - begun < 1


def test_a_thousand_packages_that_need_each_other_are_no_crash(examine):
    first = {"name": "p0", "scripts": {"start": "node a"}, "dependencies": {"p1": "1"}}
    files = {**CHAIN, "p/p0/package.json": json.dumps(first)}
    found = examine({"package.json": '{"workspaces": ["p/*"]}', **files})
    assert found.start_command == "cd p/p0 && node a"


def test_many_large_sources_are_not_all_parsed(examine):
    sources = {f"a{i}.py": "# Flask\n" + "a+b\n" * 40_000 for i in range(20)}
    begun = time.process_time()
    examine({"requirements.txt": "flask", **sources})
    assert time.process_time() - begun < 6


@pytest.mark.parametrize(
    ("files", "start"),
    [
        (
            {
                "go.mod": "module a\n",
                "main.go": "package main",
                "data.go": "package main\n//" + "a" * 1_100_000,
            },
            "bin/a",
        ),
        ({"requirements.txt": "", "main.py": b"# Andr\xe9", "a.py": b"# \xe9"}, "python main.py"),
    ],
)
def test_sources_may_be_large_or_in_another_encoding(examine, files, start):
    assert examine(files).start_command == start


@pytest.mark.parametrize(
    "files",
    [
        {"app.json": '{"env": {"A": "\\ud800"}}', "index.html": ""},
        {"package.json": '{"name": "\\udfff", "scripts": {"start": "node a.js"}}', "a.js": ""},
        {"app.json": '{"env": {"A": "\\ud800",},}', "index.html": ""},
    ],
)
def test_half_a_character_is_refused(examine, files):
    with pytest.raises(ProjectDetectionError, match="half a character"):
        examine(files)
