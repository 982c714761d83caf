"""Go: which program is built, how, and what it needs."""

import pytest

from deployzero.detection import no_start
from deployzero.errors import ProjectDetectionError

MAIN = "// a server\npackage main\nfunc main() {}\n"
BUILD = "go build -trimpath -ldflags='-s -w' -o"
MODULE = {"go.mod": "module example.com/me/shop/v2\n\ngo 1.24\n"}


def test_a_module_at_the_root_is_named_after_its_path(detect):
    config = detect(
        {
            "go.mod": "module example.com/me/shop/v2\n\ngo 1.23.0\ntoolchain go1.24.2\n"
            "require github.com/gin-gonic/gin v1.10.0\n",
            "go.sum": "",
            "main.go": MAIN,
        }
    )
    assert (config.type, config.main, config.start_command) == ("go", ".", "bin/shop")
    assert config.build_command == f"{BUILD} bin/shop ."
    assert (config.runtime_version, config.framework) == ("1.24.2", "gin")
    assert config.install_files == ("go.mod", "go.sum")
    assert config.install_command == "go mod download"


@pytest.mark.parametrize(
    ("files", "main", "start"),
    [
        (["cmd/admin", "cmd/shop"], "./cmd/shop", "bin/shop"),  # the module's name
        (["cmd/admin", "cmd/web"], "./cmd/web", "bin/web"),  # a server's usual name
        (["cmd/b", "cmd/a"], "./cmd/a", "bin/a"),  # the alphabet
        (["cmd/a", "."], ".", "bin/shop"),
        (["cmd"], "./cmd", "bin/cmd"),
        (["backend", "tests"], "./backend", "bin/backend"),
        (["cmd/shop/server"], "./cmd/shop/server", "bin/server"),
    ],
    ids=str,
)
def test_which_of_several_main_packages_is_the_web_process(detect, files, main, start):
    config = detect({**MODULE, **{f"{folder}/main.go": MAIN for folder in files}})
    assert (config.main, config.start_command) == (main, start)


def test_those_that_are_not_built_are_named(detect):
    config = detect({**MODULE, "cmd/admin/main.go": MAIN, "cmd/shop/main.go": MAIN})
    said = "(also there: ./cmd/admin; a Procfile line 'web: bin/admin' chooses it)"
    assert any(said in reason for reason in config.reasons)
    config = detect({**MODULE, "cmd/api/main.go": MAIN})
    assert any("chooses the first)" in reason for reason in config.reasons)


def test_a_test_or_ignored_file_is_no_main_package(examine):
    ignored = "//go:build ignore\npackage main\n"
    config = examine({"go.mod": "module a\n", "a_test.go": MAIN, "gen.go": ignored})
    assert (config.type, config.start_command) == ("go", None)


def test_every_program_that_the_procfile_calls_is_built(detect):
    config = detect(
        {
            **MODULE,
            **{f"cmd/{name}/main.go": MAIN for name in ("web", "mailer", "migrate", "unused")},
            "Procfile": "web: bin/web -v\nqueue: mailer --fast\nrelease: go run ./cmd/migrate up\n",
        }
    )
    outputs = [part.split("-o ")[1] for part in config.build_command.split(" && ")]
    assert outputs == [
        "bin/web ./cmd/web", "bin/mailer ./cmd/mailer", "bin/migrate ./cmd/migrate",
    ]  # fmt: skip
    assert config.processes == {
        "web": "bin/web -v", "queue": "mailer --fast", "release": "bin/migrate up",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("web", "started"),
    [
        ("go run .", "bin/hello"),
        ("go run main.go --port $PORT", "bin/hello --port $PORT"),
        ("go run ./cmd/hello", "bin/hello"),
        ("./main -a", "bin/hello -a"),  # what another platform's build would have made
        ("bin/hello", "bin/hello"),
        ("hello", "hello"),
        ("sh run.sh", "sh run.sh"),
        ("./run.sh", "./run.sh"),
    ],
)
def test_a_procfile_gets_the_compiled_program(detect, web, started):
    files = {"go.mod": "module a\n", "cmd/hello/main.go": MAIN, "run.sh": "#!/bin/sh\n"}
    config = detect({**files, "Procfile": f"web: {web}"})
    assert config.start_command == config.processes["web"] == started


def test_a_script_for_bash_gets_an_image_that_has_it(detect):
    files = {**MODULE, "main.go": MAIN, "run.sh": "#!/usr/bin/env bash\n"}
    assert detect({**files, "Procfile": "web: ./run.sh"}).run_packages == ("bash",)
    assert detect({**files, "Procfile": "web: bin/shop"}).run_packages == ()


def test_a_library_is_told_what_it_lacks(examine):
    error = no_start(examine({**MODULE, "pkg/shop/shop.go": "package shop\n"}))
    assert error.message.startswith("a Go app, but there is no main package at the root")
    assert 'start_command = "bin/app"' in error.hint
    assert examine({**MODULE, "main.go": MAIN}).unstartable_hint is None


def test_a_workspace_builds_its_member_with_a_main_package(detect):
    config = detect(
        {
            "go.work": "go 1.22\n\nuse (\n\t./shared\n\t./api\n)\n",
            "shared/go.mod": "module s\n",
            "shared/s.go": "package s\n",
            "api/go.mod": "module example.com/api\n\ngo 1.23\n",
            "api/main.go": MAIN,
        }
    )
    assert (config.main, config.start_command) == ("./api", "bin/api")
    assert (config.runtime_version, config.install_command) == ("1.23", None)


