"""Which stack wins, and what is refused."""

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


def test_all_apps_in_folders_are_pointed_at(detect):
    files = {"backend/requirements.txt": "flask", "frontend/package.json": "{}"}
    with pytest.raises(ProjectDetectionError, match="no app was recognised") as caught:
        detect(files)
    assert "two apps: backend/requirements.txt, frontend/package.json" in caught.value.detail
    assert caught.value.hint == (
        'One of them: root = "backend" in deployzero.toml; each as an app of its own: '
        "config:set <app> DEPLOYZERO_ROOT=backend, and the same for another app with frontend."
    )
    with pytest.raises(ProjectDetectionError) as caught:
        detect({"a/go.mod": "", "web/package.json": "{}"})
    assert caught.value.detail[-1] == (
        "4 apps: a/go.mod, backend/requirements.txt, frontend/package.json and 1 more"
    )


def test_the_page_that_a_bundler_begins_with_is_no_other_stack(detect):
    vite = '{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "7"}}'
    config = detect({"package.json": vite, "index.html": '<script src="/src/main.ts">'})
    assert (config.type, config.static_dir) == ("nodejs", "dist")
    assert not any("wins over" in r or "another choice" in r for r in config.reasons)


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
    assert caught.value.hint == (
        'Correct "main" in package.json, add a "build" script that makes server.js and a "start" '
        "script that runs it, or a Procfile with 'web: <command>'."
    )
    scripts = '"scripts": {"build": "node make.js", "start": "node server.js"}'
    assert detect({"package.json": f'{{"main": "server.js", {scripts}}}'}).start_command
    root = '{"main": "index.js", "workspaces": ["a", "b"]}'
    with pytest.raises(ProjectDetectionError, match="no way to start"):
        detect({"package.json": root, "a/package.json": "{}", "b/package.json": "{}"})


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


def test_a_streamlit_page_may_have_a_space_in_its_name(examine):
    files = {"requirements.txt": "streamlit", "my page.py": "import streamlit"}
    assert examine(files).start_command.startswith("streamlit run 'my page.py' ")
