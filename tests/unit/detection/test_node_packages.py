"""Package managers: which one, at which version, how it installs and what it takes out again."""

import json

import pytest

MODERN = "__metadata:\n  version: 8\n"


def app(**more):
    values = {"scripts": {"start": "node a.js"}, "dependencies": {"a": "1"}, **more}
    return {"package.json": json.dumps(values)}


@pytest.mark.parametrize(
    ("files", "manager", "tools"),
    [
        (app(), "npm", ()),
        ({**app(packageManager="npm@10.9.2"), "yarn.lock": ""}, "npm", ("npm@10.9.2",)),
        (app(packageManager="pnpm@9.5.0+sha512.ab12"), "pnpm", ("pnpm@9.5.0",)),
        (app(packageManager="yarn@1.22.22"), "yarn", ("yarn@1.22.22",)),
        (app(packageManager="yarn@4.9.2"), "yarn", ("@yarnpkg/cli-dist@4.9.2",)),
        ({**app(), "pnpm-lock.yaml": "lockfileVersion: 5.4"}, "pnpm", ("pnpm@7",)),
        ({**app(), "pnpm-lock.yaml": "lockfileVersion: '6.0'"}, "pnpm", ("pnpm@8",)),
        ({**app(), "pnpm-lock.yaml": "lockfileVersion: '9.0'"}, "pnpm", ("pnpm@9",)),
        (
            {**app(engines={"pnpm": ">=8"}), "pnpm-lock.yaml": "lockfileVersion: '9.0'"},
            "pnpm",
            ("pnpm@9",),
        ),
        (
            {
                **app(),
                "pnpm-lock.yaml": "lockfileVersion: '9.0'",
                "pnpm-workspace.yaml": "onlyBuiltDependencies: [a]",
            },
            "pnpm",
            ("pnpm@10",),
        ),
        ({**app(), "yarn.lock": "# yarn lockfile v1\n"}, "yarn", ("yarn@1",)),
        ({**app(), "yarn.lock": MODERN}, "yarn", ("@yarnpkg/cli-dist@4",)),
        (
            {
                **app(),
                "yarn.lock": MODERN,
                ".yarnrc.yml": "yarnPath: .yarn/releases/yarn-3.8.7.cjs",
            },
            "yarn",
            ("@yarnpkg/cli-dist@3.8.7",),
        ),
        ({**app(), "bun.lockb": b"\x00"}, "bun", ("bun@1",)),
        ({**app(), "bun.lock": "{}", ".bun-version": "1.3.14\n"}, "bun", ("bun@1.3.14",)),
        (app(engines={"bun": ">=1.0.0"}), "bun", ("bun@>=1.0.0",)),
        (app(engines={"pnpm": "^10.33.0"}), "pnpm", ("pnpm@^10.33.0",)),
        (app(engines={"npm": ">=9"}), "npm", ()),
        (app(volta={"node": "20", "yarn": "1.22.19"}), "yarn", ("yarn@1.22.19",)),
        (app(devEngines={"packageManager": {"name": "pnpm", "version": "9.1.0"}}), "pnpm",
         ("pnpm@9.1.0",)),
        (app(devEngines={"packageManager": {"name": "bun", "version": None}}), "bun", ("bun@1",)),
        (app(scripts={"start": "bun run a.ts"}), "npm", ("bun@1",)),
        (app(scripts={"start": "node a", "build": "pnpm -r build"}), "npm", ("pnpm@10",)),
        ({**app(), "Procfile": "web: node a.js\nrelease: yarn migrate"}, "npm", ("yarn@1",)),
    ],
)  # fmt: skip
def test_which_manager_and_which_version(detect, files, manager, tools):
    config = detect(files)
    assert (config.package_manager, config.tools) == (manager, tools)


def test_of_several_lock_files_the_first_in_order_wins_and_the_rule_is_printed(detect):
    config = detect({**app(), "package-lock.json": "{}", "yarn.lock": "", "pnpm-lock.yaml": ""})
    assert config.package_manager == "pnpm"
    assert any("several lock files: pnpm-lock.yaml wins" in reason for reason in config.reasons)


@pytest.mark.parametrize(
    ("files", "install", "pruned_by"),
    [
        (
            {"yarn.lock": "# yarn lockfile v1"},
            "yarn install --frozen-lockfile --non-interactive --ignore-engines --production=false",
            "yarn install --production --frozen-lockfile",
        ),
        (
            {"yarn.lock": MODERN},
            "YARN_ENABLE_GLOBAL_CACHE=0 yarn install --immutable",
            "delete p.devDependencies",
        ),
        (
            {"yarn.lock": MODERN, ".yarnrc.yml": "nodeLinker: node-modules"},
            "YARN_ENABLE_GLOBAL_CACHE=1 yarn install --immutable",
            "delete p.devDependencies",
        ),
        (
            {"pnpm-lock.yaml": "lockfileVersion: '9.0'"},
            "pnpm install --frozen-lockfile --prod=false",
            "CI=true pnpm install --prod --frozen-lockfile",
        ),
        ({"pnpm-workspace.yaml": ""}, "pnpm install --no-frozen-lockfile --prod=false", "--prod"),
        ({"bun.lock": "{}"}, "bun install --frozen-lockfile", "bun install --production"),
        ({"bunfig.toml": ""}, "bun install", "bun install --production"),
        ({}, "npm install --include=dev", "npm prune --omit=dev"),
        ({"package-lock.json": "{}"}, "npm ci --include=dev", "npm prune --omit=dev"),
    ],
)
def test_a_build_installs_all_and_prunes_what_it_alone_needed(detect, files, install, pruned_by):
    config = detect({**app(scripts={"build": "tsc", "start": "node a.js"}), **files})
    assert config.install_command == install
    assert pruned_by in config.prune_command
    assert set(files) <= set(config.install_files)


