"""`deployzero detect`."""

import dataclasses
import json

from click.testing import CliRunner

from deployzero.cli.detect import detect
from deployzero.models.project import ProjectConfig

FLASK = {
    "requirements.txt": "flask\n",
    "app.py": "from flask import Flask\napp = Flask(__name__)\n",
}


def run(root, *options):
    return CliRunner().invoke(detect, [str(root), *options])


def test_the_plan_and_its_reasons_are_printed(plant):
    result = run(plant(FLASK))
    assert result.exit_code == 0
    assert "python app (flask)" in result.stdout
    assert "gunicorn --bind 0.0.0.0:$PORT" in result.stdout
    assert "requirements.txt: installed by pip" in result.stdout


def test_a_command_of_several_lines_stays_in_its_column(plant):
    toml = 'build_command = """\nif true\nthen make\nfi"""\n'
    rows = run(plant({**FLASK, "deployzero.toml": toml})).stdout.splitlines()
    at = next(number for number, row in enumerate(rows) if row.strip().startswith("build:"))
    column = rows[at].index("if true")
    assert rows[at + 1 : at + 3] == [" " * column + "then make", " " * column + "fi"]


def test_json_is_one_object_with_the_fields_of_project_config(plant):
    result = run(plant(FLASK), "--json")
    values = json.loads(result.stdout)
    assert values.keys() == {field.name for field in dataclasses.fields(ProjectConfig)}
    assert (values["type"], values["port"]) == ("python", 8000)
    assert values["processes"] == {"web": values["start_command"]}


def test_what_cannot_be_detected_exits_non_zero_with_error_and_hint(plant):
    for options in ((), ("--json",)):
        result = run(plant({"README": ""}), *options)
        assert result.exit_code != 0
        assert result.stdout == ""
        assert " !     no app was recognised" in result.stderr
        assert "Dockerfile" in result.stderr


def test_a_plan_without_a_start_command_warns_on_stderr(plant):
    result = run(plant({"requirements.txt": "requests\n"}), "--json")
    assert json.loads(result.stdout)["start_command"] is None
    assert "no way to start" in result.stderr


def test_reasons_are_said_once_where_nothing_starts(plant):
    result = run(plant({"requirements.txt": "requests\n"}))
    assert (result.stdout + result.stderr).count("requirements.txt: installed by pip") == 1


def test_the_dockerfile_is_printed(plant):
    result = run(plant(FLASK), "--dockerfile")
    assert result.exit_code == 0
    assert "FROM python:" in result.stdout
    assert "pip install -r requirements.txt gunicorn" in result.stdout


def test_a_dockerfile_of_the_repositorys_own_is_printed_as_it_is(plant):
    text = "FROM scratch\nEXPOSE 1\n"
    assert run(plant({"Dockerfile": text}), "--dockerfile").stdout == text


def test_a_folder_that_is_not_there_is_named(tmp_path):
    result = run(tmp_path / "gone")
    assert result.exit_code != 0
    assert "there is no folder" in result.stderr


def test_what_the_config_would_choose_can_be_tried(plant):
    root = plant({**FLASK, "web/index.html": ""})
    assert "static app" in run(root, "-e", "DEPLOYZERO_ROOT=web").stdout
    refused = run(root, "-e", "DEPLOYZERO_TYPE=pyhton")
    assert refused.exit_code != 0
    assert "'python' is meant?" in refused.stderr
    assert "is not NAME=VALUE" in run(root, "-e", "DEPLOYZERO_TYPE").stderr


def test_a_front_end_is_shown_with_its_own_image(plant):
    package = '{"scripts": {"build": "webpack"}, "devDependencies": {"webpack": "5"}}'
    root = plant({**FLASK, "package.json": package})
    assert "front end:" in run(root).stdout
    assert run(root, "--dockerfile").stdout.startswith("FROM node:")
