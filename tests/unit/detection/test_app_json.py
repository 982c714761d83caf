"""app.json in Dokku's and Heroku's format."""

import json

import pytest

from deployzero.errors import ProjectDetectionError
from deployzero.models.project import HealthCheck


@pytest.fixture
def with_app_json(detect):
    return lambda **values: detect({"index.html": "", "app.json": json.dumps(values)})


def test_startup_checks_become_health_checks(with_app_json):
    check = {
        "type": "startup",
        "name": "front page",
        "path": "/up",
        "attempts": 3,
        "timeout": 2,
        "wait": 1,
        "initialDelay": 4,
        "content": "fine",
        "port": 9000,
    }
    listening = {"type": "startup", "name": "port", "listening": True}
    config = with_app_json(healthchecks={"web": [check, listening]})
    assert config.health_checks == {
        "web": (
            HealthCheck("front page", "/up", 9000, 3, 2.0, 1.0, 4.0, "fine", below=400),
            HealthCheck("port", None, below=400),
        )
    }


@pytest.mark.parametrize(
    "check", [{"type": "liveness", "path": "/"}, {"command": ["true"]}, {"uptime": 5}]
)
def test_unknown_kinds_of_checks_are_left_out_with_a_reason(with_app_json, check):
    config = with_app_json(healthchecks={"web": [check]})
    assert config.health_checks == {}
    assert any("is left out" in reason for reason in config.reasons)


def test_environment_and_secrets(with_app_json):
    config = with_app_json(
        env={
            "PLAIN": "a b",
            "VALUE": {"description": "x", "value": "c"},
            "NUMBER": 5,
            "SECRET": {"generator": "secret"},
            "OPTIONAL": {"required": False},
            "NEEDED": {"description": "no value"},
            "PORT": "3000",
        }
    )
    assert config.environment == {"PLAIN": "a b", "VALUE": "c", "NUMBER": "5"}
    assert config.generated_secrets == ("SECRET",)
    assert any("NEEDED is required" in reason for reason in config.reasons)


def test_formation(with_app_json):
    config = with_app_json(formation={"web": {"quantity": 2}, "worker": {"quantity": 0}})
    assert config.formation == {"web": 2, "worker": 0}


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"env": []}, "'env'"),
        ({"env": {"A B": "c"}}, "'env.A B'"),
        ({"env": {"FOO\n": "c"}}, "'env.FOO'"),
        ({"env": {"A": ["c"]}}, "'env.A'"),
        ({"formation": {"web": {"quantity": -1}}}, "formation.web.quantity"),
        ({"formation": {"web": {"quantity": 101}}}, "formation.web.quantity"),
        ({"formation": {"web": 2}}, "formation.web.quantity"),
        ({"healthchecks": {"web": {}}}, "healthchecks.web"),
        ({"healthchecks": {"web": [{"path": "no slash"}]}}, "healthchecks.web[0].path"),
        ({"healthchecks": {"web": [{"timeout": "5"}]}}, "healthchecks.web[0].timeout"),
        ({"healthchecks": {"web": [{"attempts": 0}]}}, "healthchecks.web[0].attempts"),
    ],
)
def test_bad_values_are_named_by_their_key(with_app_json, values, key):
    with pytest.raises(ProjectDetectionError) as caught:
        with_app_json(**values)
    assert "app.json" in caught.value.message
    assert key in caught.value.message


def test_comments_are_read_as_dokku_reads_them(examine):
    text = '{\n  // for the demo\n  "env": {"COLOUR": {"value": "green"}},\n}\n'
    config = examine({"main.py": "", "app.json": text})
    assert config.environment == {"COLOUR": "green"}


def test_names_of_scripts_are_cut(with_app_json):
    config = with_app_json(scripts={"a" * 5000: "b"})
    assert any("is not run" in reason for reason in config.reasons)
    assert max(map(len, config.reasons)) < 200
