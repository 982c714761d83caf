"""Stacks that are known by their files and not built yet, so that the error can name them.

A buildpack for one of them (see models/buildpack.py) goes before this table.
"""

from fnmatch import fnmatchcase

from deployzero.detection.tree import Tree

DECLARING = {
    "mix.exs": "Elixir",
    "rebar.config": "Erlang",
    "gleam.toml": "Gleam",
    "deno.json": "Deno",
    "deno.jsonc": "Deno",
    "project.clj": "Clojure",
    "deps.edn": "Clojure",
    "build.sbt": "Scala",
    "Package.swift": "Swift",
    "*.csproj": ".NET",
    "*.fsproj": ".NET",
    "*.vbproj": ".NET",
    "*.sln": ".NET",
    "*.runtimeconfig.json": ".NET",
    "stack.yaml": "Haskell",
    "*.cabal": "Haskell",
    "shard.yml": "Crystal",
    "pubspec.yaml": "Dart",
    "dune-project": "OCaml",
    "build.zig": "Zig",
    "*.nimble": "Nim",
    "dub.json": "D",
}
"""Whoever has one of these at the root is of that stack; a package.json beside it is a tool's."""
HINTING = {
    "CMakeLists.txt": "C or C++",
    "meson.build": "C or C++",
    "*.cbl": "COBOL",
    "*.cob": "COBOL",
    "WEB-INF/web.xml": "Java",
    "renv.lock": "R",
    "app.R": "R",
    "*.scm": "Scheme",
    "*.jl": "Julia",
    "*.lua": "Lua",
    "*.pl": "Perl",
    "cpanfile": "Perl",
    "app.psgi": "Perl",
    "hugo.toml": "Hugo",
    "hugo.yaml": "Hugo",
    "hugo.json": "Hugo",
    "config/_default/hugo.toml": "Hugo",
    "config/_default/config.toml": "Hugo",
    "archetypes/default.md": "Hugo",
    "_config.yml": "Jekyll",
    "zola.toml": "Zola",
}
"""They tell only where nothing else does."""


def declared(tree: Tree) -> tuple[str, str] | None:
    """File and stack."""
    return _find(tree, DECLARING)


def hinted(tree: Tree) -> tuple[str, str] | None:
    """As `declared`, with the weaker signs."""
    return declared(tree) or _find(tree, HINTING)


def _find(tree: Tree, table: dict[str, str]) -> tuple[str, str] | None:
    for marker, stack in table.items():
        if "*" not in marker:
            if tree.is_file(marker):
                return marker, stack
            continue
        for name in tree.names:
            if fnmatchcase(name, marker) and tree.is_file(name):
                return name, stack
    return None
