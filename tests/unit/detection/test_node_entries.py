"""What a build makes and no start script names: Nitro's server, compiled TypeScript."""

import json

import pytest


def package(**values):
    return json.dumps({"name": "shop", **values})


NITRO = package(
    scripts={"build": "vite build"}, devDependencies={"vite": "8", "nitro": "3", "react": "19"}
)


def test_nitro_as_a_plugin_of_vite_makes_a_server(detect):
    found = detect(
        {
            "package.json": NITRO,
            "index.html": "<div id=app></div>",
            "vite.config.ts": "import { nitro } from 'nitro/vite'\nexport default { x: [nitro()] }",
        }
    )
    assert found.start_command == "node .output/server/index.mjs"
    assert found.static_dir is None


def test_nitro_that_vite_does_not_load_leaves_files(detect):
    found = detect(
        {
            "package.json": NITRO,
            "index.html": "<div id=app></div>",
            "vite.config.ts": "// import { nitro } from 'nitro/vite'\nexport default {}",
        }
    )
    assert (found.start_command, found.static_dir) == (None, "dist")


def test_nitros_own_build_makes_a_server(detect):
    found = detect(
        {
            "package.json": package(
                scripts={"build": "nitro build"}, devDependencies={"nitro": "3"}
            ),
            "routes/index.ts": "export default () => 'hi'",
        }
    )
    assert found.start_command == "node .output/server/index.mjs"


@pytest.mark.parametrize(
    ("build", "options", "more", "entry", "command"),
    [
        ("tsc", {"outDir": "dist"}, {}, "src/index.ts", "node dist/index.js"),
        ("tsc", {"outDir": "./dist", "rootDir": "."}, {}, "src/index.ts", "node dist/src/index.js"),
        ("tsc", {"outDir": "dist", "rootDir": "src"}, {}, "src/index.ts", "node dist/index.js"),
        ("tsc", {"outDir": "${configDir}/dist"}, {}, "src/index.ts", "node dist/index.js"),
        ("npm run lint && npx tsc -p .", {"outDir": "lib"}, {}, "server.ts", "node lib/server.js"),
        ("tsc -p .", {}, {}, "server.ts", "node server.js"),
        ("tsc --outDir out", {"outDir": "dist"}, {}, "src/app.mts", "node out/app.mjs"),
        ("tsc --noEmit", {"outDir": "dist"}, {}, "src/index.ts", "node src/index.ts"),
        ("tsc", {"noEmit": True}, {}, "src/index.ts", "node src/index.ts"),
        ("mytsc", {"outDir": "dist"}, {}, "src/index.ts", "node src/index.ts"),
        ("tsc", {"outDir": "../dist"}, {}, "src/index.ts", "node src/index.ts"),
        ("tsc", {"outDir": "dist"}, {"bun.lock": ""}, "src/index.ts", "bun src/index.ts"),
    ],
)
def test_an_entry_file_that_the_build_compiles_is_started_as_javascript(
    detect, build, options, more, entry, command
):
    scripts = {"build": build, "lint": "eslint ."}
    found = detect(
        {
            "package.json": package(scripts=scripts, devDependencies={"typescript": "5"}),
            "tsconfig.json": "// ours\n" + json.dumps({"compilerOptions": options}),
            entry: "app.listen(4000)",
            **more,
        }
    )
    assert found.start_command == command
    assert found.port == 4000


def test_sources_elsewhere_move_what_tsc_makes_so_a_link_finds_it(detect):
    files = {
        "package.json": package(scripts={"build": "tsc"}, devDependencies={"typescript": "5"}),
        "src/index.ts": "import shop from '../package.json'\napp.listen(4000)",
    }
    options = {"outDir": "dist"}
    found = detect({**files, "tsconfig.json": json.dumps({"compilerOptions": options})})
    assert found.start_command == "node dist/index.js"
    assert found.build_command == (
        "npm run build && "
        "(test -e dist/index.js || (mkdir -p dist && ln -s src/index.js dist/index.js))"
    )
    options["rootDir"] = "src"
    found = detect({**files, "tsconfig.json": json.dumps({"compilerOptions": options})})
    assert found.build_command == "npm run build"


def test_paths_of_settings_begin_at_their_file(detect):
    found = detect(
        {
            "package.json": package(
                scripts={"build": "tsc -p server"}, devDependencies={"typescript": "5"}
            ),
            "server.ts": "",
            "server/tsconfig.json": json.dumps({"extends": "../shared/tsconfig.json"}),
            "shared/tsconfig.json": json.dumps(
                {"compilerOptions": {"outDir": "../dist", "rootDir": ".."}}
            ),
        }
    )
    assert found.start_command == "node dist/server.js"


