"""Go, static sites and Dockerfiles."""

import pytest

from deployzero.errors import ProjectDetectionError

MAIN = "// a server\npackage main\nfunc main() {}\n"


def test_a_go_module_at_the_root(detect):
    config = detect(
        {
            "go.mod": "module example.com/a\n\ngo 1.23.0\ntoolchain go1.24.2\n"
            "require github.com/gin-gonic/gin v1.10.0\n",
            "go.sum": "",
            "main.go": MAIN,
        }
    )
    assert (config.type, config.main, config.start_command) == ("go", ".", "./app")
    assert (config.runtime_version, config.framework) == ("1.24.2", "gin")
    assert config.install_files == ("go.mod", "go.sum")
    assert config.install_command == "go mod download"


def test_a_go_module_with_its_program_under_cmd(detect):
    files = {"go.mod": "module example.com/shop\ngo 1.24\n", "lib.go": "package shop\n"}
    config = detect({**files, "cmd/admin/main.go": MAIN, "cmd/shop/main.go": MAIN})
    assert config.main == "./cmd/shop"
    assert any("also there: ./cmd/admin" in reason for reason in config.reasons)


def test_a_test_or_ignored_file_is_no_main_package(examine):
    ignored = "//go:build ignore\npackage main\n"
    config = examine({"go.mod": "module a\n", "a_test.go": MAIN, "gen.go": ignored})
    assert (config.type, config.start_command) == ("go", None)


def test_a_go_workspace_builds_its_member_with_a_main_package(detect):
    config = detect(
        {
            "go.work": "go 1.23\n\nuse (\n\t./shared\n\t./api\n)\n",
            "shared/go.mod": "module s\n",
            "shared/s.go": "package s\n",
            "api/go.mod": "module api\n",
            "api/main.go": MAIN,
        }
    )
    assert (config.main, config.runtime_version, config.install_command) == ("./api", "1.23", None)


@pytest.mark.parametrize(
    "more",
    [
        {"go.mod": "module a\nrequire b v1.0.0\nreplace b => ./b\n"},
        {"go.mod": "module a\nrequire b v1.0.0\n", "vendor/modules.txt": ""},
        {"go.mod": "module a\n"},
    ],
)
def test_go_modules_that_are_here_are_not_fetched_ahead(detect, more):
    assert detect({"main.go": MAIN, **more}).install_command is None


def test_a_repository_with_an_app_folder_gets_another_binary_name(detect):
    config = detect({"go.mod": "module a\n", "main.go": MAIN, "app/x.go": "package app\n"})
    assert config.start_command == "./app.bin"
    assert config.build_command.endswith("-o ./app.bin .")


@pytest.mark.parametrize("name", ["a b", "a;id", "a'b", "a\nUSER root", "$(id)"])
def test_a_go_package_whose_name_no_command_can_hold_is_left_out(detect, name):
    config = detect({"go.mod": "module a\n", f"cmd/{name}/main.go": MAIN, "cmd/b/main.go": MAIN})
    assert config.main == "./cmd/b"
    assert any("is left out" in reason for reason in config.reasons)


@pytest.mark.parametrize("web", ["go run .", "go run main.go", "go run ./cmd/shop", "bin/shop"])
def test_a_procfile_that_runs_go_gets_the_compiled_binary(detect, web):
    files = {"go.mod": "module a\n", "cmd/shop/main.go": MAIN, "Procfile": f"web: {web}"}
    config = detect(files)
    assert config.start_command == config.processes["web"] == "./app"


def test_a_single_go_file_needs_no_module(detect, examine):
    assert detect({"main.go": MAIN}).main == "main.go"
    needs_module = 'package main\nimport "github.com/labstack/echo"\n'
    assert examine({"main.go": needs_module}).start_command is None


@pytest.mark.parametrize(
    ("files", "folder"),
    [
        ({"index.html": ""}, "."),
        ({"public/index.html": ""}, "public"),
        ({"public/about.html": ""}, "public"),
        ({"index.html": "", "public/logo.svg": ""}, "."),
        ({"Staticfile": "# site\nroot: site/html\n", "site/html/a.txt": ""}, "site/html"),
        ({"Staticfile": ""}, "."),
    ],
)
def test_plain_sites(detect, files, folder):
    config = detect(files)
    assert (config.type, config.static_dir, config.start_command) == ("static", folder, None)
    assert not config.spa


def test_a_staticfile_may_ask_for_the_index_everywhere(detect):
    assert detect({"Staticfile": "index_fallback: true\n", "index.html": ""}).spa


@pytest.mark.parametrize("root", ["gone", "../..", "/etc/../.."])
def test_a_staticfile_root_outside_is_refused(detect, root):
    with pytest.raises(ProjectDetectionError, match="Staticfile, line 2"):
        detect({"Staticfile": f"# a\nroot: {root}\n", "index.html": ""})


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("FROM a\nEXPOSE 3000\nEXPOSE 4000\n", 3000),
        ("FROM a\nEXPOSE 3001/udp 3000/tcp\nEXPOSE 3003\n", 3000),
        ("FROM a\n# EXPOSE 1\nexpose 5000\n", 5000),
        ("FROM a\r\nEXPOSE 5000\r\n", 5000),
        ("ARG P=7000\nFROM a\nEXPOSE $P\n", 7000),
        ("FROM a\nENV P 7001\nEXPOSE ${P}\n", 7001),
        ("FROM a\nEXPOSE ${NONE:-7002}\n", 7002),
        ("FROM a AS b\nEXPOSE 1\nFROM c\nEXPOSE 2\n", 2),
        ("FROM a AS b\nEXPOSE 1\nFROM b\n", 1),
        ("FROM a AS b\nEXPOSE 1\nFROM c\n", 8000),
        ("FROM a\nRUN echo \\\n  EXPOSE 9\nEXPOSE 10\n", 10),
        ("FROM a\nRUN <<EOF\nEXPOSE 9\nEOF\nEXPOSE 10\n", 10),
        ("FROM a\nEXPOSE 8080-8090\n", 8080),
        ("FROM a\nEXPOSE nonsense 99999\n", 8000),
        ("FROM a\n", 8000),
    ],
)
def test_a_dockerfile_app_gets_its_first_exposed_port(detect, text, port):
    config = detect({"Dockerfile": text})
    assert (config.port, config.dockerfile, config.start_command) == (port, "Dockerfile", None)


def test_a_dockerfile_without_from_is_broken(detect):
    with pytest.raises(ProjectDetectionError, match="no FROM"):
        detect({"Dockerfile": "RUN echo\n"})


def test_a_procfile_beside_a_dockerfile_names_its_processes(detect):
    config = detect({"Dockerfile": "FROM a\n", "Procfile": "release: ./migrate\n"})
    assert (config.start_command, config.processes) == (None, {"release": "./migrate"})
