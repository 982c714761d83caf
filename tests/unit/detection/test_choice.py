"""Choosing by hand: deployzero.toml, the app's config, and what goes before what."""

from pathlib import Path

import pytest

from deployzero.detection import ProjectDetector
from deployzero.errors import ProjectDetectionError

FLASK = {
    "requirements.txt": "flask\n",
    "app.py": "from flask import Flask\napp = Flask(__name__)\n",
}
NODE = {"package.json": '{"scripts": {"start": "node server.js"}}', "server.js": ""}
MAIN = "package main\nfunc main() {}\n"


@pytest.fixture
def chosen(plant):
    def examine(files, toml="", **variables):
        if toml:
            files = {**files, "deployzero.toml": toml}
        return ProjectDetector().examine(plant(files), variables)

    return examine


def test_the_type_is_what_is_chosen(chosen):
    assert chosen({**FLASK, **NODE}).type == "python"
    assert chosen({**FLASK, **NODE}, 'type = "nodejs"').type == "nodejs"
    assert chosen({"Dockerfile": "FROM a\n", **FLASK}, 'type = "python"').type == "python"
    assert chosen({"index.html": "", **NODE}, 'type = "static"').static_dir == "."


def test_another_dockerfile_may_be_chosen(chosen):
    files = {"Dockerfile": "FROM a\n", "deploy/Dockerfile.web": "FROM b\nEXPOSE 4000\n"}
    config = chosen(files, 'dockerfile = "deploy/Dockerfile.web"')
    assert (config.dockerfile, config.port) == ("deploy/Dockerfile.web", 4000)
    assert chosen(files, 'dockerfile = "deploy/Dockerfile.web"\nport = 5000').port == 5000


def test_config_goes_before_the_file_before_the_procfile_before_the_guess(chosen):
    guessed = chosen(FLASK).start_command
    files = {**FLASK, "Procfile": "web: from-procfile\nqueue: q\n"}
    toml = 'start_command = "from-file"\n[processes]\nqueue = "other"\nmail = "m"\n'
    assert guessed.startswith("gunicorn")
    assert chosen(files).start_command == "from-procfile"
    assert chosen(files, toml).processes == {"web": "from-file", "queue": "other", "mail": "m"}
    config = chosen(files, toml, DEPLOYZERO_START_COMMAND="from-config")
    assert config.start_command == config.processes["web"] == "from-config"
    assert "DEPLOYZERO_START_COMMAND = from-config" in config.reasons


def test_a_command_of_several_lines_is_named_and_not_repeated(chosen):
    config = chosen(FLASK, "build_command = '''\nif true\nthen make\nfi\n'''\n")
    assert config.build_command == "if true\nthen make\nfi"
    assert "deployzero.toml: build_command (3 lines)" in config.reasons
    config = chosen(FLASK, DEPLOYZERO_BUILD_COMMAND="a\r\nb")
    assert "DEPLOYZERO_BUILD_COMMAND (2 lines)" in config.reasons


def test_every_guess_can_be_replaced_and_the_push_says_so(chosen):
    config = chosen(
        {**NODE, "package.json": '{"scripts": {"build": "a", "start": "node server.js"}}'},
        'version = "22"\nbuild_command = "make"\nport = 3000\npackages = ["ffmpeg", "libvips42"]\n',
    )
    assert (config.runtime_version, config.build_command, config.port) == ("22", "make", 3000)
    assert config.build_packages == config.run_packages == ("ffmpeg", "libvips42")
    assert "deployzero.toml: build_command = make" in config.reasons
    assert any("in place of the build command" in reason for reason in config.reasons)


def test_files_may_be_served_in_place_of_what_a_procfile_starts(chosen):
    files = {**NODE, "Procfile": "web: node server.js\nqueue: node q.js\n"}
    config = chosen(files, 'static_dir = "out/"\nspa = true')
    assert (config.static_dir, config.spa, config.start_command) == ("out", True, None)
    assert config.processes == {"queue": "node q.js"}


def test_two_apps_of_one_repository_have_roots_of_their_own(chosen):
    files = {f"api/{name}": text for name, text in FLASK.items()}
    files |= {f"web/{name}": text for name, text in NODE.items()}
    files |= {"api/Procfile": "web: gunicorn app:app\n", "web/app.json": '{"env": {"A": "1"}}'}
    api, web = (chosen(files, DEPLOYZERO_ROOT=root) for root in ("api", "./web/"))
    assert (api.type, api.root, api.start_command) == ("python", "api", "gunicorn app:app")
    assert (web.type, web.root, web.environment["A"]) == ("nodejs", "web", "1")
    assert chosen(files, 'root = "api"').type == "python"


