import pytest

from deployzero.build.failure import AGAIN, SHOWN_LINES, explain
from deployzero.errors import BuildError, ResourceLimitError

SOLVE = "failed to solve with frontend dockerfile.v0: failed to create LLB definition: "


def test_a_command_that_fails_is_named_with_its_code_and_last_lines() -> None:
    said = "executor failed running [/bin/sh -c . x && pip install y]: exit code: 1"
    error = explain(said, "RUN pip install y", ["ERROR: no y"])
    assert isinstance(error, BuildError)
    assert error.message == "`pip install y` exited with 1"
    assert error.detail == ("ERROR: no y",)
    assert error.hint


def test_a_killed_command_is_told_as_out_of_memory_with_the_limit() -> None:
    error = explain("… exit code: 137", "RUN npm run build", [], "2g")
    assert isinstance(error, ResourceLimitError)
    assert "2g" in error.message


def test_a_full_disk_is_told_as_that() -> None:
    error = explain("exit code: 1", "RUN x", ["write: No space left on device"])
    assert isinstance(error, ResourceLimitError)
    assert "disk" in error.message


@pytest.mark.parametrize(
    ("said", "image"),
    [
        (
            'failed to do request: Head "https://registry-1.docker.io/v2/library/python/manifests/'
            '3.13-slim": dial tcp: no such host',
            "python:3.13-slim",
        ),
        (
            'failed to do request: Head "https://deployzero.invalid/v2/x/manifests/1": dial tcp',
            "deployzero.invalid/x:1",
        ),
        ("docker.io/library/nosuch:1: not found", "nosuch:1"),
        ("pull access denied, repository does not exist: docker.io/a/b:1: pull access denied",
         "a/b:1"),
    ],
)  # fmt: skip
def test_an_image_that_cannot_be_pulled_is_named(said: str, image: str) -> None:
    assert explain(SOLVE + said, None, []).message == f"the image {image} cannot be pulled"


@pytest.mark.parametrize(
    "said", ['"/x" not found: not found', 'checksum of ref a: "/x": not found']
)
def test_a_file_to_copy_that_is_not_there_is_no_image(said: str) -> None:
    error = explain(f"failed to compute cache key: {said}", "COPY x /y", [], stack="dockerfile")
    assert error.message == "`COPY x /y` failed: there is no /x"
    assert "upper and lower case" in error.hint


def test_a_folder_that_the_build_did_not_make_is_named_with_the_setting_for_it() -> None:
    said = 'failed to compute cache key: "/app/dist" not found: not found'
    error = explain(said, 'COPY --from=build ["/app/dist/", "/app/"]', [], stack="nodejs")
    assert error.message.endswith("failed: there is no /app/dist")
    assert "static_dir" in error.hint


def test_a_broken_dockerfile_is_told_with_its_line() -> None:
    error = explain(SOLVE + "dockerfile parse error line 2: unknown instruction: RUNN", None, [])
    assert error.message == "Dockerfile, line 2: unknown instruction: RUNN"


def test_a_dockerfile_that_a_buildpack_made_is_not_taken_for_the_users() -> None:
    said = SOLVE + "dockerfile parse error line 4: ENV requires at least one argument"
    error = explain(said, None, [], stack="lua")
    assert error.message == (
        "the Dockerfile made of lua/Dockerfile.j2, line 4: ENV requires at least one argument"
    )
    assert "deployzero detect --dockerfile" in error.hint


def test_a_known_cause_stands_behind_the_step_and_its_code() -> None:
    said = ["ERROR: No matching distribution found for flask==99.1"]
    error = explain("… exit code: 1", "RUN pip install -r requirements.txt", said)
    assert error.message == (
        "`pip install -r requirements.txt` exited with 1: the package index has no version "
        "flask==99.1"
    )
    assert error.hint != AGAIN
    assert error.detail == tuple(said)


def test_an_unknown_cause_is_left_to_the_tools_own_words() -> None:
    error = explain("… exit code: 2", "RUN npm run build", ["a.ts(1,7): error TS2322: no"])
    assert error.message == "`npm run build` exited with 2"
    assert error.hint == AGAIN


def test_the_cause_is_found_above_the_lines_that_are_shown() -> None:
    output = ["Error: pg_config executable not found.", *["more"] * 60]
    error = explain("… exit code: 1", "RUN pip install psycopg2", output, stack="python")
    assert error.message.endswith(": the program pg_config is missing")
    assert error.hint == 'In deployzero.toml: packages = ["libpq-dev"]'
    assert len(error.detail) == SHOWN_LINES


def test_what_the_fix_types_is_for_the_app_that_was_pushed() -> None:
    said = ["User for pypi.example.com: ", "EOFError: EOF when reading a line"]
    error = explain("… exit code: 2", "RUN pip install x", said, app="shop", stack="python")
    assert "config:set shop PIP_EXTRA_INDEX_URL=" in error.hint


@pytest.mark.parametrize(
    "said",
    [
        "Killed",
        "make: *** [Makefile:2: all] Killed",
        "c++: fatal error: Killed signal terminated program cc1plus",
        "/usr/lib/go/pkg/tool/linux_amd64/compile: signal: killed",
        "npm error signal SIGKILL",
        "subprocess.CalledProcessError: Command '['cc']' died with <Signals.SIGKILL: 9>.",
        "  process didn't exit successfully: `rustc` (signal: 9, SIGKILL: kill)",
    ],
)
def test_a_tool_below_the_step_that_was_killed_is_out_of_memory_too(said: str) -> None:
    error = explain("… exit code: 1", "RUN make", [said], "2g")
    assert isinstance(error, ResourceLimitError)
    assert "out of memory" in error.message


def test_too_many_watched_files_are_no_full_disk() -> None:
    said = ["Error: ENOSPC: no space left on device, watch '/app'"]
    assert isinstance(explain("… exit code: 1", "RUN x", said), BuildError)


def test_full_shared_memory_is_no_full_disk() -> None:
    said = ["Creating shared memory in /dev/shm/x failed: No space left on device (28)"]
    assert isinstance(explain("exit code: 1", "RUN x", said), BuildError)
