import io
import tarfile
import time
from pathlib import Path

import pytest

from deployzero.build.context import write_own
from deployzero.build.own_dockerfile import (
    MOST_BYTES,
    read,
    rewrite,
    syntax_image,
    without_syntax,
)
from deployzero.errors import BuildError
from deployzero.models.project import ProjectConfig

MOUNT = "--mount=type=bind,from=M,target=/run/deployzero-build"
ENV = ". /run/deployzero-build/env"


def test_a_shell_run_gets_the_mount_and_the_variables() -> None:
    assert rewrite("FROM x\nRUN pip install y\n", "M", "app") == (
        f"FROM x\nRUN {MOUNT} {ENV}; pip install y\n"
    )


def test_an_exec_form_run_gets_only_the_mount() -> None:
    assert rewrite('RUN ["/bin/x", "y"]\n', "M", "app") == f'RUN {MOUNT} ["/bin/x", "y"]\n'


def test_flags_stay_and_may_stand_on_lines_of_their_own() -> None:
    text = "RUN --mount=type=cache,target=/c \\\n  --network=none \\\n  make \\\n  all\n"
    assert rewrite(text, "M", "app") == (
        f"RUN {MOUNT} --mount=type=cache,target=/c,id=app//c --network=none {ENV}; make \\\n  all\n"
    )


def test_a_continued_line_that_begins_with_run_is_no_instruction() -> None:
    text = "RUN echo a && \\\n# a note\n\n  RUN b\nrun c\n"
    assert rewrite(text, "M", "app") == (
        f"RUN {MOUNT} {ENV}; echo a && \\\n# a note\n\n  RUN b\nrun {MOUNT} {ENV}; c\n"
    )


def test_onbuild_comments_and_other_instructions_stay_as_written() -> None:
    text = "# RUN a\nONBUILD RUN a\nCOPY . .\nENV RUN=1\nCMD run\n"
    assert rewrite(text, "M", "app") == text


def test_a_heredoc_reads_the_variables_first_and_is_not_looked_into() -> None:
    text = "RUN <<EOF\nRUN a\nEOF\nRUN b\n"
    assert (
        rewrite(text, "M", "app") == f"RUN {MOUNT} <<EOF\n{ENV}\nRUN a\nEOF\nRUN {MOUNT} {ENV}; b\n"
    )


def test_a_heredoc_with_a_program_of_its_own_is_left_alone() -> None:
    text = "RUN <<'EOF'\n#!/usr/bin/env python3\nprint()\nEOF\n"
    assert rewrite(text, "M", "app") == f"RUN {MOUNT} {text.removeprefix('RUN ')}"


def test_a_file_written_by_copy_is_not_looked_into() -> None:
    text = "COPY <<EOF /x\nRUN a\nEOF\n"
    assert rewrite(text, "M", "app") == text


def test_another_shell_than_sh_gets_no_variables_until_the_next_stage() -> None:
    text = 'FROM a\nSHELL ["pwsh", "-c"]\nRUN a\nFROM b\nRUN c\n'
    assert rewrite(text, "M", "app") == (
        f'FROM a\nSHELL ["pwsh", "-c"]\nRUN {MOUNT} a\nFROM b\nRUN {MOUNT} {ENV}; c\n'
    )


def test_the_escape_directive_is_heeded() -> None:
    text = "# escape=`\nRUN a `\n  RUN b\n"
    assert rewrite(text, "M", "app") == f"# escape=`\nRUN {MOUNT} {ENV}; a `\n  RUN b\n"


def test_the_syntax_line_is_found_only_at_the_top_and_can_be_left_out() -> None:
    text = "# syntax=docker/dockerfile:1\n# escape=`\nFROM x\n"
    assert syntax_image(text) == "docker/dockerfile:1"
    assert without_syntax(text) == "# escape=`\nFROM x\n"
    assert syntax_image("FROM x\n# syntax=y\n") is None
    assert without_syntax("# syntax=a\nFROM x\n").splitlines()[1] == "FROM x"


def test_cache_mounts_become_the_apps_own() -> None:
    text = "FROM x\nRUN --mount=type=cache,id=victim-pip,target=/c --mount=type=tmpfs,target=/t a\n"
    assert (
        f"RUN {MOUNT} --mount=type=cache,target=/c,id=app/victim-pip"
        f" --mount=type=tmpfs,target=/t {ENV}; a\n"
    ) in rewrite(text, "M", "app")
    unnamed = rewrite("FROM x\nRUN --mount=type=cache,target=/root/.cache a\n", "M", "app")
    assert "id=app//root/.cache" in unnamed


def test_many_lines_of_flags_take_time_that_grows_with_them() -> None:
    text = "FROM x\nRUN \\\n" + "--a=b \\\n" * 20_000 + "make\n"
    started = time.process_time()
    assert rewrite(text, "M", "app").count("--a=b") == 20_000
    assert time.process_time() - started < 2


def test_a_file_that_is_huge_or_missing_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("#" * (MOST_BYTES + 1))
    with pytest.raises(BuildError, match="Dockerfile is larger than 256 KB"):
        read(tmp_path, "Dockerfile")
    with pytest.raises(BuildError, match=r"web\.Dockerfile cannot be read"):
        read(tmp_path, "web.Dockerfile")


def test_a_file_that_is_not_utf8_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_bytes(b"FROM x\nLABEL who=Ren\xe9\n")
    config = ProjectConfig("dockerfile", dockerfile="Dockerfile")
    buffer = io.BytesIO()
    write_own(buffer, tmp_path, config, rewrite(read(tmp_path, "Dockerfile"), "M", "app"))
    content = tarfile.TarFile(fileobj=buffer).extractfile("Dockerfile")
    assert content is not None
    assert b"who=Ren\xe9\n" in content.read()


@pytest.mark.parametrize("sign", ["\x0b", "\x0c", "\x85", "\u2028"])
def test_what_python_takes_for_a_line_end_is_none(sign: str) -> None:
    run = f"RUN echo 'a{sign}b'\n"
    assert rewrite(f"FROM x\n{run}", "M", "app").count("\n") == 2
    assert without_syntax(f"# syntax=a\nFROM x\n{run}").endswith(run)
