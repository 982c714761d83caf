"""Node.js: start command, dependency layer, versions, front ends."""

import json

import pytest

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
        ("next start", "next start"),
        ("next start -p 3000", "next start -p $PORT"),
        ("npx tsx watch src/a.ts", "tsx src/a.ts"),
        ("nodemon --exec ts-node a.ts", "npm start"),
        ("cross-env NODE_ENV=production node a.js", "NODE_ENV=production node a.js"),
        ("webpack-thing", "npm start"),
        ("node a.js && echo done", "npm start"),
    ],
)
def test_a_simple_start_script_is_run_without_npm(detect, script, command):
    config = detect(started(script, dependencies={"next": "15", "tsx": "4"}))
    assert config.start_command == command


@pytest.mark.parametrize(
    ("script", "files"),
    [
        ("node a.js", {"a.js": "console.log(process.env.npm_config_user_agent)"}),
        ("node dist/a.js", {"src/a.ts": "if (process.env.npm_lifecycle_event) {}"}),
        ("node a.js $npm_package_main", {"a.js": ""}),
    ],
)
def test_a_script_that_reads_what_only_a_manager_knows_is_started_by_it(detect, script, files):
    assert detect({**started(script), **files}).start_command == "npm start"


def test_what_scripts_read_of_package_json_is_there_without_npm(detect):
    config = detect(
        started("node a.js", name="@me/shop", version="1.2.3", config={"port": 81, "a-b": "c"})
    )
    assert config.run_environment == {
        "npm_package_name": "@me/shop",
        "npm_package_version": "1.2.3",
        "npm_package_config_port": "81",
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("listen(process.env.port || 3333)", {"port": "8000"}),
        ("listen(process.env['port'] || 3333)", {"port": "8000"}),
        ("listen(process.env.PORT || process.env.port)", {}),
        ("listen(process.env.portal)", {}),
    ],
)
def test_port_in_lower_case_is_set_for_who_reads_it(detect, text, told):
    config = detect({**started("node a.js"), "a.js": text})
    assert (config.port, config.run_environment) == (8000, told)


@pytest.mark.parametrize("version", [None, 1.5, True, ["1"], "", "1\n2", "1\0", "1" * 201])
def test_a_bad_version_is_no_variable(detect, version):
    assert detect(started("node a.js", version=version)).run_environment == {}


@pytest.mark.parametrize(
    ("text", "stays"),
    [
        ("const a = require('plugin')(['ui'])", True),
        ('import a from "@me/plugin/next"', True),
        ("import a from 'next'", False),
        ("// require('plugin')\nmodule.exports = {}", False),
        ("module.exports = require('./plugin')", False),
    ],
)
def test_a_development_dependency_that_nexts_settings_load_stays(detect, text, stays):
    plugins = {"plugin": "1", "@me/plugin": "1"}
    files = started("next start", dependencies={"next": "14"}, devDependencies=plugins)
    files = {**files, "next.config.mjs": text, "app/page.js": ""}
    config = detect({**files, "package-lock.json": "{}"})
    assert config.build_command == "npx --no-install next build"
    assert (config.prune_command is None) == stays


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


@pytest.mark.parametrize(
    ("declared", "files"),
    [
        ({"main": "index.js", "module": "dist/index.mjs"}, {"index.js": ""}),
        ({"main": "index"}, {"index.js": ""}),
        ({"main": "src"}, {"src/index.js": ""}),
    ],
)
def test_a_main_that_is_there_is_not_called_missing(detect, declared, files):
    reasons = detect({**package(**declared), **files}).reasons
    assert not any("does not exist" in reason for reason in reasons)


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


def test_a_dependency_in_the_repository_is_installed_after_the_source(detect):
    config = detect(started("node a.js", dependencies={"mine": "file:./mine"}))
    assert config.install_command is None
    assert config.build_command.startswith("npm install")


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


