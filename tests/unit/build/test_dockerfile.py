import json
import re

import pytest

from deployzero.build.base_image_names import BaseImage
from deployzero.build.dockerfile import nginx_conf, render
from deployzero.models.project import ProjectConfig

BASE = BaseImage("BUILD", "RUNTIME", "official", "1")
PYTHON = ProjectConfig(
    "python",
    start_command="gunicorn app:app",
    install_files=("requirements.txt",),
    install_command="pip install -r requirements.txt",
)


def lines(config: ProjectConfig, material: str | None = "M") -> list[str]:
    return [x for x in render(config, BASE, "shop", material).splitlines() if x]


def test_dependencies_come_before_the_source_and_the_source_comes_last() -> None:
    text = lines(PYTHON)
    install = next(i for i, x in enumerate(text) if "pip install" in x)
    copies = [i for i, x in enumerate(text) if x.startswith("COPY") and "src/" in x]
    assert text[install - 1] == "COPY deps/ ./"
    assert len(copies) == 1
    assert not [x for x in text[copies[0] + 1 :] if x.startswith(("RUN", "COPY", "ADD"))]


def test_each_app_has_a_cache_of_its_own() -> None:
    assert "--mount=type=cache,id=shop/pip,target=/root/.cache/pip" in render(PYTHON, BASE, "shop")


def test_without_material_there_is_no_mount_of_it() -> None:
    assert "deployzero-build" not in render(PYTHON, BASE)


def test_the_app_runs_unprivileged_with_its_port_and_a_command_that_gets_signals() -> None:
    text = lines(PYTHON)
    assert "USER 1000:1000" in text
    assert "EXPOSE 8000" in text
    assert json.loads(text[-1].removeprefix("CMD ")) == ["/bin/sh", "-c", "exec gunicorn app:app"]


def test_a_build_command_runs_when_the_source_is_there() -> None:
    config = ProjectConfig(
        "nodejs",
        build_command="npm run build",
        install_command="npm ci",
        prune_command="npm prune --omit=dev",
        install_files=("package.json",),
        start_command="npm start",
    )
    text = lines(config)
    modules = "COPY --from=build --chown=1000:1000 /app/node_modules/ ./node_modules/"
    rest = "COPY --from=build --chown=1000:1000 /opt/app/ ./"
    building = ("npm ci", "COPY src/", "npm run build", "npm prune", "-t /opt/app")
    steps = (*building, "FROM RUNTIME", modules, rest)
    order = [next(i for i, line in enumerate(text) if step in line) for step in steps]
    assert order == sorted(order)


@pytest.mark.parametrize(
    ("manager", "cache"),
    [
        ("yarn", "shop/berry,target=/root/.yarn/berry"),
        ("pnpm", "shop/pnpm,target=/root/.local/share/pnpm/store"),
        ("bun", "shop/bun,target=/root/.bun/install/cache"),
    ],
)
def test_another_package_manager_comes_by_npm_and_goes_where_the_app_goes(
    manager: str, cache: str
) -> None:
    config = ProjectConfig(
        "nodejs",
        package_manager=manager,
        tools=(f"{manager}@^1.2",),
        install_command=f"{manager} install",
        start_command=f"{manager} start",
    )
    text = lines(config)
    tools = next(x for x in text if f"'{manager}@^1.2'" in x)
    assert "id=shop/npm,target=/root/.npm" in tools
    assert f"--prefix /opt/tools --no-package-lock '{manager}@^1.2'" in tools
    assert f"id={cache}" in next(x for x in text if x.endswith(f"{manager} install"))
    assert text.index("COPY --from=build /opt/tools/ /opt/tools/") > text.index("FROM RUNTIME")


def test_a_lock_file_that_does_not_fit_is_left_to_npm_install() -> None:
    config = ProjectConfig(
        "nodejs", install_command="npm pkg delete scripts.x && npm ci --include=dev"
    )
    run = next(x for x in lines(config) if "npm ci" in x)
    assert "npm ci --include=dev --logs-dir=/tmp/npm || { grep -qrs 'code EUSAGE' /tmp/npm" in run
    assert run.endswith("&& npm install --include=dev; }")


def test_what_next_keeps_from_build_to_build_is_a_cache_and_in_no_image() -> None:
    config = ProjectConfig("nodejs", framework="next", build_command="b", start_command="s")
    assert "id=shop/next,target=/app/.next/cache" in "\n".join(lines(config))


def test_what_angular_keeps_is_a_cache_of_the_build_step_alone() -> None:
    config = ProjectConfig("nodejs", framework="angular", build_command="b", static_dir="d")
    held = [x for x in lines(config) if "id=shop/angular,target=/app/.angular/cache" in x]
    assert [x.split()[-1] for x in held] == ["b"]


