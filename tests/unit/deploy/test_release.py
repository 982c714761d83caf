"""What a release gives its processes, and how it is stored."""

from unittest.mock import Mock

from deployzero.deploy.release import environment, loaded_config, stored_config
from deployzero.models.project import ProjectConfig

CONFIG = ProjectConfig(
    "nodejs", environment={"A": "build"}, run_environment={"A": "run", "npm_package_version": "2"}
)


def test_a_process_gets_the_variables_for_running_and_the_users_go_before_them() -> None:
    given = environment(Mock(), 1, CONFIG, {}, {})
    assert given == {"A": "build", "npm_package_version": "2", "PORT": "8000"}


def test_a_stored_config_is_the_same_again() -> None:
    assert loaded_config(stored_config(CONFIG)) == CONFIG