def test_server_js_alone_is_enough(detect):
    assert detect({"server.js": ""}).start_command == "node server.js"


def test_heroku_postbuild_runs_in_the_place_of_build(detect):
    scripts = {"build": "tsc", "heroku-postbuild": "npm run client", "start": "node a.js"}
    config = detect(package(scripts=scripts, dependencies={"a": "1"}))
    assert config.build_command == "npm run heroku-postbuild"


def test_prisma_generates_its_client_before_the_build(detect):
    deps = {"@prisma/client": "5", "prisma": "5"}
    config = detect(package(scripts={"build": "tsc", "start": "node a"}, dependencies=deps))
    assert config.build_command == "npx --no-install prisma generate && npm run build"


def test_git_hooks_are_no_part_of_an_install(detect):
    scripts = {"start": "node a.js", "prepare": "husky install"}
    config = detect(package(scripts=scripts, dependencies={"a": "1"}))
    assert config.install_command == "npm pkg delete scripts.prepare && npm install"
    assert config.build_command is None


@pytest.mark.parametrize(
    ("start", "development", "kept"),
    [
        ("ts-node src/a.ts", "ts-node", True),
        ("node -r ts-node/register src/a.ts", "ts-node", True),
        ("prisma migrate deploy && node dist/a.js", "prisma", True),
        ("npm run serve", "tsx", True),
        ("node dist/a.js", "typescript", False),
        ("nodemon a.js", "nodemon", False),
    ],
)
def test_what_the_start_script_runs_is_not_pruned(detect, start, development, kept):
    scripts = {"start": start, "build": "tsc", "serve": "tsx a.ts"}
    config = detect(package(scripts=scripts, devDependencies={development: "1"}))
    assert (config.prune_command is None) is kept
    assert any("which stay" in reason for reason in config.reasons) is kept


@pytest.mark.parametrize(
    ("source", "port"),
    [
        ("app.listen(3000)", 3000),
        ("const PORT = 4000;\napp.listen(PORT)", 4000),
        ("app.listen(process.env.PORT || 3000)", 8000),
        ("const { PORT } = process.env\napp.listen(PORT)", 8000),
        ("require('./lib').listen()", 8000),
    ],
)
def test_an_app_that_ignores_port_gets_the_port_that_it_listens_on(detect, source, port):
    config = detect({**started("node a.js"), "a.js": source})
    assert config.port == port


@pytest.mark.parametrize(
    ("dependencies", "files", "command"),
    [
        ({"next": "15"}, {}, "next start"),
        ({"nuxt": "3"}, {}, "node .output/server/index.mjs"),
        ({"@tanstack/react-start": "1", "nitro": "3"}, {}, "node .output/server/index.mjs"),
        (
            {"@sveltejs/kit": "2", "@sveltejs/adapter-node": "5"},
            {"svelte.config.js": "import a from '@sveltejs/adapter-node'"},
            "node build",
        ),
        (
            {"astro": "5", "@astrojs/node": "9"},
            {"astro.config.mjs": "export default {\n  adapter: node(),\n}"},
            "node ./dist/server/entry.mjs",
        ),
        ({"@remix-run/serve": "2"}, {}, "remix-serve ./build/server/index.js"),
        ({"@react-router/serve": "7"}, {}, "react-router-serve ./build/server/index.js"),
        ({"@nestjs/core": "11"}, {}, "node dist/main"),
    ],
)
@pytest.mark.parametrize("scripts", [{"build": "b"}, {"build": "b", "start": "vite dev"}])
def test_a_framework_without_a_start_script_starts_its_own_server(
    detect, dependencies, files, command, scripts
):
    config = detect({**package(scripts=scripts, dependencies=dependencies), **files})
    assert (config.start_command, config.static_dir) == (command, None)