def test_a_main_that_the_build_makes_is_not_called_missing(detect):
    found = detect(
        {
            "package.json": package(
                main="dist/index.js", scripts={"build": "tsc"}, devDependencies={"typescript": "5"}
            ),
            "tsconfig.base.json": json.dumps({"compilerOptions": {"outDir": "dist"}}),
            "tsconfig.json": json.dumps({"extends": "./tsconfig.base", "include": ["src/**/*.ts"]}),
            "src/index.ts": "app.listen(process.env.PORT)",
            "scripts/seed.ts": "",
        }
    )
    assert found.start_command == "node dist/index.js"
    assert not [reason for reason in found.reasons if "does not exist" in reason]


SILENT = json.dumps({"compilerOptions": {"noEmit": True}})


@pytest.mark.parametrize(
    ("main", "build", "files", "command"),
    [
        ("dist/index.js", "tsup src/index.ts", {"src/index.ts": ""}, "node dist/index.js"),
        ("./dist/index", "webpack", {"src/index.js": ""}, "node dist/index.js"),
        ("dist/server.cjs", "esbuild src/web.ts --bundle", {}, "node dist/server.cjs"),
        ("dist/index.js", "tsc -b", {"src/index.ts": ""}, "node dist/index.js"),
        ("dist/index.js", "tsc -p . --noEmit", {"src/index.ts": ""}, "node src/index.ts"),
        (
            "dist/index.js",
            "tsc",
            {"src/index.ts": "", "tsconfig.json": SILENT},
            "node src/index.ts",
        ),
        ("dist/main.js", "webpack", {"server.js": "app.listen(80)"}, "node server.js"),
        (
            "dist/server.js",
            "esbuild server.js --bundle",
            {"server.js": "app.listen(80)"},
            "node dist/server.js",
        ),
        ("dist/index.js", "echo done", {"index.js": ""}, "node index.js"),
        ("server.js", "tsup src/index.ts", {"index.js": ""}, "node index.js"),
    ],
)
def test_a_main_among_built_files_is_the_bundlers(detect, main, build, files, command):
    manifest = package(main=main, scripts={"build": build}, dependencies={"express": "5"})
    assert detect({"package.json": manifest, **files}).start_command == command


@pytest.mark.parametrize(
    ("build", "options", "runner", "imports", "command"),
    [
        ("tsc", {"module": "ESNext"}, "tsx", "./shop", "tsx src/index.ts"),
        ("tsc", {"module": "ESNext"}, "tsx", "./shop.js", "node dist/index.js"),
        ("tsc", {"module": "ESNext"}, "vitest", "./shop", "node dist/index.js"),
        ("tsc", {"module": "CommonJS"}, "tsx", "./shop", "node dist/index.js"),
        ("tsc", {"paths": {"@/*": ["./src/*"]}}, "tsx", "@/shop", "tsx src/index.ts"),
        ("tsc", {"paths": {"@/*": ["./src/*"]}}, "tsx", "express", "node dist/index.js"),
        ("tsc", {"paths": {"*": ["./types/*"]}}, "tsx", "express", "node dist/index.js"),
        ("tsc && tsc-alias", {"paths": {"@/*": ["./src/*"]}}, "tsx", "@/a", "node dist/index.js"),
    ],
)
def test_what_node_would_not_find_of_compiled_imports_is_left_to_the_runner(
    detect, build, options, runner, imports, command
):
    settings = {"compilerOptions": {"outDir": "dist", "rootDir": "src", **options}}
    development = {"typescript": "5", runner: "4"}
    found = detect(
        {
            "package.json": package(scripts={"build": build}, devDependencies=development),
            "tsconfig.json": json.dumps(settings),
            "src/index.ts": f"import {{ a }} from '{imports}'\napp.listen(4000)",
        }
    )
    assert found.start_command == command


def test_a_library_is_not_started(examine):
    manifest = package(main="dist/index.js", scripts={"build": "rollup -c"})
    assert examine({"package.json": manifest}).start_command is None


SERVER = "import express from 'express'\nconst app = express()\n"


def test_server_js_of_a_rendered_site_is_started_without_a_start_script(detect):
    found = detect(
        {
            "package.json": package(
                scripts={
                    "build": "vite build --outDir dist/client && vite build --ssr src/entry.js"
                },
                dependencies={"express": "5", "vite": "8"},
            ),
            "server.js": f"{SERVER}app.use(sirv('./dist/client'))\napp.listen(process.env.PORT)",
        }
    )
    assert (found.start_command, found.static_dir) == ("node server.js", None)