@pytest.mark.parametrize(
    ("files", "install"),
    [
        ({"pnpm-lock.yaml": "lockfileVersion: '9.0'"}, "pnpm install --frozen-lockfile --prod"),
        ({"bun.lock": "{}"}, "bun install --frozen-lockfile --production"),
        ({"package-lock.json": "{}"}, "npm ci"),
    ],
)
def test_without_a_build_only_what_runs_is_installed(detect, files, install):
    config = detect({**app(), **files})
    assert (config.install_command, config.prune_command) == (install, None)


@pytest.mark.parametrize(("more", "pruned"), [({}, False), ({"devDependencies": {"b": "1"}}, True)])
def test_yarn_2_and_later_install_all_so_that_it_is_pruned_without_a_build(detect, more, pruned):
    config = detect({**app(**more), "yarn.lock": MODERN})
    assert config.build_command is None
    assert bool(config.prune_command) == pruned


def test_yarn_run_looks_for_development_dependencies_as_well_so_they_stay(detect):
    files = {**app(devDependencies={"b": "1"}), "yarn.lock": MODERN}
    assert detect({**files, "Procfile": "web: node a.js"}).prune_command
    assert detect({**files, "Procfile": "web: yarn start"}).prune_command is None


@pytest.mark.parametrize(("brought", "tool"), [(True, "2"), (False, "2.4.3")])
def test_yarns_program_in_the_repository_is_handed_over_to(detect, brought, tool):
    release = ".yarn/releases/yarn-2.4.3.cjs"
    files = {**app(), "yarn.lock": MODERN, ".yarnrc.yml": f"yarnPath: {release}"}
    config = detect({**files, **({release: ""} if brought else {})})
    assert config.tools == (f"@yarnpkg/cli-dist@{tool}",)


@pytest.mark.parametrize(
    ("locked", "install"),
    [
        ({"node_modules/a": {"version": "1.4.0"}}, "npm ci"),
        ({"node_modules/a": {"version": "2.0.0"}}, "npm install"),
        ({"": {}}, "npm install"),
    ],
)
def test_a_lock_that_does_not_fit_is_not_used(detect, locked, install):
    lock = json.dumps({"lockfileVersion": 3, "packages": locked})
    config = detect({**app(), "package-lock.json": lock})
    assert config.install_command == install
    assert any("out of step" in reason for reason in config.reasons) is (install != "npm ci")


def test_a_lock_of_another_pnpm_is_not_frozen(detect):
    files = {**app(packageManager="pnpm@9.1.0"), "pnpm-lock.yaml": "lockfileVersion: '6.0'"}
    assert detect(files).install_command == "pnpm install --no-frozen-lockfile --prod"


def test_plug_n_play_is_started_with_its_loader(detect):
    files = {**app(scripts={"start": "node a.js"}), "yarn.lock": MODERN}
    assert detect(files).start_command == "NODE_OPTIONS=--require=./.pnp.cjs node a.js"


def test_patches_and_committed_caches_are_part_of_the_dependency_layer(detect):
    files = {"yarn.lock": MODERN, ".yarn/cache/a.zip": b"", "patches/a.patch": ""}
    assert {".yarn/cache/", "patches/"} <= set(detect({**app(), **files}).install_files)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("package.json5", "{ // ours\n scripts: {start: 'node a.js'}, engines: {node: '22',}, }"),
        ("package.yaml", "scripts:\n  start: node a.js\nengines:\n  node: '22'\n"),
    ],
)
def test_pnpms_other_manifests(detect, name, text):
    config = detect({name: text, "pnpm-lock.yaml": "lockfileVersion: '9.0'"})
    assert (config.type, config.package_manager, config.runtime_version) == ("nodejs", "pnpm", "22")
    assert config.start_command == "node a.js"


@pytest.mark.parametrize(
    ("tools", "manager"),
    [
        ('node = "22"\nbun = "1"', "npm"),
        ('bun = "1"', "bun"),
        ('node = "22"\npnpm = "9"', "pnpm"),
    ],
)
def test_bun_beside_node_among_mises_tools_is_not_what_installs(detect, tools, manager):
    config = detect({**app(), "mise.toml": f"[tools]\n{tools}"})
    assert config.package_manager == manager
