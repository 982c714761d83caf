import pytest

from deployzero.build.base_image_names import BaseImage
from deployzero.build.base_images import CACHE_OWNER
from deployzero.build.cache_scope import cache_scope
from deployzero.build.dockerfile import render
from deployzero.build.own_dockerfile import rewrite
from deployzero.models.names import APP_NAME
from deployzero.models.project import ProjectConfig

BASE = BaseImage("BUILD", "RUNTIME", "official", "1")


def test_a_scope_is_the_same_each_time_and_another_for_each_key_and_app() -> None:
    assert cache_scope(b"key", "shop") == cache_scope(b"key", "shop")
    scopes = {cache_scope(key, app) for key in (b"key", b"other") for app in ("my", "my-app")}
    assert len(scopes) == 4


def test_the_base_images_scope_can_be_no_apps() -> None:
    assert not APP_NAME.fullmatch(CACHE_OWNER)


@pytest.mark.parametrize(
    "config",
    [
        ProjectConfig("python", install_command="pip install x", build_command="x"),
        ProjectConfig("nodejs", install_command="npm ci", build_command="x", start_command="x"),
        ProjectConfig("go", install_command="go mod download"),
    ],
)
def test_every_cache_of_a_generated_file_is_below_the_scope(config: ProjectConfig) -> None:
    text = render(config, BASE, cache_scope(b"key", "shop"))
    assert text.count("type=cache") > 1
    assert text.count("type=cache") == text.count(f"type=cache,id={cache_scope(b'key', 'shop')}/")


@pytest.mark.parametrize(
    "line",
    [
        "RUN --mount=type=CACHE,id={id},target=/c x",
        "RUN --mount=type=ca\\che,id={id},target=/c x",
        "ONBUILD RUN --mount=type=cache,id={id},target=/c x",
        "RUN --mount=type=cache,id={id},target=/c x",
    ],
)
def test_no_way_of_writing_an_id_reaches_the_caches_of_another_app(line: str) -> None:
    """App `my` knows all but the key: what it can write is not what BuildKit calls them."""
    victim = cache_scope(b"key", "my-app")
    for guess in ("my-app-pip", "my-app/pip", "app/pip", f"{cache_scope(b'', 'my-app')}/pip"):
        text = rewrite("FROM a\n" + line.format(id=guess), "M", cache_scope(b"key", "my"))
        assert victim not in text


@pytest.mark.parametrize("line", ["RUN --mount=type=CACHE,{}", "ONBUILD RUN --mount=type=cache,{}"])
def test_caches_of_one_name_are_parted_however_the_type_is_written(line: str) -> None:
    text = "FROM a\n" + line.format("id=pip,target=/c x\n")
    assert ",target=/c,id=mine/pip" in rewrite(text, "M", "mine")
