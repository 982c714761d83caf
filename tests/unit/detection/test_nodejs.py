"""Node.js: start command, dependency layer, versions, front ends."""

import json

import pytest

from deployzero.detection.node_version import plain_version
from deployzero.errors import ProjectDetectionError


def package(**values):
    return {"package.json": json.dumps(values)}


def started(script, **more):
    return package(scripts={"start": script}, **more)


@pytest.mark.parametrize(
    ("script", "command"),
    [
        ("node server.js", "node server.js"),
        (
            "node --max-old-space-size=256 dist/main.js",
            "node --max-old-space-size=256 dist/main.js",
        ),
        ("NODE_ENV=production node a.js", "NODE_ENV=production node a.js"),
        ("PORT=3000 node a.js", "node a.js"),
        ("nodemon a.js", "node a.js"),
        ("next start", "npm start"),
        ("node a.js && echo done", "npm start"),
    ],
)
def test_a_simple_start_script_is_run_without_npm(detect, script, command):
    assert detect(started(script)).start_command == command


def test_npm_runs_a_start_script_that_has_a_prestart(detect):
    config = detect(package(scripts={"start": "node a.js", "prestart": "echo"}))
    assert config.start_command == "npm start"


def test_main_is_started_when_it_exists(detect):
    config = detect({**package(main="./lib/web.js"), "lib/web.js": "", "index.js": ""})
    assert config.start_command == "node lib/web.js"


def test_main_that_does_not_exist_falls_back_to_server_js(detect):
    config = detect({**package(main="gone.js"), "server.js": "", "app.js": ""})
    assert config.start_command == "node server.js"
    assert any("main 'gone.js' does not exist" in reason for reason in config.reasons)


def test_a_development_server_is_no_start_command(examine):
    config = examine(package(scripts={"start": "webpack serve"}))
    assert config.start_command is None


def test_with_a_lock_file_npm_ci_is_keyed_by_manifest_and_lock(detect):
    config = detect(
        {
            **started("node a.js", dependencies={"express": "4"}),
            "package-lock.json": "{}",
            ".npmrc": "",
        }
    )
    assert config.install_command == "npm ci"
    assert config.install_files == ("package.json", "package-lock.json", ".npmrc")
    assert (config.framework, config.package_manager) == ("express", "npm")


def test_without_a_lock_file_npm_install_is_used_and_said(detect):
    config = detect(started("node a.js", dependencies={"koa": "2"}))
    assert config.install_command == "npm install"
    assert any("no package-lock.json" in reason for reason in config.reasons)


def test_without_dependencies_nothing_is_installed(detect):
    config = detect(started("node a.js"))
    assert (config.install_command, config.install_files) == (None, ())


def test_a_build_script_gets_development_dependencies(detect):
    config = detect(package(scripts={"build": "tsc", "start": "node a"}, dependencies={"a": "1"}))
    assert config.install_command == "npm install --include=dev"
    assert config.build_command == "npm run build"


def test_a_start_script_of_a_development_dependency_gets_it_installed(detect):
    config = detect(started("ts-node src/a.ts", devDependencies={"ts-node": "10"}))
    assert config.install_command == "npm install --include=dev"


def test_install_scripts_run_after_the_source_is_there(detect):
    scripts = {"start": "node a.js", "postinstall": "node tools/setup.js"}
    config = detect(package(scripts=scripts, dependencies={"a": "1"}))
    assert config.install_command.startswith("npm pkg delete scripts.postinstall && npm install")
    assert config.build_command == "npm run postinstall"


def test_workspaces_bring_their_manifests_into_the_dependency_layer(detect):
    config = detect(
        {
            **started("node packages/api/index.js", workspaces=["packages/*"]),
            "packages/api/package.json": "{}",
            "packages/web/package.json": "{}",
            "packages/notes/readme.md": "",
            "package-lock.json": "{}",
        }
    )
    assert config.install_files == (
        "package.json",
        "package-lock.json",
        "packages/api/package.json",
        "packages/web/package.json",
    )


def test_a_dependency_in_the_repository_is_installed_after_the_source(detect):
    config = detect(started("node a.js", dependencies={"mine": "file:./mine"}))
    assert config.install_command is None
    assert config.build_command.startswith("npm install")


