"""What a build makes and no start script names: Nitro's server, compiled TypeScript."""

import json


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
            "vite.config.ts": "import { nitro } from 'nitro/vite'\nexport default { plugins: [nitro()] }",
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
