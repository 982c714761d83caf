"""Monorepos: what is installed, which package is the app, what is built before it."""

import json

from deployzero.detection import no_start

ROOT = {"package.json": json.dumps({"workspaces": ["apps/*", "libs/**", "!libs/old"]})}


def member(name, **values):
    return json.dumps({"name": name, **values})


def test_manifests_of_workspaces_are_part_of_the_dependency_layer(detect):
    config = detect(
        {
            **ROOT,
            "apps/api/package.json": member("api", scripts={"start": "node a.js"}),
            "libs/deep/one/package.json": member("one"),
            "libs/old/package.json": member("old"),
            "libs/notes/readme.md": "",
            "package-lock.json": "{}",
        }
    )
    assert config.install_files == (
        "package.json",
        "package-lock.json",
        "apps/api/package.json",
        "libs/deep/one/package.json",
    )


def test_the_only_workspace_that_starts_is_the_app_and_what_it_needs_is_built_first(detect):
    config = detect(
        {
            **ROOT,
            "apps/api/package.json": member(
                "api", scripts={"start": "node a.js", "build": "tsc"}, dependencies={"one": "*"}
            ),
            "libs/one/package.json": member("one", scripts={"build": "tsc"}),
            "libs/two/package.json": member("two", scripts={"build": "tsc"}),
        }
    )
    assert config.start_command == "cd apps/api && node a.js"
    assert (
        config.build_command == "(cd libs/one && npm run build) && (cd apps/api && npm run build)"
    )


def test_the_roots_own_scripts_win(detect):
    config = detect(
        {
            "package.json": json.dumps(
                {
                    "workspaces": ["apps/*"],
                    "scripts": {"start": "node apps/api/a.js", "build": "turbo build"},
                }
            ),
            "apps/api/package.json": member("api", scripts={"start": "node a.js"}),
        }
    )
    assert (config.start_command, config.build_command) == ("node apps/api/a.js", "npm run build")


def test_a_front_end_in_a_workspace_is_served_as_files(detect):
    scripts = {"build": "vite build", "dev": "vite"}
    vite = member("web", scripts=scripts, devDependencies={"vite": "5"})
    config = detect({**ROOT, "apps/web/package.json": vite, "libs/one/package.json": member("one")})
    assert (config.static_dir, config.spa) == ("apps/web/dist", True)
    assert config.build_command == "(cd apps/web && npm run build)"


def test_several_that_could_be_the_app_are_named_and_none_is_guessed(examine):
    start = {"start": "node a.js"}
    config = examine(
        {
            **ROOT,
            "apps/api/package.json": member("api", scripts=start),
            "apps/web/package.json": member("web", scripts=start),
        }
    )
    assert config.start_command is None
    assert any("(apps/api, apps/web)" in reason for reason in config.reasons)


def test_a_node_app_beside_commented_nx_json_is_recognised(detect):
    files = {
        "package.json": '{"scripts": {"start": "node a.js"}}', "nx.json": '{// x\n}',
    }  # fmt: skip
    assert detect(files).start_command == "node a.js"


def test_a_workspace_with_a_script_on_install_is_installed_after_the_source(detect):
    start = {"start": "node a.js", "prepare": "tsc"}
    config = detect({**ROOT, "apps/api/package.json": member("api", scripts=start)})
    assert (config.install_files, config.install_command) == ((), None)
    assert config.build_command == "npm install --include=dev"


def test_pnpms_own_list_of_workspaces(detect):
    config = detect(
        {
            "package.json": "{}",
            "pnpm-workspace.yaml": "packages:\n  - 'apps/*'\ncatalog:\n  next: 15\n",
            "apps/web/package.json": member("web", dependencies={"next": "catalog:"}),
            "apps/web/app/page.jsx": "",
        }
    )
    assert config.start_command == "cd apps/web && pnpm exec next start"
    assert config.build_command == "(cd apps/web && pnpm exec next build)"


def test_a_next_app_in_a_workspace_is_built_after_its_prisma_client(detect):
    needs = dict.fromkeys(("next", "prisma", "@prisma/client"), "*")
    files = {"apps/web/package.json": member("web", dependencies=needs), "apps/web/app/page.js": ""}
    assert detect({**ROOT, **files}).build_command == (
        "(cd apps/web && npx --no-install prisma generate) && "
        "(cd apps/web && npx --no-install next build)"
    )


def test_nxs_default_project_is_built_and_started(detect):
    build = {"executor": "@nx/webpack:webpack", "options": {"outputPath": "dist/apps/api"}}
    config = detect(
        {
            "package.json": json.dumps(
                {"scripts": {"start": "nx serve"}, "devDependencies": {"nx": "20"}}
            ),
            "nx.json": json.dumps({"defaultProject": "api"}),
            "apps/api/project.json": json.dumps(
                {"projectType": "application", "targets": {"build": build}}
            ),
        }
    )
    assert config.start_command == "node dist/apps/api/main.js"
    assert config.build_command == "npx --no-install nx run api:build"


def test_several_that_could_be_the_app_are_named_with_the_setting_that_chooses(examine):
    config = examine(
        {
            **ROOT,
            "apps/api/package.json": member("api", scripts={"start": "node a.js"}),
            "apps/web/package.json": member("web", scripts={"start": "node w.js"}),
        }
    )
    error = no_start(config)
    assert error.message.endswith("several workspaces could be it (apps/api, apps/web)")
    assert 'root = "apps/web" in deployzero.toml' in error.hint
    assert "DEPLOYZERO_ROOT=apps/web" in error.hint