@pytest.mark.parametrize(
    ("lock", "name"),
    [("yarn.lock", "Yarn"), ("pnpm-lock.yaml", "pnpm"), ("bun.lockb", "Bun")],
)
def test_another_managers_lock_falls_back_to_npm_with_a_reason(detect, lock, name):
    config = detect({**started("node a.js", dependencies={"a": "1"}), lock: ""})
    assert (config.package_manager, config.install_command) == ("npm", "npm install")
    assert any(lock in r and f"{name} is not supported yet" in r for r in config.reasons)


@pytest.mark.parametrize(
    "files",
    [
        {**started("node a.js", dependencies={"a": "workspace:*"}), "pnpm-lock.yaml": ""},
        {**started("node a.js"), "pnpm-lock.yaml": "", "pnpm-workspace.yaml": ""},
        {**started("bun run index.ts"), "bun.lock": ""},
        {**package(scripts={"start": "node a.js", "build": "pnpm -r build"})},
    ],
)
def test_what_npm_cannot_do_is_refused_with_the_way_out(detect, files):
    with pytest.raises(ProjectDetectionError, match="not supported yet") as caught:
        detect(files)
    assert "Dockerfile" in caught.value.hint


@pytest.mark.parametrize(
    ("tool", "build", "files", "folder"),
    [
        ("vite", "vite build", {}, "dist"),
        ("vite", "tsc && vite build --outDir public_html", {}, "public_html"),
        (
            "vite",
            "vite build",
            {"vite.config.ts": "export default {build: {outDir: './www'}}"},
            "www",
        ),
        ("react-scripts", "react-scripts build", {}, "build"),
        ("@vue/cli-service", "vue-cli-service build", {}, "dist"),
    ],
)
def test_a_front_end_build_is_served_as_files(detect, tool, build, files, folder):
    config = detect({**package(scripts={"build": build}, devDependencies={tool: "5"}), **files})
    assert (config.type, config.static_dir, config.spa) == ("nodejs", folder, True)
    assert config.start_command is None
    assert config.build_command == "npm run build"


def test_a_front_end_with_a_development_start_script_is_still_files(detect):
    scripts = {"build": "react-scripts build", "start": "react-scripts start"}
    config = detect(package(scripts=scripts, dependencies={"react-scripts": "5"}))
    assert config.static_dir == "build"


def test_a_front_end_with_a_real_server_is_started(detect):
    scripts = {"build": "vite build", "start": "node server.js"}
    config = detect(package(scripts=scripts, devDependencies={"vite": "5"}))
    assert (config.start_command, config.static_dir) == ("node server.js", None)


def test_a_procfile_wins_over_serving_files(detect):
    files = package(scripts={"build": "vite build"}, devDependencies={"vite": "5"})
    config = detect({**files, "Procfile": "web: node serve.js"})
    assert (config.start_command, config.static_dir, config.spa) == ("node serve.js", None, False)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("18.x.x", "18"),
        ("4.2.x", "4.2"),
        ("23.5.0", "23.5.0"),
        ("v22.2.0", "22.2.0"),
        (">=18", "20"),
        (">=18 <20", "18"),
        (">= 22.0.0", "22"),
        ("^26.0.0", "26"),
        ("~22.3", "22.3"),
        ("18 || 20", "20"),
        ("lts/iron", "20"),
        ("lts/*", None),
        ("*", None),
        ("garbage", None),
    ],
)
def test_ranges_of_node_become_a_version(text, version):
    assert plain_version(text) == version


def test_nvmrc_wins_over_engines_and_the_contradiction_is_said(detect):
    config = detect({**started("node a.js", engines={"node": ">=20"}), ".nvmrc": "v18.20.5\n"})
    assert config.runtime_version == "18.20.5"
    assert any("contradicts 18.20.5" in reason for reason in config.reasons)


def test_pins_that_agree_are_not_reported_as_contradictory(detect):
    config = detect({**started("node a.js", engines={"node": ">=18"}), ".nvmrc": "20"})
    assert config.runtime_version == "20"
    assert not any("contradicts" in reason for reason in config.reasons)


def test_server_js_alone_is_enough(detect):
    assert detect({"server.js": ""}).start_command == "node server.js"
