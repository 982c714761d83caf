"""Which stack wins, what is refused, and that a tree is only read."""

import contextlib
import json
import os
import time

import pytest

from deployzero.detection import ProjectDetector
from deployzero.errors import ProjectDetectionError

FLASK = "from flask import Flask\napp = Flask(__name__)\n"
NODE = '{"scripts": {"start": "node server.js"}}'
DJANGO = {
    "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n"
    "from django.core.management import execute_from_command_line\n",
    "shop/settings.py": "WSGI_APPLICATION = 'shop.wsgi.application'\n",
    "requirements.txt": "django\n",
}


def test_a_dockerfile_wins_over_a_language(detect):
    config = detect({"Dockerfile": "FROM scratch\n", "package.json": NODE, "app.py": FLASK})
    assert config.type == "dockerfile"
    assert any("package.json is there too" in reason for reason in config.reasons)


def test_go_wins_over_front_end_assets(detect):
    files = {"go.mod": "module a\ngo 1.24\n", "main.go": "package main\n", "package.json": NODE}
    assert detect(files).type == "go"


def test_a_python_app_wins_over_package_json_and_says_so(detect):
    config = detect({"package.json": NODE, "requirements.txt": "flask", "app.py": FLASK})
    assert config.type == "python"
    assert any("python wins over nodejs" in reason for reason in config.reasons)


def test_a_django_app_with_front_end_assets_is_python(detect):
    config = detect({**DJANGO, "package.json": '{"scripts": {"build": "webpack"}}'})
    assert (config.type, config.framework) == ("python", "django")


def test_a_node_app_beside_python_that_cannot_start_is_nodejs(detect):
    config = detect({"package.json": NODE, "requirements.txt": "requests"})
    assert config.type == "nodejs"


def test_a_script_that_lies_there_does_not_beat_package_json(detect):
    assert detect({"package.json": NODE, "main.py": "print(1)"}).type == "nodejs"


@pytest.mark.parametrize(
    ("web", "expected"),
    [("node server.js", "nodejs"), ("FOO=1 exec gunicorn app:app", "python")],
)
def test_the_procfile_decides_between_two_languages(detect, web, expected):
    files = {"package.json": NODE, "requirements.txt": "flask", "app.py": FLASK}
    config = detect({**files, "Procfile": f"web: {web}\n"})
    assert (config.type, config.start_command) == (expected, web)


def test_index_html_beside_requirements_is_python(detect):
    config = detect({"index.html": "", "requirements.txt": "flask", "app.py": FLASK})
    assert config.type == "python"


def test_a_plain_site_with_a_package_json_for_tools_is_static(detect):
    config = detect({"index.html": "", "package.json": '{"devDependencies": {"prettier": "3"}}'})
    assert (config.type, config.static_dir) == ("static", ".")


def test_a_phoenix_app_with_package_json_is_refused_by_name(detect):
    with pytest.raises(ProjectDetectionError, match="an Elixir app") as caught:
        detect({"mix.exs": "", "package.json": NODE})
    assert "Dockerfile" in caught.value.hint


def test_the_procfile_is_put_over_the_guess(detect):
    config = detect(
        {
            "requirements.txt": "flask\ngunicorn\n",
            "app.py": FLASK,
            "Procfile": "web: gunicorn app:app -w 4\nrelease: flask db upgrade\nqueue: python q.py",
        }
    )
    assert config.start_command == "gunicorn app:app -w 4"
    assert config.processes == {
        "web": "gunicorn app:app -w 4",
        "release": "flask db upgrade",
        "queue": "python q.py",
    }


def test_a_guessed_web_process_stands_beside_the_procfiles_workers(detect):
    config = detect(
        {"requirements.txt": "flask", "app.py": FLASK, "Procfile": "worker: python w.py"}
    )
    assert config.processes["web"] == config.start_command
    assert config.processes["worker"] == "python w.py"


def test_an_app_of_workers_alone_has_no_web_process(detect):
    config = detect({"package.json": "{}", "Procfile": "worker: node worker.js"})
    assert config.start_command is None
    assert config.processes == {"worker": "node worker.js"}


def test_nothing_recognised_says_what_was_looked_for_and_seen(detect):
    with pytest.raises(ProjectDetectionError) as caught:
        detect({"README.md": "", "notes/a.txt": ""})
    shown = "\n".join(caught.value.detail)
    assert "requirements.txt" in shown
    assert "seen: README.md, notes/" in shown
    assert caught.value.hint