def test_a_cache_among_the_packages_is_a_link_that_an_install_may_remove() -> None:
    config = ProjectConfig("nodejs", framework="vue-cli", build_command="b", static_dir="d")
    text = lines(config)
    link = text.index(
        "RUN mkdir -p node_modules && ln -sfn /tmp/front-end-cache node_modules/.cache"
    )
    held = [i for i, x in enumerate(text) if "id=shop/vue-cli,target=/tmp/front-end-cache" in x]
    assert held == [text.index("COPY src/ ./") + 1]
    assert link < held[0]


@pytest.mark.parametrize(
    ("node", "tools", "old"),
    [
        ("20", (), False),
        ("16", (), True),
        ("4.2", (), True),
        ("20", ("npm@8.15.0",), True),
        ("16", ("npm@^9",), False),
        ("20", ("pnpm@8", "npm@10"), False),
        ("20", ("pnpm@8",), False),
    ],
)
def test_an_old_npm_does_not_leave_root_for_the_owner_of_the_folder(
    node: str, tools: tuple[str, ...], old: bool
) -> None:
    config = ProjectConfig("nodejs", tools=tools, install_command="npm i", start_command="x")
    text = render(config, BaseImage("BUILD", "RUNTIME", "debian", node))
    assert ("RUN chown 0:0 ." in text, "npm_config_unsafe_perm=true" in text) == (old, old)


def test_what_only_tests_need_is_not_fetched() -> None:
    text = lines(ProjectConfig("nodejs", install_command="npm ci", start_command="node ."))
    assert "CYPRESS_INSTALL_BINARY=0" in next(x for x in text if x.startswith("ENV"))


def test_no_development_dependencies_are_fetched_where_nothing_is_built() -> None:
    text = lines(ProjectConfig("nodejs", install_command="npm ci", start_command="node ."))
    assert "NODE_ENV=production" in next(x for x in text if x.startswith("ENV"))


def test_a_front_end_is_served_as_files() -> None:
    config = ProjectConfig("nodejs", build_command="npm run build", static_dir="dist", spa=True)
    text = lines(config)
    assert 'COPY --from=build ["/app/dist/", "/app/"]' in text
    assert "nginx" in text[-1]
    assert "/index.html;" in nginx_conf(config)


def test_no_command_can_end_its_instruction() -> None:
    config = ProjectConfig(
        "python", install_command="pip install a\nUSER root\\\n", start_command="x"
    )
    run = [x for x in lines(config) if "pip install a" in x]
    assert run[0].endswith("pip install a && USER root")
    assert "USER root" not in lines(config)


def test_a_comment_in_a_command_does_not_swallow_the_rest() -> None:
    config = ProjectConfig("python", build_command="# styles\nnpm run css\n", start_command="x")
    assert any(line.endswith("npm run css") and "#" not in line for line in lines(config))


@pytest.mark.parametrize("value", ['a"b', "a\\b", "$HOME", "two words"])
def test_values_of_the_environment_are_quoted(value: str) -> None:
    text = render(ProjectConfig("go", start_command="x", environment={"A": value}), BASE)
    quoted = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    assert f' A="{quoted}"' in text


def test_pythons_manager_comes_before_the_lock_and_stays_out_of_the_image() -> None:
    config = ProjectConfig(
        "python",
        package_manager="uv",
        tools=("uv==0.7.2",),
        install_files=("pyproject.toml", "uv.lock"),
        install_command="uv sync --locked",
        start_command="gunicorn app:app",
    )
    text = lines(config)
    tool = next(i for i, line in enumerate(text) if "/opt/tool" in line and "uv==0.7.2" in line)
    assert tool < text.index("COPY deps/ ./")
    assert "id=" not in text[tool].replace("--mount=type=bind", "")  # the same for every app
    final = text[text.index("FROM RUNTIME") :]
    assert not [line for line in final if "/opt/tool" in line]
    assert "id=shop/uv,target=/root/.cache/uv" in "".join(text)


def test_pythons_environment_is_where_its_tools_look_and_is_copied_once() -> None:
    final = lines(PYTHON)[lines(PYTHON).index("FROM RUNTIME") :]
    assert "COPY --from=build /opt/venv /opt/venv" in final
    assert any("PATH=/app/.venv/bin:" in line for line in final)


def test_debian_packages_are_split_between_build_and_run() -> None:
    config = ProjectConfig(
        "python", build_packages=("libpq-dev",), run_packages=("libpq5",), start_command="x"
    )
    text = lines(config)
    end = text.index("FROM RUNTIME")
    assert any(" libpq-dev" in line for line in text[:end])
    assert any(" libpq5 >/dev/null; }" in line for line in text[end:])
    assert not any("libpq-dev" in line for line in text[end:])


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("a\nb", "a && b"),
        ("a \\\n  --flag\nb", "a    --flag && b"),
        ("a \\", "a"),
        ("a \\\\", "a"),
    ],
)
def test_a_command_ends_in_its_own_instruction(command: str, line: str) -> None:
    config = ProjectConfig("python", build_command=command, start_command="s")
    text = render(config, BaseImage("b", "r", "debian", "3.13"))
    assert re.search(rf"^RUN .*{re.escape(line)}\n\nFROM r$", text, re.M)
