"""Front-end builds that are served as files: which folder, and whether one page knows all paths."""

import json

import pytest


def package(build="b", dependencies=(), **scripts):
    values = {"scripts": {"build": build, **scripts}}
    return {
        "package.json": json.dumps({**values, "dependencies": dict.fromkeys(dependencies, "1")})
    }


ANGULAR = {
    "projects": {
        "shop": {
            "architect": {
                "build": {
                    "builder": "@angular-devkit/build-angular:application",
                    "options": {"outputPath": "dist/shop"},
                }
            }
        }
    }
}


@pytest.mark.parametrize(
    ("manifest", "files", "folder", "spa"),
    [
        (package("vite build", ["vite"]), {}, "dist", True),
        (package("vite build", ["vite"]), {"public/404.html": ""}, "dist", False),
        (package("vite build", ["vite"]), {"Staticfile": "index_fallback: false"}, "dist", False),
        (
            package("vite build", ["vite"]),
            {"vite.config.js": "export default defineConfig({ base: '/', root: 'client' })"},
            "client/dist",
            True,
        ),
        (
            package("vite build", ["vite"]),
            {"vite.config.js": "export default defineConfig({ test: { root: 'client' } })"},
            "dist",
            True,
        ),
        (
            package("vite build", ["vite"]),
            {"vite.config.js": "build: {outDir: path.resolve(__dirname, 'www')}"},
            "www",
            True,
        ),
        (
            package("vite build", ["vite"]),
            {"vite.config.js": "export default {\n root: 'web',\n build: {outDir: '../out'}}"},
            "out",
            True,
        ),
        (
            package("vite build", ["vite"]),
            {"vite.config.js": "// build: {outDir: 'gone'}\nexport default {}"},
            "dist",
            True,
        ),
        (package("npm run b2", ["vite"], b2="vite build --outDir www"), {}, "www", True),
        (package("astro build", ["astro"]), {}, "dist", False),
        (
            package("next build", ["next"], start="next start"),
            {"next.config.ts": "export default {output: 'export'}"},
            "out",
            False,
        ),
        (package("nuxt generate", ["nuxt"]), {}, ".output/public", False),
        (
            package("vite build", ["@sveltejs/kit", "@sveltejs/adapter-static", "vite"]),
            {"svelte.config.js": "import a from '@sveltejs/adapter-static'"},
            "build",
            False,
        ),
        (
            package("react-router build", ["@react-router/dev", "@react-router/node", "vite"]),
            {"react-router.config.ts": "export default { ssr: false }"},
            "build/client",
            True,
        ),
        (
            package(
                "react-router build",
                ["@react-router/dev", "@react-router/serve"],
                start="react-router-serve build/server/index.js",
            ),
            {"react-router.config.ts": "export default {\n  ssr: false,\n}"},
            "build/client",
            True,
        ),
        (
            package("ng build", ["@angular/cli"], start="ng serve"),
            {"angular.json": "// ours\n" + json.dumps(ANGULAR)},
            "dist/shop/browser",
            True,
        ),
        (package("react-scripts build", ["react-scripts"]), {}, "build", True),
        (package("vue-cli-service build", ["@vue/cli-service"]), {}, "dist", True),
        (package("gatsby build", ["gatsby"], start="gatsby develop"), {}, "public", False),
        (package("docusaurus build", ["@docusaurus/core"]), {}, "build", False),
        (package("eleventy", ["@11ty/eleventy"]), {}, "_site", False),
        (package("vitepress build docs", ["vitepress"]), {}, "docs/.vitepress/dist", False),
        (package("parcel build index.html", ["parcel"], start="parcel"), {}, "dist", True),
        (package("quasar build", ["@quasar/app-vite"]), {}, "dist/spa", True),
        (package("umi build", ["umi"], start="npm run d", d="umi dev"), {}, "dist", True),
        (
            package("stencil build", ["@stencil/core"], start="stencil build --dev --serve"),
            {},
            "www",
            True,
        ),
        (package("brunch build", ["brunch"], start="brunch watch --server"), {}, "public", False),
        (package("slidev build", ["@slidev/cli"], start="slidev"), {}, "dist", True),
        (
            package("vite build", ["vite", "@cloudflare/vite-plugin"]),
            {},
            "dist/client",
            True,
        ),
    ],
)
def test_where_the_files_lie(detect, manifest, files, folder, spa):
    config = detect({**manifest, **files})
    assert (config.static_dir, config.spa, config.start_command) == (folder, spa, None)
    assert config.prune_command is None


@pytest.mark.parametrize(
    "script",
    [
        "vite",
        "vite --host",
        "ng serve",
        "react-scripts start",
        "expo start",
        "next dev",
        "nuxt dev",
        "npm run dev",
        "yarn dev",
        "pnpm run twice",
    ],
)
def test_a_development_server_is_not_started(detect, script):
    called = {"dev": "vite", "twice": "yarn dev"}
    config = detect(package("vite build", ["vite"], start=script, **called))
    assert (config.start_command, config.static_dir) == (None, "dist")
    assert any("development server" in reason for reason in config.reasons)


def test_a_script_that_also_starts_a_server_is_no_development_server(detect):
    both = 'concurrently "npm run api" "npm run dev"'
    config = detect(package("vite build", ["vite"], start=both, dev="vite", api="node api.js"))
    assert (config.start_command, config.static_dir) == ("npm start", None)


def test_a_library_that_vite_builds_is_no_site(examine):
    files = {"vite.config.js": "export default {build: {lib: {entry: 'src/a.js'}}}"}
    assert examine({**package("vite build", ["vite"]), **files}).static_dir is None


@pytest.mark.parametrize(
    ("settings", "moved"),
    [
        ("{ outDir: 'www' }", " && (test -d www || mv dist www)"),
        ("{ plugins: [], build: { emptyOutDir: true, outDir: 'www' } }", ""),
        ("{ build: { outDir: 'dist' } }", ""),
        ("{ build: { rollupOptions: { output: { a: {} } }, outDir: 'www' } }", ""),
        ("{ build: { minify: true }, outDir: 'www' }", " && (test -d www || mv dist www)"),
        ("{}", ""),
    ],
)
def test_a_folder_that_vite_does_not_read_is_made_of_its_own(detect, settings, moved):
    files = {"vite.config.js": f"export default {settings}"}
    config = detect({**package("vite build", ["vite"]), **files})
    assert config.build_command == f"npm run build{moved}"
    assert config.static_dir == ("www" if "www" in settings else "dist")


def test_a_page_that_only_a_bundler_can_finish_is_no_plain_site(examine):
    page = '<script type="module" src="/src/main.tsx"></script>'
    assert examine({**package(""), "index.html": page}).type == "nodejs"
    assert (
        examine({**package(""), "index.html": "<script src=/src/a.js></script>"}).type == "static"
    )


def test_a_front_ends_settings_for_other_servers_are_named_as_not_read(detect):
    manifest = '{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "5"}}'
    config = detect({"package.json": manifest, "Caddyfile": "", "public/_redirects": ""})
    said = [reason for reason in config.reasons if reason.endswith("not read")]
    assert [reason.partition(":")[0] for reason in said] == ["public/_redirects", "Caddyfile"]