def test_server_js_that_does_not_serve_the_site_leaves_it_files(detect):
    found = detect(
        {
            "package.json": package(
                scripts={"build": "vite build", "mock": "node server.js"},
                dependencies={"express": "5", "vite": "8"},
            ),
            "server.js": f"{SERVER}app.get('/distance', answer)\napp.listen(4000)",
        }
    )
    assert (found.start_command, found.static_dir) == (None, "dist")


def test_a_frameworks_own_server_gives_way_to_one_around_it(detect):
    found = detect(
        {
            "package.json": package(scripts={"build": "next build"}, dependencies={"next": "15"}),
            "server.js": "const app = require('next')({})\nhttp.createServer(app).listen(3000)",
        }
    )
    assert found.start_command == "node server.js"


def test_next_is_built_for_a_server_around_it_without_a_build_script(detect):
    found = detect(
        {
            "package.json": package(scripts={"dev": "node server.js"}, dependencies={"next": "15"}),
            "server.js": "const app = require('next')({})\nhttp.createServer(app).listen(3000)",
        }
    )
    assert (found.start_command, found.build_command) == (
        "node server.js",
        "npx --no-install next build",
    )


@pytest.mark.parametrize("start", [{}, {"start": "NODE_ENV=production node server.js"}])
def test_typescript_stays_for_settings_that_the_server_around_next_reads(detect, start):
    found = detect(
        {
            "package.json": package(
                scripts={"build": "next build", **start},
                dependencies={"next": "15"},
                devDependencies={"typescript": "5"},
            ),
            "next.config.ts": "export default {}",
            "server.js": "const app = require('next')({})\nhttp.createServer(app).listen(3000)",
        }
    )
    assert "next.config.ts: read when Next starts, so TypeScript stays" in found.reasons


def test_a_server_beside_next_is_not_around_it(detect):
    found = detect(
        {
            "package.json": package(scripts={"build": "next build"}, dependencies={"next": "15"}),
            "server.js": f"{SERVER}app.use((req, res, next) => next())\napp.listen(4000)",
        }
    )
    assert found.start_command == "next start"


def test_a_server_around_sveltekit_is_told_the_browsers_address(detect):
    found = detect(
        {
            "package.json": package(
                main="svelte.config.js",
                scripts={"build": "vite build"},
                devDependencies={"@sveltejs/kit": "2", "@sveltejs/adapter-node": "5", "vite": "7"},
            ),
            "svelte.config.js": "import adapter from '@sveltejs/adapter-node'",
            "server.js": "import { handler } from './build/handler.js'\napp.listen(3000)",
        }
    )
    assert found.start_command == "node server.js"
    assert found.environment["PROTOCOL_HEADER"] == "x-forwarded-proto"


def test_a_development_server_in_server_js_leaves_the_site_files(detect):
    found = detect(
        {
            "package.json": package(
                scripts={"build": "vite build", "dev": "node server.js"},
                devDependencies={"vite": "8", "browser-sync": "3"},
            ),
            "server.js": "const b = require('browser-sync')\nb({ server: 'dist' }).listen(3000)",
        }
    )
    assert (found.start_command, found.static_dir) == (None, "dist")


def test_where_a_packages_settings_put_files_is_not_guessed(detect):
    files = {
        "package.json": package(scripts={"build": "tsc"}, dependencies={"koa": "3"}),
        "src/index.ts": "",
    }
    extending = {"extends": "@ours/tsconfig/base.json"}
    found = detect({**files, "tsconfig.json": json.dumps(extending)})
    assert found.start_command == "node src/index.ts"
    own = {**extending, "compilerOptions": {"outDir": "dist"}}
    found = detect({**files, "tsconfig.json": json.dumps(own)})
    assert found.start_command == "node dist/index.js"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("const app = express()\nexport default app\n", True),
        ("const app = express()\nmodule.exports = app\n", True),
        ("const app = express()\napp.listen(3000)\nexport default app\n", False),
        ("require('./app').run()", False),
    ],
)
def test_an_app_that_is_exported_alone_is_told_to_listen(detect, source, told):
    manifest = package(dependencies={"express": "5"})
    found = detect({"package.json": manifest, "index.js": source})
    assert any("listens nowhere" in reason for reason in found.reasons) is told


def test_bun_serves_an_app_that_is_exported(detect):
    manifest = package(dependencies={"hono": "4"}, scripts={"dev": "bun run --hot index.ts"})
    found = detect({"package.json": manifest, "index.ts": "const app = x\nexport default app\n"})
    assert found.start_command == "bun index.ts"
    assert not [reason for reason in found.reasons if "listens nowhere" in reason]