def test_what_was_seen_is_bounded(detect):
    with pytest.raises(ProjectDetectionError) as caught:
        detect({f"file{n:03}.txt": "" for n in range(100)})
    assert "and 80 more" in caught.value.detail[1]


def test_an_empty_tree_is_named_as_empty(detect):
    with pytest.raises(ProjectDetectionError) as caught:
        detect({})
    assert "the tree is empty" in caught.value.detail[1]


def test_an_app_in_a_sub_folder_is_pointed_at(detect):
    with pytest.raises(ProjectDetectionError) as caught:
        detect({"backend/requirements.txt": "flask", "notes/a.txt": ""})
    assert "backend" in caught.value.hint


def test_a_stack_without_a_start_command_is_refused_with_the_remedy(detect, examine):
    files = {"requirements.txt": "requests"}
    with pytest.raises(ProjectDetectionError, match="a Python app, but no way to start") as caught:
        detect(files)
    assert "Procfile" in caught.value.hint
    assert examine(files).type == "python"


def test_an_entry_file_that_is_named_and_not_there_is_in_the_error(detect):
    with pytest.raises(ProjectDetectionError) as caught:
        detect({"package.json": '{"main": "server.js", "dependencies": {"express": "5"}}'})
    assert caught.value.message == (
        "a Node.js app, but package.json's main is server.js, and there is no such file"
    )


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
    detect({**DJANGO, "shop/settings.py": trap, "shop/wsgi.py": trap, "setup.py": trap})
    assert not (tmp_path / "ran").exists()


def test_a_huge_file_is_refused_not_read(detect):
    with pytest.raises(ProjectDetectionError, match=r"package\.json is larger than"):
        detect({"package.json": b" " * 2_000_000})


def test_a_file_that_is_not_utf8_is_named_with_its_line(detect):
    with pytest.raises(ProjectDetectionError, match="Procfile, line 2: is not UTF-8"):
        detect({"Procfile": b"web: a\n\xff\xfe: b\n"})


@pytest.mark.parametrize(
    ("files", "place"),
    [
        ({"package.json": '{\n  "name": "a",\n  "b"\n}'}, "package.json, line 4"),
        ({"package.json": '{\n<<<<<<< HEAD\n"a": 1}'}, "package.json, line 2: an unresolved merge"),
        ({"package.json": "[]"}, "package.json, line 1"),
        ({"package.json": '{"scripts": []}'}, "package.json has a bad 'scripts'"),
        ({"package.json": "[" * 100_000}, "package.json is not usable"),
        ({"pyproject.toml": "[project]\nname = \n"}, "pyproject.toml, line 2"),
        ({"pyproject.toml": "[project\n"}, "pyproject.toml, line 1"),
        ({"pyproject.toml": "a = [1,"}, "pyproject.toml, line 1"),
        ({"app.json": '{"env":\n}', "index.html": ""}, "app.json, line 2"),
        ({"go.mod": "nothing\n"}, "go.mod, line 1"),
    ],
)
def test_broken_files_are_named_with_their_line(detect, files, place):
    with pytest.raises(ProjectDetectionError) as caught:
        detect(files)
    assert place in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "flask\r\n".encode("utf-16"),
        b"\xfe\xff" + "flask\r\n".encode("utf-16-be"),
        "# coding: latin-1\n# café\nflask\n".encode("latin-1"),
    ],
)
def test_requirements_may_be_in_an_encoding_that_pip_reads(detect, text):
    config = detect({"requirements.txt": text, "app.py": FLASK})
    assert config.install_command == "pip install -r requirements.txt gunicorn"


def test_requirements_in_an_encoding_that_pip_refuses_are_named_with_their_line(detect):
    with pytest.raises(ProjectDetectionError, match=r"requirements\.txt, line 2: is not UTF-8"):
        detect({"requirements.txt": "flask\n# café\n".encode("latin-1"), "app.py": FLASK})


def test_a_conflict_in_requirements_is_named_however_its_line_is_written(detect):
    with pytest.raises(ProjectDetectionError, match=r"requirements\.txt, line 2: an unresolved"):
        detect({"requirements.txt": "flask\n  <<<<<<< HEAD # mine\n", "app.py": FLASK})


LOCKED = "flask==3.0 " + " ".join(f"--hash=sha256:{n:064d}" for n in range(20_000)) + "\n"
PIPFILE_LOCK = json.dumps({"default": {"flask": {"hashes": ["0" * 64] * 20_000}}})


