"""The operator's own folder of buildpacks: adds stacks, replaces ours, and never takes all down."""

from pathlib import Path

import pytest

from deployzero.build.base_image_names import BaseImage, official, stack
from deployzero.build.dockerfile import pack_files, render
from deployzero.detection import ProjectDetector
from deployzero.errors import BuildError
from deployzero.models.buildpacks import BUILT_IN, Buildpacks, buildpacks
from deployzero.models.project import ProjectConfig

PERL = """
name = "perl"
title = "Perl"
order = 45

[detect]
files = ["app.psgi", "cpanfile"]
programs = ["perl", "plackup", "starman"]

[debian]
runtime = ["perl", "starman", "libdancer2-perl"]

[[start]]
when = "app.psgi"
run = "starman --listen 0.0.0.0:$PORT app.psgi"
"""
BASE = BaseImage("BUILD", "RUNTIME", "debian", "1")


@pytest.fixture
def own(tmp_path: Path):
    def write(**files: str) -> Buildpacks:
        for name, text in files.items():
            path = tmp_path / "own" / name.replace("__", "/").replace("_toml", ".toml")
            path = path.with_name(path.name.replace("Dockerfile", "Dockerfile.j2"))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        buildpacks.cache_clear()
        return buildpacks(tmp_path / "own")

    yield write
    buildpacks.cache_clear()


@pytest.mark.parametrize(("order", "first"), [("order = 1", "python"), ("", "go")])
def test_one_in_the_place_of_ours_may_name_another_order(own, plant, order, first):
    rules = PERL.replace("perl", "python").replace("order = 45", order)
    stacks = own(python__buildpack_toml=rules)
    files = {"app.psgi": "", "go.mod": "module a", "main.go": "package main"}
    assert ProjectDetector(stacks).detect(plant(files)).type == first


def test_a_folder_is_a_stack(own, plant):
    stacks = own(perl__buildpack_toml=PERL)
    assert stacks.faults == ()
    config = ProjectDetector(stacks).detect(plant({"app.psgi": "sub {}"}))
    assert (config.type, config.start_command) == (
        "perl",
        "starman --listen 0.0.0.0:$PORT app.psgi",
    )
    assert stacks.title("perl") == "Perl"
    made = stack(config, stacks.stacks["perl"])
    assert made.runtime_packages == ("perl", "starman", "libdancer2-perl")
    text = render(config, BASE, stacks=stacks)
    assert "COPY --chown=1000:1000 src/ ./" in text
    assert "USER 1000:1000" in text


def test_the_same_tree_without_it_is_named_as_not_supported(plant):
    with pytest.raises(Exception, match="Perl app"):
        ProjectDetector().detect(plant({"app.psgi": "sub {}"}))


def test_a_template_of_a_built_in_stack_is_replaced(own):
    stacks = own(python__Dockerfile="FROM {{ base.build }}\n# {{ config.start_command }}\n")
    config = ProjectConfig("python", start_command="x")
    assert render(config, BASE, stacks=stacks) == "FROM BUILD\n# x\n"
    assert "venv" in render(config, BASE)


def test_the_images_of_a_built_in_stack_are_replaced(own):
    text = 'name = "python"\ntitle = "Python"\nversion.default = "3.13"\n'
    stacks = own(
        python__buildpack_toml=text + '[images]\nbuild = "my/py:{version}"\nruntime = "r:1"'
    )
    config = ProjectConfig("python", runtime_version="3.12")
    base = official(config, "registry/", stacks.stacks["python"])
    assert (base.build, base.runtime) == ("registry/my/py:3.12", "registry/r:1")


def test_a_stack_of_ours_is_replaced_whole(own, plant):
    text = PERL.replace('"perl"\ntitle', '"ruby"\ntitle').replace("app.psgi", "config.ru")
    config = ProjectDetector(own(ruby__buildpack_toml=text)).detect(plant({"config.ru": ""}))
    assert config.start_command == "starman --listen 0.0.0.0:$PORT config.ru"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = ", "perl/buildpack.toml cannot be read"),
        (
            PERL.replace("[detect]", "titel = 1\n[detect]"),
            "perl/buildpack.toml has an unknown key: titel",
        ),
        (PERL.replace('run = "', 'runs = "'), "has an unknown key: start.0.runs"),
        (PERL.replace('title = "Perl"', ""), "lacks the key 'title'"),
        (PERL.replace('"perl"\n', '"lisp"\n', 1), "has a bad 'name': 'lisp' lies in perl/"),
        (PERL.replace('"starman", ', '"starman; id", '), "has a bad 'debian.runtime.1'"),
        (PERL.replace('"starman", ', '"starman-", '), "has a bad 'debian.runtime.1'"),
        (PERL.replace('["app.psgi"', '["../x"'), "has a bad 'detect.files.0.file'"),
        (PERL + "[caches]\nx = 'relative'\n", "has a bad 'caches.x'"),
        (PERL + "[[build]]\nwhen = {file = 'a', contains = '(?=x)'}\nrun = 'x'\n", "no pattern"),
    ],
)
def test_a_broken_one_is_named_and_left_out(own, plant, text, said):
    stacks = own(perl__buildpack_toml=text)
    assert said in stacks.faults[0].message
    assert "restart" in stacks.faults[0].hint
    assert "perl" not in stacks.stacks
    assert ProjectDetector(stacks).detect(plant({"index.php": ""})).type == "php"


def test_a_broken_template_is_named_and_a_missing_manifest_too(own):
    stacks = own(php__Dockerfile="FROM {{ base.build", lisp__Dockerfile="FROM x\n")
    said = [fault.message for fault in stacks.faults]
    assert len(said) == 2
    assert "lisp/buildpack.toml is missing" in said[0]
    assert "php/Dockerfile.j2 is no template, line 1" in said[1]


def test_a_template_that_cannot_be_filled_fails_the_build_and_says_where(own):
    stacks = own(php__Dockerfile="FROM {{ bas.build }}\n")
    with pytest.raises(
        BuildError, match=r"php/Dockerfile\.j2 cannot be filled: 'bas' is undefined"
    ):
        render(ProjectConfig("php"), BASE, stacks=stacks)


def test_files_beside_the_template_come_along(own):
    stacks = own(perl__buildpack_toml=PERL, perl__server_conf="x")
    assert pack_files(ProjectConfig("perl"), stacks) == {"pack/server_conf": "x"}
    assert pack_files(ProjectConfig("go"), stacks) == {}
    assert "pack/apache.conf" in pack_files(ProjectConfig("php"), stacks)


def test_the_template_that_the_documentation_shows_can_be_filled(own):
    text = (BUILT_IN / "README.md").read_text()
    shown = text.partition("```dockerfile\n")[2].partition("```")[0]
    stacks = own(perl__buildpack_toml=PERL, perl__Dockerfile=shown)
    filled = render(ProjectConfig("perl", start_command="starman"), BASE, stacks=stacks)
    assert filled.startswith("FROM RUNTIME\n")
    assert "COPY pack/motd.txt" in filled
    assert filled.rstrip().endswith('"exec starman"]')


def test_ours_are_whole():
    ours = buildpacks()
    assert ours.faults == ()
    assert list(ours.stacks)[:4] == ["php", "java", "rust", "ruby"]
    for name, each in ours.stacks.items():
        config = ProjectConfig(name, build_command="make", install_command="get")
        assert "FROM" in render(config, BASE)
        assert official(config, "", each).build
        assert stack(config, each).runtime_packages