def test_sveltekits_adapter_auto_is_told_to_take_adapter_node(detect):
    files = {"svelte.config.js": "import adapter from '@sveltejs/adapter-auto'"}
    manifest = package(scripts={"build": "vite build"}, devDependencies={"@sveltejs/kit": "2"})
    config = detect({**manifest, **files})
    assert config.build_command == "GCP_BUILDPACKS=true npm run build"
    assert config.start_command == "node build"


def test_an_adapter_for_another_host_is_explained(examine):
    files = {"svelte.config.js": "import adapter from '@sveltejs/adapter-vercel'"}
    manifest = package(scripts={"build": "vite build"}, devDependencies={"@sveltejs/kit": "2"})
    config = examine({**manifest, **files})
    assert config.start_command is None
    assert any("adapter is for another host" in reason for reason in config.reasons)


def test_nests_development_start_gives_way_to_its_production_script(detect):
    scripts = {"build": "nest build", "start": "nest start", "start:prod": "node dist/main"}
    config = detect(package(scripts=scripts, dependencies={"@nestjs/core": "11"}))
    assert config.start_command == "node dist/main"


@pytest.mark.parametrize("start", ["node .next/standalone/server.js", "next start"])
def test_nexts_standalone_server_gets_its_static_files(detect, start):
    scripts = {"build": "next build", "start": start}
    config = detect(
        {
            **package(scripts=scripts, dependencies={"next": "15"}),
            "next.config.js": "module.exports = {output: 'standalone'}",
            "public/a.txt": "",
        }
    )
    assert config.start_command == "HOSTNAME=0.0.0.0 node .next/standalone/server.js"
    assert config.build_command.endswith(
        "cp -r .next/static .next/standalone/.next/ && cp -r public .next/standalone/"
    )
    assert config.prune_command == "rm -rf node_modules"


@pytest.mark.parametrize(
    ("more", "command", "version"),
    [
        ({"devDependencies": {"tsx": "4"}}, "tsx src/index.ts", None),
        ({"devDependencies": {"ts-node": "10"}}, "ts-node src/index.ts", None),
        ({"dependencies": {"koa": "3"}}, "node src/index.ts", "22"),
        ({"dependencies": {"koa": "3"}, "engines": {"node": ">=18"}}, "node src/index.ts", "22"),
        ({"engines": {"bun": "1"}}, "bun src/index.ts", None),
    ],
)
def test_a_typescript_entry_file(detect, more, command, version):
    config = detect({**package(**more), "src/index.ts": ""})
    assert (config.start_command, config.runtime_version) == (command, version)


def test_a_program_that_is_not_installed_is_left_to_npm(detect):
    assert detect(started("npx serve -s build")).start_command == "npm start"


def test_compiled_typescript_that_ignores_port_is_looked_up_in_its_source(detect):
    config = detect({**started("node dist/a.js"), "src/a.ts": "app.listen({ port: 3000 })"})
    assert config.port == 3000


@pytest.mark.parametrize(
    ("scripts", "command"),
    [
        ({"start": "npm run serve", "serve": "node a.js"}, "node a.js"),
        ({"start": "yarn serve", "serve": "node a.js"}, "node a.js"),
        ({"start": "npm run dev", "dev": "nodemon a.js"}, "node a.js"),
        ({"start": "npm run serve", "serve": "node a.js", "preserve": "tsc"}, "npm start"),
        ({"start": "npm run serve", "serve": "node a.js", "prestart": "tsc"}, "npm start"),
        ({"start": "npm run start"}, "npm start"),
    ],
)
def test_a_start_script_that_only_calls_another_is_the_other(detect, scripts, command):
    assert detect(package(scripts=scripts)).start_command == command


def test_a_development_server_behind_another_script_gives_way_to_the_frameworks(detect):
    scripts = {"start": "npm run dev", "dev": "next dev", "build": "next build"}
    config = detect(package(scripts=scripts, dependencies={"next": "15"}))
    assert config.start_command == "next start"


