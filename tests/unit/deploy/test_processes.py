import json

from deployzero.deploy.processes import DEFAULT_CHECKS, check_hint, checks, formation, limits_of
from deployzero.deploy.release import loaded_config, stored_config
from deployzero.models.project import HealthCheck, ProjectConfig
from deployzero.models.release import Limits
from deployzero.settings import Settings

WEB_AND_WORKER = {"web": "python app.py", "worker": "python w.py", "release": "python m.py"}


def test_web_runs_once_and_others_wait_until_asked() -> None:
    config = ProjectConfig("python", start_command="python app.py", processes=WEB_AND_WORKER)
    assert formation(config) == {"web": 1, "worker": 0}


def test_app_json_scales_what_there_is() -> None:
    config = ProjectConfig(
        "python",
        start_command="python app.py",
        processes=WEB_AND_WORKER,
        formation={"web": 2, "worker": 3, "release": 1, "unknown": 9},
    )
    assert formation(config) == {"web": 2, "worker": 3}


def test_static_and_dockerfile_apps_have_a_web_process_without_a_command() -> None:
    assert formation(ProjectConfig("static", static_dir=".")) == {"web": 1}
    assert formation(ProjectConfig("dockerfile", dockerfile="Dockerfile")) == {"web": 1}


def test_an_app_of_workers_alone_has_no_web_process() -> None:
    config = ProjectConfig("python", processes={"worker": "python w.py"})
    assert formation(config) == {"worker": 0}


def test_a_failed_check_is_mended_where_it_stands() -> None:
    declared = ProjectConfig("python", health_checks={"web": (HealthCheck(path="/up"),)})
    assert "`checks:set hello path=…`" in check_hint("hello", {"path": "/nope"}, declared)
    assert "stands in app.json" in check_hint("hello", None, declared)
    default = check_hint("hello", None, ProjectConfig("python"))
    assert "deployzero's own: mend what the app answers, or" in default


def test_a_config_survives_the_database() -> None:
    config = ProjectConfig(
        "python",
        start_command="python app.py",
        environment={"A": "1"},
        processes=WEB_AND_WORKER,
        install_files=("requirements.txt",),
        health_checks={"web": (HealthCheck(path="/up", attempts=3),)},
        generated_secrets=("SECRET_KEY",),
        assets=ProjectConfig("nodejs", install_files=("package.json",)),
        tools=("uv",),
        reasons=("because",),
    )
    assert loaded_config(json.loads(json.dumps(stored_config(config)))) == config


def test_a_release_of_an_older_server_can_still_be_loaded() -> None:
    stored = {"type": "go", "start_command": "./app", "install_files": [], "health_checks": {}}
    assert loaded_config(stored) == ProjectConfig("go", start_command="./app")


def test_a_newer_servers_fields_are_no_trouble() -> None:
    stored = {**stored_config(ProjectConfig("go")), "from_the_future": 1}
    assert loaded_config(stored) == ProjectConfig("go")


def test_the_projects_own_formation_goes_before_app_jsons() -> None:
    config = ProjectConfig(
        "python", start_command="x", processes=WEB_AND_WORKER, formation={"worker": 3}
    )
    assert formation(config, {"worker": 1, "web": 0, "gone": 4}) == {"web": 0, "worker": 1}


def test_checks_of_the_project_go_before_app_jsons_and_may_be_none() -> None:
    config = ProjectConfig("python", health_checks={"web": (HealthCheck(path="/up"),)})
    assert checks(None, config) == (HealthCheck(path="/up"),)
    assert checks({"path": "/ready", "attempts": 2}, config) == (
        HealthCheck(path="/ready", attempts=2),
    )
    assert checks({"disabled": True}, config) == ()
    assert checks({"path": "/ready"}, config, "worker") == DEFAULT_CHECKS


def test_limits_are_a_processs_own_those_of_every_process_or_the_servers() -> None:
    settings = Settings(memory="512m", cpus=0.5)
    limits = {"": Limits(memory="256m"), "web": Limits(cpus=2)}
    assert limits_of(settings, limits, "web") == (256 * 1024**2, 2)
    assert limits_of(settings, limits, "worker") == (256 * 1024**2, 0.5)
    assert limits_of(settings, {}, "web") == (512 * 1024**2, 0.5)
