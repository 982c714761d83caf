"""Several stacks in one tree: a front end beside an app of another language."""

import pytest

from deployzero.detection import ProjectDetector
from deployzero.errors import ProjectDetectionError

FLASK = {
    "requirements.txt": "flask\n",
    "app.py": "from flask import Flask\napp = Flask(__name__)\n",
}
BUILT = '{"scripts": {"build": "webpack"}, "devDependencies": {"webpack": "5"}}'
OTHERS = {
    "python": FLASK,
    "go": {"go.mod": "module a\n", "main.go": "package main\n"},
    "ruby": {"Gemfile": "", "config.ru": ""},
    "php": {"composer.json": "{}", "index.php": ""},
    "static": {"index.html": ""},
}


@pytest.mark.parametrize("stack", OTHERS)
def test_a_front_end_with_a_build_is_built_first(detect, stack):
    config = detect({**OTHERS[stack], "package.json": BUILT, "package-lock.json": "{}"})
    assert (config.type, config.assets.type) == (stack, "nodejs")
    assert config.assets.build_command == "npm run build"
    assert "package.json" in config.assets.install_files
    assert "package.json" not in config.install_files
    assert any("is run first" in reason for reason in config.reasons)


@pytest.mark.parametrize(
    ("package", "said"),
    [
        ('{"devDependencies": {"prettier": "3"}}', "no 'build' script"),
        (
            '{"scripts": {"build": "next build", "start": "next start"},'
            ' "dependencies": {"next": "15", "react": "19"}}',
            "a server of its own",
        ),
    ],
)
def test_tools_and_second_servers_are_left_out_with_a_word(detect, package, said):
    config = detect({**FLASK, "package.json": package})
    assert (config.type, config.assets) == ("python", None)
    assert any(said in reason for reason in config.reasons)


@pytest.mark.parametrize("start", ["webpack --watch", "vite", "gulp watch"])
def test_a_start_script_that_watches_is_no_server(detect, start):
    package = BUILT.replace('"build"', f'"start": "{start}", "build"')
    assert detect({**FLASK, "package.json": package}).assets


def test_the_front_end_can_be_turned_off_and_named(plant):
    root = plant({**FLASK, "package.json": BUILT, "ui/package.json": BUILT})

    def assets(value: str):
        return ProjectDetector().detect(root, {"DEPLOYZERO_ASSETS": value}).assets

    assert assets("false") is None
    assert assets("true").build_command == "npm run build"
    assert assets("ui").build_command == "cd ui && npm run build"
    assert assets("ui").install_files == ("ui/package.json",)


def test_a_front_end_in_a_folder_is_pointed_at(detect):
    config = detect({**FLASK, "ui/package.json": BUILT})
    assert config.assets is None
    assert any('assets = "ui"' in reason for reason in config.reasons)


@pytest.mark.parametrize(("root", "said"), [("", ""), ('root = "backend"\n', " below backend/")])
def test_a_front_end_that_was_named_and_is_not_there_is_refused(plant, root, said):
    home = "backend/" if root else ""
    files = {f"{home}{name}": text for name, text in FLASK.items()}
    tree = plant({**files, "deployzero.toml": f'{root}assets = "frontend"\n'})
    with pytest.raises(ProjectDetectionError) as caught:
        ProjectDetector().detect(tree)
    assert caught.value.message == f"assets: there is no frontend/package.json{said}"


def test_what_go_embeds_and_the_repository_has_not_is_built(detect):
    files = {
        "go.mod": "module a\n",
        "main.go": 'package main\nimport "embed"\n//go:embed all:web/dist\nvar files embed.FS\n',
        "web/package.json": BUILT,
    }
    assert detect(files).assets.build_command == "cd web && npm run build"
    assert detect({**files, "web/dist/index.html": ""}).assets is None


def test_a_dockerfile_builds_its_front_end_itself(detect):
    assert detect({"Dockerfile": "FROM a\n", "package.json": BUILT}).assets is None


SHELL = {"start.sh": "#!/bin/bash\necho hello\n"}


def test_a_start_sh_alone_is_an_app_of_the_shell(detect):
    config = detect(SHELL)
    assert (config.type, config.start_command) == ("shell", "bash start.sh")
    assert detect({"start.sh": "echo hello\n"}).start_command == "sh start.sh"


@pytest.mark.parametrize(
    ("beside", "type_"),
    [
        ({"main.py": "print(1)\n"}, "python"),
        ({"index.html": "<p>hello"}, "static"),
        ({"server.js": "require('http')\n", "package.json": "{}"}, "nodejs"),
    ],
)
def test_a_start_sh_beside_another_stack_is_that_stacks(detect, beside, type_):
    assert detect({**SHELL, **beside}).type == type_


def test_a_start_sh_above_an_app_hides_it_from_nobody(detect):
    with pytest.raises(ProjectDetectionError) as raised:
        detect({**SHELL, "web/package.json": "{}"})
    assert 'root = "web"' in raised.value.hint


V3 = '{"scripts": {"build": "tailwindcss -o a.css"}, "devDependencies": {"tailwindcss": "^3.4.1"}}'
V4 = '{"scripts": {"build": "tailwindcss -o a.css"}, "devDependencies": {"tailwindcss": "^4.0.0"}}'
CALLED = '{"scripts": {"build": "node scripts/build.js"}}'


@pytest.mark.parametrize(
    ("files", "unread"),
    [
        ({"package.json": BUILT}, (".py",)),
        ({"package.json": V3, "tailwind.config.js": "content: ['./web/**/*.html']"}, (".py",)),
        ({"package.json": V3, "tailwind.config.js": "content: ['./**/*.{html,py}']"}, ()),
        ({"package.json": V3, "tailwind.config.js": "content: ['./shop/**/*']"}, ()),
        ({"package.json": V4}, ()),
        ({"package.json": BUILT.replace("webpack", "python make.py && webpack", 1)}, ()),
        ({"package.json": BUILT.replace("webpack", "make assets", 1)}, ()),
        ({"package.json": CALLED, "scripts/build.js": "glob('**/*.js')"}, (".py",)),
        ({"package.json": CALLED, "scripts/build.js": "glob('**/*.py')"}, ()),
    ],
)
def test_a_front_end_is_built_without_the_apps_sources_unless_it_may_read_them(
    detect, files, unread
):
    found = detect({**FLASK, **files})
    assert found.assets.unread == unread
    assert any("built without them" in each for each in found.reasons) == bool(unread)


def test_the_front_end_is_built_with_the_variables_of_app_json(detect):
    env = '{"env": {"VITE_TITLE": "shop"}}'
    config = detect({**FLASK, "package.json": BUILT, "app.json": env})
    assert config.assets.environment["VITE_TITLE"] == "shop"
    assert config.environment["VITE_TITLE"] == "shop"