def test_a_workspaces_manifests_key_its_dependencies(detect):
    config = detect(
        {
            "go.work": "go 1.23\nuse ./api\n",
            "api/go.mod": "module api\nrequire b.com/b v1.0.0\n",
            "api/go.sum": "",
            "api/main.go": MAIN,
        }
    )
    assert config.install_files == ("go.work", "api/go.mod", "api/go.sum")
    assert config.install_command == "go mod download"


@pytest.mark.parametrize(
    "more",
    [
        {"go.mod": "module a\nrequire b v1.0.0\nreplace b => ./b\n"},
        {"go.mod": "module a\nrequire b v1.0.0\n", "vendor/modules.txt": ""},
        {"go.mod": "module a\n"},
    ],
    ids=["replaced", "vendored", "alone"],
)
def test_modules_that_are_here_are_not_fetched_ahead(detect, more):
    assert detect({"main.go": MAIN, **more}).install_command is None


def test_a_vendored_tree_is_built_from_vendor(detect):
    config = detect({**MODULE, "main.go": MAIN, "vendor/modules.txt": ""})
    assert "-mod=vendor" in config.build_command


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({"go.mod": "module a\ngo 1.21\n"}, "1.21"),
        ({"go.mod": "module a\ngo 1.21\n", "mise.toml": '[tools]\ngo = "1.25.3"\n'}, "1.25.3"),
        ({"go.mod": "module a\ngo 1.21\n", ".config/mise.toml": "tools.go = 1.25\n"}, "1.25"),
        ({"go.mod": "module a\ngo 1.21\n", ".tool-versions": "golang 1.23.1\n"}, "1.23.1"),
        ({"go.mod": "module a\ngo 1.21\n", ".go-version": "1.22\n"}, "1.22"),
        ({"go.mod": "module a\n// +heroku goVersion go1.25\ngo 1.25.0\n"}, "1.25"),
        ({"go.mod": "module a\ngo 1.25\n", ".go-version": "1.22\n"}, "1.25"),
        ({"go.mod": "module a\n"}, None),
    ],
    ids=str,
)
def test_which_go_is_asked_for(detect, files, version):
    assert detect({"main.go": MAIN, **files}).runtime_version == version


@pytest.mark.parametrize(
    "files",
    [
        {"go.mod": "module a\nrequire github.com/mattn/go-sqlite3 v1.14.0\n"},
        {"c.go": 'package main\n// #include <stdio.h>\nimport "C"\n'},
    ],
    ids=["a module that is C", "C of its own"],
)
def test_what_uses_c_is_linked_with_the_c_library(detect, files):
    config = detect({**MODULE, "main.go": MAIN, **files})
    assert config.environment["CGO_ENABLED"] == "1"


@pytest.mark.parametrize("name", ["a b", "a;id", "a'b", "a\nUSER root", "$(id)"])
def test_a_package_whose_name_no_command_can_hold_is_left_out(detect, name):
    config = detect({"go.mod": "module a\n", f"cmd/{name}/main.go": MAIN, "cmd/b/main.go": MAIN})
    assert config.main == "./cmd/b"
    assert any("is left out" in reason for reason in config.reasons)


def test_a_module_path_no_command_can_hold_gets_a_plain_name(detect):
    assert detect({"go.mod": "module a/$(id)\n", "main.go": MAIN}).start_command == "bin/app"


def test_a_program_of_before_modules(detect):
    foreign = 'package main\nimport (\n\t"fmt"\n\t"github.com/labstack/echo"\n)\n'
    godeps = {"Godeps/Godeps.json": '{"ImportPath": "example.com/me/shop"}'}
    alone = detect({"main.go": MAIN})
    assert alone.start_command == "bin/app"
    assert "GO111MODULE=off" in alone.build_command
    fetched = detect({"main.go": foreign, **godeps})
    assert fetched.build_command.startswith("go mod init example.com/me/shop && go mod tidy && ")
    assert fetched.start_command == "bin/shop"
    assert any("go mod init" in reason for reason in fetched.reasons)


def test_a_vendored_program_of_before_modules_is_built_in_a_gopath(detect):
    config = detect(
        {
            "web.go": MAIN,
            "vendor/vendor.json": '{"rootPath": "example.com/me/shop"}',
            "vendor/github.com/a/b/b.go": "package b\n",
        }
    )
    assert "cd /go/src/example.com/me/shop" in config.build_command
    assert f"{BUILD} /app/bin/shop ." in config.build_command


def test_a_manifest_without_a_module_is_broken(detect):
    with pytest.raises(ProjectDetectionError, match=r"go\.mod, line 1"):
        detect({"go.mod": "nothing\n"})


def test_what_members_of_a_workspace_need_of_each_other_is_not_fetched(detect):
    files = {
        "go.work": "go 1.22\n\nuse (\n\t./web\n\t./lib\n)\n",
        "web/go.mod": "module example.com/web\n\nrequire example.com/lib v0.0.0\n",
        "web/main.go": "package main\n",
        "lib/go.mod": "module example.com/lib\n",
    }
    assert detect(files).install_command is None
    files["web/go.mod"] = files["web/go.mod"].replace("example.com/lib", "example.com/other")
    assert detect(files).install_command == "go mod download"