@pytest.mark.parametrize(
    "files",
    [
        {"requirements.txt": LOCKED},
        {"requirements.txt": LOCKED.replace(" --hash", " \\\n    --hash")},
        {"Pipfile.lock": PIPFILE_LOCK, "Pipfile": "[packages]\nflask = '*'\n"},
    ],
)
def test_a_lock_may_be_larger_than_other_files(detect, files):
    assert sum(map(len, files.values())) > 1_300_000
    assert detect({**files, "app.py": FLASK}).framework == "flask"


def test_a_bom_and_crlf_are_tolerated(detect):
    config = detect(
        {
            "package.json": b"\xef\xbb\xbf{\r\n}\r\n",
            "Procfile": b"\xef\xbb\xbf# how it runs\r\nweb: node a.js\r\n",
        }
    )
    assert config.start_command == "node a.js"


def test_control_characters_reach_no_terminal(detect, examine):
    config = examine({"package.json": '{"scripts": {"start": "node \\u001b[2Jx"}}'})
    assert config.reasons
    assert all(reason.isprintable() for reason in config.reasons)
    with pytest.raises(ProjectDetectionError) as caught:
        detect({"Procfile": "\x1b[2J\n"})
    assert caught.value.message.isprintable()


def test_a_misnamed_procfile_is_noticed(detect):
    config = detect({"server.js": "", "procfile": "web: node b.js"})
    assert "procfile: ignored, the file is called Procfile" in config.reasons


def test_detection_is_quick(plant):
    root = plant({f"package{n}/module{m}.py": FLASK for n in range(30) for m in range(30)})
    plant({"requirements.txt": "flask", **{f"m{n}.py": "x = 1\n" * 500 for n in range(30)}})
    best = min(_timed(root) for _ in range(3))
    assert best < 0.2  # 30 ms on a quiet machine; this only guards against a walk of it all


def _timed(root) -> float:
    start = time.process_time()
    ProjectDetector().examine(root)
    return time.process_time() - start


@pytest.mark.parametrize(
    ("files", "root", "type_"),
    [
        ({"shop/index.js": "", "shop/package.json": '{"name": "a"}'}, "shop", "nodejs"),
        ({"README.md": "", "LICENSE": "", ".gitignore": "", "web/app.py": ""}, "web", "python"),
        ({"a/b/c/index.html": ""}, "a/b/c", "static"),
        ({"docker-compose.yml": "", "api/Dockerfile": "FROM x"}, "api", "dockerfile"),
    ],
)
def test_an_app_in_the_only_folder_is_found(detect, files, root, type_):
    config = detect(files)
    assert (config.root, config.type) == (root, type_)
    assert any(reason.startswith(f"{root}/:") for reason in config.reasons)


@pytest.mark.parametrize(
    "files",
    [
        {"web/app.py": "", "other/notes.txt": ""},
        {"web/app.py": "", "data.csv": ""},
        {"a/b/c/d/e/app.py": ""},
        {"web/notes.txt": ""},
    ],
)
def test_an_app_in_one_of_several_folders_is_not_guessed(detect, files):
    with pytest.raises(ProjectDetectionError, match="no app was recognised"):
        detect(files)


@pytest.mark.parametrize(
    ("file", "named"),
    [
        ("hugo.toml", "a Hugo app"),
        ("archetypes/default.md", "a Hugo app"),
        ("_config.yml", "Jekyll"),
    ],
)
def test_a_site_generator_that_is_not_there_is_named(detect, file, named):
    with pytest.raises(ProjectDetectionError, match=named):
        detect({file: "", "content/a.md": ""})


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
    ],
)
def test_what_no_person_writes_is_an_answer_or_an_error_and_quick(examine, files):
    begun = time.perf_counter()
    with contextlib.suppress(ProjectDetectionError):
        examine(files)
    assert time.perf_counter() - begun < 1


def test_a_thousand_packages_that_need_each_other_are_no_crash(examine):
    first = {"name": "p0", "scripts": {"start": "node a"}, "dependencies": {"p1": "1"}}
    files = {**CHAIN, "p/p0/package.json": json.dumps(first)}
    found = examine({"package.json": '{"workspaces": ["p/*"]}', **files})
    assert found.start_command == "cd p/p0 && node a"


def test_many_large_sources_are_not_all_parsed(examine):
    sources = {f"a{i}.py": "# Flask\n" + "a+b\n" * 40_000 for i in range(20)}
    begun = time.perf_counter()
    examine({"requirements.txt": "flask", **sources})
    assert time.perf_counter() - begun < 6


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


def test_a_streamlit_page_may_have_a_space_in_its_name(examine):
    files = {"requirements.txt": "streamlit", "my page.py": "import streamlit"}
    assert examine(files).start_command.startswith("streamlit run 'my page.py' ")
