"""What stands beside one stack's own steps: a front end, Debian packages, a tiny image."""

import dataclasses
import io
import re
import tarfile
from pathlib import Path

import pytest

from deployzero.build.base_image_names import BaseImage, is_tiny, official
from deployzero.build.context import write_generated, write_own
from deployzero.build.dockerfile import nginx_conf, render
from deployzero.models.project import ProjectConfig

BASE = BaseImage("BUILD", "RUNTIME", "debian", "1")
NODE = BaseImage("NODE-BUILD", "NODE-RUNTIME", "debian", "20")
FRONT_END = ProjectConfig(
    "nodejs",
    package_manager="npm",
    install_files=("package.json", "package-lock.json"),
    install_command="npm ci",
    build_command="npm run build",
    prune_command="npm prune",
)
GO = ProjectConfig("go", build_command="go build -o bin/a .", start_command="bin/a")
PYTHON = ProjectConfig(
    "python",
    install_files=("requirements.txt",),
    install_command="pip install -r requirements.txt",
    start_command="gunicorn app:app",
)


def lines(config: ProjectConfig, base: BaseImage = BASE) -> list[str]:
    return [x for x in render(config, base, "shop", "M", assets=NODE).splitlines() if x]


@pytest.mark.parametrize("build", [None, "python manage.py collectstatic"])
def test_the_front_end_is_built_before_the_app_which_gets_its_tree(build: str | None) -> None:
    text = lines(dataclasses.replace(PYTHON, assets=FRONT_END, build_command=build))
    assert text[0] == "FROM NODE-BUILD AS assets"
    steps = (
        "COPY assets/",
        "npm ci",
        "COPY src/",
        "npm run build",
        "-name node_modules",
        "AS build",
    )
    order = [next(i for i, line in enumerate(text) if step in line) for step in steps]
    assert order == sorted(order)
    after = text[order[-1] :]
    assert "COPY deps/ ./" in after  # the app's dependencies are keyed by its own lock alone
    assert [line for line in after if line.startswith("COPY") and "--from=assets /app/ ./" in line]
    assert not [line for line in after if "src/" in line or "npm" in line]


def test_the_front_ends_development_dependencies_stay_for_its_build() -> None:
    text = lines(dataclasses.replace(PYTHON, assets=FRONT_END))
    assert not [line for line in text if "npm prune" in line]


def test_a_site_is_served_as_its_build_left_it() -> None:
    config = ProjectConfig("static", static_dir="public", assets=FRONT_END)
    assert 'COPY --from=assets ["/app/public/", "/app/"]' in lines(config)


def test_each_stack_has_its_install_files_apart(tmp_path: Path) -> None:
    for name in ("requirements.txt", "package.json", "package-lock.json", "app.py"):
        (tmp_path / name).write_text(name)
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules/x.js").write_text("")
    found = sent(tmp_path, dataclasses.replace(PYTHON, assets=FRONT_END))
    assert {n for n in found if n.startswith("deps/")} == {"deps/requirements.txt"}
    assert {n for n in found if n.startswith("assets/")} == {
        "assets/package.json", "assets/package-lock.json",
    }  # fmt: skip
    assert "src/node_modules/x.js" not in found


def test_only_the_root_is_sent(tmp_path: Path) -> None:
    for name in ("api/app.py", "api/requirements.txt", "web/index.html", "secret"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "api/.deployzeroignore").write_text("/secret2\n")
    (tmp_path / "api/secret2").write_text("")
    found = sent(tmp_path, dataclasses.replace(PYTHON, root="api"))
    assert found == {
        "src/app.py", "src/requirements.txt", "src/.deployzeroignore", "deps/requirements.txt",
    }  # fmt: skip
    buffer = io.BytesIO()
    own = ProjectConfig("dockerfile", dockerfile="Dockerfile", root="api")
    write_own(buffer, tmp_path, own, "FROM a")
    with tarfile.open(fileobj=buffer) as archive:
        names = archive.getnames()
    assert {"Dockerfile", "app.py"} <= set(names)
    assert not {"secret", "web"} & set(names)


def sent(tree: Path, config: ProjectConfig) -> set[str]:
    buffer = io.BytesIO()
    write_generated(buffer, tree, config, {})
    return {m.name for m in tarfile.open(fileobj=buffer) if not m.isdir()}


@pytest.mark.parametrize("type_", ["python", "nodejs", "go", "ruby", "php"])
def test_debian_packages_are_a_layer_of_their_own_in_both_stages(type_: str) -> None:
    packages = ("ffmpeg", "libvips42")
    config = ProjectConfig(
        type_, start_command="x", install_command="y", build_command="z",
        build_packages=packages, run_packages=packages,
    )  # fmt: skip
    text = lines(config)
    installs = [i for i, line in enumerate(text) if line.endswith("ffmpeg libvips42 >/dev/null; }")]
    assert len(installs) == 2
    # Nothing is asked of Debian for what the base image has.
    assert all("dpkg --status ffmpeg libvips42 >/dev/null 2>&1 || {" in text[i] for i in installs)
    assert all("target=/var/cache/apt,sharing=locked" in text[i] for i in installs)
    assert all("id=shop/" in text[i] for i in installs)
    assert installs[0] < next(i for i, line in enumerate(text) if "src/" in line)