@pytest.mark.parametrize(
    ("version", "vite", "command", "tools"),
    [
        ("latest", "", "srvx --prod -s ../client dist/server/server.js", ("srvx@1",)),
        ("^1.140.0", "", "srvx --prod -s ../client dist/server/server.js", ("srvx@1",)),
        ("^1.140.0", "plugins: [nitro()]", "node .output/server/index.mjs", ()),
        ("^1.120.0", "", "node .output/server/index.mjs", ()),
    ],
)
def test_tanstack_start_is_served_with_nitro_or_without(detect, version, vite, command, tools):
    manifest = package(
        scripts={"build": "vite build"}, dependencies={"@tanstack/react-start": version}
    )
    config = detect({**manifest, "vite.config.ts": vite})
    assert (config.start_command, config.tools) == (command, tools)


def test_what_is_made_for_cloudflare_workers_is_not_run_as_a_script(examine):
    files = {"wrangler.jsonc": "{}", "src/index.ts": "export default app"}
    config = examine({**package(dependencies={"hono": "4"}), **files})
    assert config.start_command is None
    assert any("@hono/node-server" in reason for reason in config.reasons)
    served = package(dependencies={"hono": "4", "@hono/node-server": "1"})
    assert examine({**served, **files}).start_command == "node src/index.ts"


def test_an_entry_file_that_bun_runs_in_development_is_run_by_bun(detect):
    config = detect({**package(scripts={"dev": "bun run --hot src/index.ts"}), "src/index.ts": ""})
    assert config.start_command == "bun src/index.ts"
    assert config.tools == ("bun@1",)


@pytest.mark.parametrize(
    ("lock", "settings", "pruned"),
    [
        ("package-lock.json", "next.config.ts", "npm pkg set dependencies.typescript=5.9.2 && "
         "npm pkg delete devDependencies.typescript && npm prune --omit=dev --ignore-scripts"),
        ("package-lock.json", "next.config.mjs", "npm prune --omit=dev --ignore-scripts"),
        ("pnpm-lock.yaml", "next.config.ts", None),
    ],
)  # fmt: skip
def test_typescript_stays_for_nexts_settings_that_are_read_when_it_starts(
    detect, lock, settings, pruned
):
    app = package(
        scripts={"start": "next start", "build": "next build"},
        dependencies={"next": "15.5.4"},
        devDependencies={"typescript": "5.9.2"},
    )
    config = detect({**app, lock: "", settings: "export default {}"})
    assert config.prune_command == pruned
    told = "next.config.ts: read when Next starts, so TypeScript stays"
    assert (told in config.reasons) is (settings == "next.config.ts")


def test_an_astro_adapter_on_the_line_of_all_settings_is_one(detect):
    settings = "export default defineConfig({ output: 'server', adapter: node({ mode: 'a' }) })"
    manifest = {
        "scripts": {"build": "astro build", "start": "astro dev"},
        "dependencies": {"astro": "5", "@astrojs/node": "9"},
    }
    config = detect({"package.json": json.dumps(manifest), "astro.config.mjs": settings})
    assert config.start_command == "node ./dist/server/entry.mjs"
    assert config.static_dir is None


def test_a_desktop_app_is_not_started_as_a_server(detect):
    files = package(
        scripts={"start": "electron ."}, main="main.js", devDependencies={"electron": "30"}
    )
    with pytest.raises(ProjectDetectionError) as caught:
        detect({**files, "main.js": ""})
    assert "opens a window (Electron)" in caught.value.message


def test_an_app_that_drives_a_browser_gets_debians(detect):
    config = detect({**package(dependencies={"puppeteer": "24"}), "index.js": ""})
    assert config.run_packages[0] == "chromium"
    assert config.environment["PUPPETEER_EXECUTABLE_PATH"] == "/usr/bin/chromium"
    assert any(reason.startswith("puppeteer needs chromium") for reason in config.reasons)
    tested = detect({**package(devDependencies={"puppeteer": "24"}), "index.js": ""})
    assert (tested.run_packages, tested.environment) == ((), {})
