"""Base images and Dockerfiles of stacks that are data."""

import pytest

from deployzero.build import base_image_names as names
from deployzero.build.base_image_names import BaseImage
from deployzero.build.dockerfile import render, render_stack
from deployzero.errors import BuildError
from deployzero.models.buildpack import Buildpack
from deployzero.models.buildpacks import Buildpacks, buildpacks
from deployzero.models.project import ProjectConfig

BASE = BaseImage("BUILD", "RUNTIME", "debian", "1")


@pytest.mark.parametrize(
    ("type_", "asked", "note"),
    [
        ("php", None, False),
        ("php", "^8.2", False),
        ("php", "^7.4|^8.0", False),
        ("php", "8.*", False),
        ("php", "8.1", True),
        ("ruby", "3.3.1", True),
        ("ruby", "~> 3.2", False),
        ("ruby", "3.1.2", True),
        ("rust", "1.59.0", True),
        ("rust", "nightly-2024-08-12", True),
        ("java", "8", True),
        ("java", "21", False),
    ],
)
def test_debians_version_serves_and_says_when_it_is_not_the_one(type_, asked, note):
    stack = names.stack(ProjectConfig(type_, runtime_version=asked), buildpacks().stacks[type_])
    assert bool(stack.note) is note
    assert stack.suite == "trixie"


@pytest.mark.parametrize(
    ("type_", "asked"), [("php", "^7.4"), ("ruby", "2.7.8"), ("rust", "1.90"), ("java", "25")]
)
def test_a_version_that_debian_cannot_stand_in_for_is_refused(type_, asked):
    with pytest.raises(BuildError, match=asked.replace("^", r"\^")) as refused:
        names.stack(ProjectConfig(type_, runtime_version=asked), buildpacks().stacks[type_])
    assert "DEPLOYZERO_BASE_IMAGES=official" in refused.value.hint


@pytest.mark.parametrize(
    ("type_", "asked", "build", "runtime"),
    [
        ("php", None, "composer:2", "php:8.4-apache"),
        ("php", "^8.2", "composer:2", "php:8.4-apache"),
        ("php", "^7.4", "composer:2", "php:7.4-apache"),
        ("ruby", "3.1.2", "ruby:3.1.2", "ruby:3.1.2-slim"),
        ("rust", None, "rust:1.85", "debian:trixie-slim"),
        ("rust", "nightly-2024-08-12", "rust:1.85", "debian:trixie-slim"),
        ("java", "17", "maven:3-eclipse-temurin-17", "eclipse-temurin:17-jre"),
    ],
)
def test_the_official_images(type_, asked, build, runtime):
    config = ProjectConfig(type_, runtime_version=asked)
    base = names.official(config, "r/", buildpacks().stacks[type_])
    assert (base.build, base.runtime) == (f"r/{build}", f"r/{runtime}")


def test_a_debian_image_of_packages_builds_on_what_runs():
    text = render_stack(
        "perl", base="B", mounts="", runtime_packages=("perl",), build_packages=("make",)
    )
    assert "FROM B AS runtime" in text
    assert "--no-install-recommends perl\n" in text
    assert "FROM runtime AS build" in text
    assert "--no-install-recommends git make\n" in text


def test_caches_are_the_apps_own_and_only_what_is_kept_leaves_the_build():
    config = ProjectConfig(
        "ruby",
        install_files=("Gemfile",),
        install_command="bundle install",
        environment={"GEM_HOME": "/opt/gems"},
        start_command="puma",
    )
    text = render(config, BASE, "shop", "M")
    assert "--mount=type=cache,id=shop/gems,target=/opt/gems/cache" in text
    assert "COPY --from=build /opt/gems /opt/gems" in text
    lines = text.splitlines()
    assert lines.index("COPY deps/ ./") < lines.index("FROM RUNTIME")
    assert lines.index("COPY --chown=1000:1000 src/ ./") > lines.index("FROM RUNTIME")


@pytest.mark.parametrize("type_", ["python", "nodejs"])
def test_an_operators_stack_of_a_known_type_names_its_own_caches(type_):
    own = Buildpack(name=type_, title="Theirs", caches={"wheels": "/wheels"})
    config = ProjectConfig(type_, install_command="make", start_command="serve")
    text = render(config, BASE, "shop", stacks=Buildpacks({type_: own}))
    line = next(line for line in text.splitlines() if "make" in line)
    assert "id=shop/wheels,target=/wheels" in line
    assert line.count("--mount=type=cache") == 1


@pytest.mark.parametrize("type_", ["php", "ruby", "rust", "java"])
@pytest.mark.parametrize("origin", ["official", "debian"])
def test_each_runs_unprivileged_and_gets_its_signal(type_, origin):
    base = BaseImage("BUILD", "RUNTIME", origin, "1")
    text = render(ProjectConfig(type_, build_command="make", start_command="serve"), base)
    assert "USER 1000:1000" in text
    assert '"exec serve"' in text
    assert text.count("FROM RUNTIME") == 1


def test_what_only_copies_the_source_needs_no_compilers():
    assert not names.needs_build_image(ProjectConfig("php"))
    assert names.needs_build_image(ProjectConfig("php", build_command="composer dump-autoload"))
    assert names.needs_build_image(ProjectConfig("python"))
    assert not names.needs_build_image(ProjectConfig("static"))


def test_files_without_a_build_are_served_as_they_are():
    text = render(ProjectConfig("perl", static_dir="www"), BASE)
    assert 'COPY ["src/www/", "/app/"]' in text