def test_the_roots_own_file_goes_before_that_at_the_top(chosen):
    files = {f"api/{name}": text for name, text in FLASK.items()}
    files["api/deployzero.toml"] = "port = 7000\n"
    assert chosen(files, 'root = "api"\nport = 6000\nversion = "3.11"').port == 7000
    assert chosen(files, 'root = "api"\nport = 6000\nversion = "3.11"').runtime_version == "3.11"
    other = chosen(files, 'root = "web"\nversion = "3.11"', DEPLOYZERO_ROOT="api")
    assert (other.root, other.runtime_version) == ("api", None)


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        (
            'build_comand = "x"',
            "deployzero.toml has an unknown key 'build_comand': 'build_command'",
        ),
        ("port = 70000", "deployzero.toml has a bad 'port'"),
        ('port = "x"', "deployzero.toml has a bad 'port'"),
        ('packages = ["ffmpeg", "a;id"]', "deployzero.toml has a bad 'packages'"),
        ('packages = ["-oAPT::x"]', "deployzero.toml has a bad 'packages'"),
        ('packages = ["base-files-"]', "deployzero.toml has a bad 'packages'"),
        ('start_command = "a\\nb"', "deployzero.toml has a bad 'start_command'"),
        ('root = "../x"', "deployzero.toml has a bad 'root'"),
        ('root = "/etc"', "deployzero.toml has a bad 'root'"),
        ('root = "gone"', "'root' of deployzero.toml is 'gone', which is no folder"),
        (
            'assets = "../ui"',
            "deployzero.toml has a bad 'assets': a folder inside the app's root, or false",
        ),
        ('static_dir = "a b"', "deployzero.toml has a bad 'static_dir'"),
        ('type = "pyhton"', "there is no type 'pyhton': 'python' is meant?"),
        ('dockerfile = "gone"', "gone was chosen as the Dockerfile"),
        ('[processes]\n"a b" = "x"', "deployzero.toml has a bad 'processes.a b"),
        ("port = ", "deployzero.toml, line 1"),
    ],
)
def test_errors_name_file_and_key(chosen, toml, said):
    with pytest.raises(ProjectDetectionError) as caught:
        chosen(FLASK, toml)
    assert caught.value.message.startswith(said)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "x"), ("PACKAGES", "ffmpeg $(id)"), ("ROOT", "../.."), ("ROOT", "gone")],
)
def test_errors_of_the_config_name_the_variable(chosen, name, value):
    with pytest.raises(ProjectDetectionError, match=f"DEPLOYZERO_{name} is"):
        chosen(FLASK, **{f"DEPLOYZERO_{name}": value})


def test_variables_are_text_and_lists_are_words(chosen):
    config = chosen(FLASK, DEPLOYZERO_PACKAGES="ffmpeg, git", DEPLOYZERO_PORT="9000")
    assert (config.run_packages, config.port) == (("ffmpeg", "git"), 9000)
    assert chosen(FLASK, DEPLOYZERO_TYPE="").type == "python"


def test_a_slip_in_a_variables_name_is_noticed_and_others_are_the_apps_own(chosen):
    reasons = chosen(FLASK, DEPLOYZERO_BUILD_COMAND="x", DEPLOYZERO_KEY="y").reasons
    assert "DEPLOYZERO_BUILD_COMAND is not known: DEPLOYZERO_BUILD_COMMAND is" in reasons
    assert not any("DEPLOYZERO_KEY" in reason for reason in reasons)


def test_app_json_says_what_is_not_read(chosen):
    text = '{"buildpacks": [{}], "scripts": {"postdeploy": "a", "dokku": {"predeploy": "b"}}}'
    reasons = " ".join(chosen({**FLASK, "app.json": text}).reasons)
    for name in ("buildpacks", "scripts.postdeploy", "scripts.dokku.predeploy"):
        assert f"app.json: {name}" in reasons


NPM = {
    "package.json": '{"workspaces": ["apps/*", "packages/*"]}',
    "package-lock.json": '{"lockfileVersion": 3, "packages": {}}',
    "packages/lib/package.json": '{"name": "lib"}',
    "apps/api/package.json": '{"name": "api", "scripts": {"start": "node s.js"}}',
    "apps/api/s.js": "",
    "apps/api/Procfile": "worker: node w.js\nmail: bin/mail\n",
}