def test_go_without_c_runs_on_an_image_of_its_own() -> None:
    assert is_tiny(GO)
    assert not is_tiny(dataclasses.replace(GO, environment={"CGO_ENABLED": "1"}))
    assert not is_tiny(dataclasses.replace(GO, run_packages=("ffmpeg",)))
    assert official(GO).runtime.startswith("alpine:")
    assert official(dataclasses.replace(GO, run_packages=("x",))).runtime == "debian:trixie-slim"


def test_go_programs_are_found_by_name_and_sources_stay_behind() -> None:
    text = lines(GO)
    assert "CGO_ENABLED=0" in next(line for line in text if line.startswith("ENV"))
    assert any("find . -name '*.go' -type f -delete" in line for line in text)
    assert any(line.startswith("ENV PATH=/app/bin:") for line in text[text.index("FROM RUNTIME") :])
    with_c = lines(dataclasses.replace(GO, environment={"CGO_ENABLED": "1"}))
    assert 'CGO_ENABLED=0 CGO_ENABLED="1"' in next(x for x in with_c if x.startswith("ENV"))


def test_a_repository_that_is_the_site_shows_none_of_its_settings() -> None:
    whole = nginx_conf(ProjectConfig("static", static_dir="."))
    folder = nginx_conf(ProjectConfig("static", static_dir="public"))
    assert "deployzero\\.toml" in whole
    assert "/node_modules/" in whole
    assert "node_modules" not in folder


def test_a_site_with_a_password_file_asks_for_it() -> None:
    config = ProjectConfig("static", static_dir=".", password_file="Staticfile.auth")
    assert "auth_basic_user_file" in nginx_conf(config)
    assert 'COPY ["src/Staticfile.auth", "/etc/deployzero/htpasswd"]' in lines(config)
    assert "auth_basic" not in nginx_conf(ProjectConfig("static", static_dir="."))
    built = ProjectConfig(
        "nodejs", static_dir="dist", build_command="b", password_file="Staticfile.auth"
    )
    assert 'COPY ["src/Staticfile.auth", "/etc/deployzero/htpasswd"]' in lines(built)


def test_only_one_page_apps_answer_unknown_pages_and_never_for_missing_scripts() -> None:
    spa = nginx_conf(ProjectConfig("static", static_dir=".", spa=True))
    assert "/index.html;" in spa
    assert "js|mjs" in spa
    assert "/index.html;" not in nginx_conf(ProjectConfig("static", static_dir="."))


def test_each_extension_of_a_site_has_one_type_so_that_nginx_warns_of_none() -> None:
    text = nginx_conf(ProjectConfig("static", static_dir="."))
    types = re.search(r"types \{(.*?)\}", text, re.S)
    assert types
    assert "mime.types" not in text
    rows = [row.split() for row in types[1].split(";") if row.strip()]
    extensions = [extension for row in rows for extension in row[1:]]
    assert len(extensions) == len(set(extensions))
    assert {"html", "js", "mjs", "webp", "wasm", "woff2", "webmanifest"} <= set(extensions)
    # text/html is always among them, and naming it is what nginx warns of as well.
    assert not re.search(r"(charset|gzip)_types [^;]*text/html", text)


def test_what_a_front_end_does_not_read_reaches_the_app_alone(tmp_path: Path) -> None:
    for name in ("shop/a.py", "shop/page.html", "package.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    apart = dataclasses.replace(PYTHON, assets=dataclasses.replace(FRONT_END, unread=(".py",)))
    to = io.BytesIO()
    write_generated(to, tmp_path, apart, {})
    with tarfile.open(fileobj=to) as archive:
        names = [name for name in archive.getnames() if name.startswith(("src/", "code/"))]
    assert sorted(names) == ["code/shop", "code/shop/a.py", "src/package.json", "src/shop",
                             "src/shop/page.html"]  # fmt: skip
    text = lines(apart)
    tree = text.index("FROM scratch AS tree")
    assert [line for line in text[:tree] if line.startswith("COPY")] == [
        "COPY assets/ ./", "COPY src/ ./",
    ]  # fmt: skip
    assert text[tree + 2 : tree + 4] == ["COPY src/ code/ ./", "COPY --from=assets /app/ ./"]
    assert "COPY --chown=1000:1000 --from=tree /app/ ./" in text


def test_a_front_ends_own_packages_are_made_in_the_build_wherever_it_lies(tmp_path: Path) -> None:
    for name in ("web/node_modules/a/index.js", "web/package.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    below = dataclasses.replace(FRONT_END, root="web", install_files=("web/package.json",))
    to = io.BytesIO()
    write_generated(to, tmp_path, dataclasses.replace(GO, assets=below), {})
    with tarfile.open(fileobj=to) as archive:
        assert not [name for name in archive.getnames() if "node_modules" in name]
