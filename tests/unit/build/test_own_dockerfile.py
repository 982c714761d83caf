from deployzero.build.own_dockerfile import rewrite, syntax_image, without_syntax

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