def test_a_root_in_an_npm_workspace_is_installed_with_the_whole(chosen):
    config = chosen(NPM, DEPLOYZERO_ROOT="apps/api")
    assert (config.root, config.install_command.split()[:2]) == (".", ["npm", "ci"])
    assert {"package-lock.json", "packages/lib/package.json"} <= set(config.install_files)
    assert config.start_command.startswith("cd apps/api && ")
    assert config.processes["worker"] == "cd apps/api && node w.js"
    assert config.processes["mail"] == "cd apps/api && bin/mail"


def test_a_root_in_go_work_is_built_from_the_top(chosen):
    files = {"go.work": "go 1.23\nuse (\n\t./a\n\t./b\n)\n"}
    for name in "ab":
        files |= {f"{name}/go.mod": f"module {name}\n", f"{name}/main.go": MAIN}
    files["b/Procfile"] = "web: bin/b -v\n"
    config = chosen(files, DEPLOYZERO_ROOT="b")
    assert (config.root, config.main) == (".", "./b")
    assert config.start_command == "cd b && /app/bin/b -v"


def test_a_root_in_a_uv_workspace_is_installed_with_the_whole(chosen):
    files = {
        "pyproject.toml": '[project]\nname = "r"\nversion = "1"\n'
        '[tool.uv.workspace]\nmembers = ["svc/*"]\n',
        "uv.lock": "version = 1\n",
        "svc/a/pyproject.toml": '[project]\nname = "a"\nversion = "1"\ndependencies = ["flask"]\n',
        "svc/a/app.py": FLASK["app.py"],
    }
    config = chosen(files, DEPLOYZERO_ROOT="svc/a")
    assert (config.root, config.package_manager) == (".", "uv")
    assert "uv.lock" in config.install_files
    assert config.start_command.startswith("cd svc/a && gunicorn ")
    left_out = files["pyproject.toml"] + 'exclude = ["svc/a"]\n'
    assert chosen({**files, "pyproject.toml": left_out}, DEPLOYZERO_ROOT="svc/a").root == "svc/a"


@pytest.mark.parametrize(
    ("own", "step"),
    [
        ({"app.py": "from dash import Dash\napp = Dash()\n"}, "uv pip install waitress"),
        ({"mkdocs.yml": ""}, "(cd svc/a && mkdocs build --site-dir site)"),
    ],
)
def test_a_member_brings_what_its_own_code_needs(chosen, own, step):
    files = {
        "pyproject.toml": '[project]\nname = "r"\nversion = "1"\n'
        '[tool.uv.workspace]\nmembers = ["svc/*"]\n',
        "uv.lock": "version = 1\n",
        "svc/a/pyproject.toml": '[project]\nname = "a"\nversion = "1"\n'
        'dependencies = ["dash", "mkdocs"]\n',
        **{f"svc/a/{name}": text for name, text in own.items()},
    }
    assert chosen(files, DEPLOYZERO_ROOT="svc/a").build_command.endswith(f" && {step}")


@pytest.mark.parametrize(
    ("members", "whole"), [("svc/**", True), ("svc/*/api", True), ("svc/*", False)]
)
def test_a_member_of_a_uv_workspace_may_lie_deeper(chosen, members, whole):
    config = chosen(
        {
            "deployzero.toml": 'root = "svc/eu/api"\n',
            "pyproject.toml": f"[tool.uv.workspace]\nmembers = ['{members}']\n",
            "uv.lock": "version = 1\n",
            "svc/eu/api/pyproject.toml": "[project]\nname = 'api'\ndependencies = ['flask']\n",
            "svc/eu/api/main.py": "import flask\napp = flask.Flask('a')\n",
        }
    )
    assert config.start_command.startswith("cd svc/eu/api && gunicorn") is whole


def test_a_folder_of_no_workspace_is_built_alone(chosen):
    files = {**NPM, **{f"other/{name}": text for name, text in NODE.items()}}
    assert chosen(files, DEPLOYZERO_ROOT="other").root == "other"


def test_a_tree_is_only_read(chosen, tmp_path: Path):
    trap = f"open({str(tmp_path / 'ran')!r}, 'w')\n"
    chosen({**FLASK, "setup.py": trap}, 'start_command = "python setup.py"')
    assert not (tmp_path / "ran").exists()
