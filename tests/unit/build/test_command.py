import subprocess

import pytest

from deployzero.build.command import one_line, process_command, shown, with_exec


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("gunicorn app:app", "exec gunicorn app:app"),
        ("./app", "exec ./app"),
        ("gunicorn -w $(nproc) app", "exec gunicorn -w $(nproc) app"),
        ("FOO=1 BAR=b gunicorn app", "FOO=1 BAR=b exec gunicorn app"),
        ("migrate && gunicorn app", "migrate && exec gunicorn app"),
        ("cd web; node server.js", "cd web; exec node server.js"),
        ("gunicorn app > /tmp/log 2>&1", "exec gunicorn app > /tmp/log 2>&1"),
        ("gunicorn --bind 0.0.0.0:$PORT 'a:b'", "exec gunicorn --bind 0.0.0.0:$PORT 'a:b'"),
        ("gunicorn app --log='a && b'", "exec gunicorn app --log='a && b'"),
    ],
)
def test_the_last_program_takes_the_shells_place(command: str, expected: str) -> None:
    assert with_exec(command) == expected


@pytest.mark.parametrize(
    "command",
    [
        "a | b",
        "worker & web",
        "a || b",
        "if true; then web; fi",
        "while :; do web; done",
        "(cd x && web)",
        "exec web",
        "export A=1",
        "for i in 1 2; do echo $i; done",
        "{ a; b; }",
        "echo `date`",
        "FOO='a b' web",
        "web 'unclosed",
        "",
    ],
)
def test_what_is_more_than_a_plain_chain_stays_as_written(command: str) -> None:
    assert with_exec(command) == command


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("FOO=1 env | grep ^FOO", "FOO=1"),
        ("FOO=1 sh -c 'echo $FOO'", "1"),
        ("cd / && pwd", "/"),
        ("true && echo 'a  b' \"$HOME\"", "a  b /h"),
    ],
)
def test_the_command_still_does_what_it_did(command: str, said: str) -> None:
    ran = subprocess.run(
        process_command(command),
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin:/bin", "HOME": "/h"},
    )
    assert ran.stdout.strip() == said


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("cd web\nnpm run build", "cd web && npm run build"),
        ("a\r\nb\rc", "a && b && c"),
        ("a \\\n  --x\n\n# why\nb", "a    --x && b"),
        ("# a path C:\\\nb", "b"),
        ("echo 'a\u2028b'", "echo 'a\u2028b'"),
        ("make\u2028x\nb", "make\u2028x && b"),
        ("a && b || c\nd", "a && b || c && d"),
        ("a \\", "a"),
    ],
)
def test_whole_commands_of_several_lines_are_a_chain(command: str, line: str) -> None:
    assert one_line(command) == line


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("if true\nthen\n  echo a\nelse echo b\nfi", "a"),
        ("for i in 1 2; do\n  echo $i\ndone\necho 3", "1 2 3"),
        ("case x in\n  x) echo a;;\n  *) echo b;;\nesac", "a"),
        ("true &&\n echo a |\n cat", "a"),
        ('cat <<EOF\nit\'s $HOME "a"\n  b\nEOF\necho c', 'it\'s /h "a" b c'),
        ("cat <<'EOF'\na \\\nb %s\nEOF", "a \\ b %s"),
        ("echo 'a\n# b\u2028'", "a # b"),
        ("f() {\n echo a\n}\nf # x\necho b \\\n c", "a b c"),
        ("echo $(\n echo a\n)", "a"),
        ("echo `echo a\necho b`", "a b"),
        ("wait & \necho a", "a"),
        ("echo a # b\necho c", "a c"),
        ("if true; then\n echo a\nfi\\", "a"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_command_over_several_lines_does_the_same_on_one(
    command: str, said: str, end: str
) -> None:
    line = one_line(command.replace("\n", end))
    assert "\n" not in line
    assert not line.endswith("\\")
    assert _ran(f"true && {line}").stdout.split() == said.split()


@pytest.mark.parametrize(
    "command", ["cd /none\necho a", "a=1\nfalse\nif true; then echo a; fi", "false && true\necho a"]
)
def test_no_line_of_a_build_may_fail(command: str) -> None:
    ran = _ran(one_line(command))
    assert ran.returncode
    assert not ran.stdout


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("\n# why\nif test 'a'; then\n  echo $HOME\nfi\n", "if test 'a'; then … (5 lines)"),
        ("cat <<EOF\na\nEOF", "cat <<EOF … (3 lines)"),
        ("\"'a'\"''\n# it's\n''", "\"'a'\"'' && ''"),
        ("\"'a'\" 'b\n'", "\"'a'\" 'b … (2 lines)"),
        ("make\nmake b", "make && make b"),
        ("set -- a && make", "set -- a && make"),
    ],
)
def test_a_script_is_shown_by_its_first_line(command: str, words: str) -> None:
    assert shown(one_line(command)) == words


def test_what_only_looks_like_a_script_is_shown_as_it_is() -> None:
    line = one_line("cat <<EOF\na\nEOF")
    for other in (line.replace("'cat", "cat'", 1).replace("EOF' a", "EOF a"), f"x && {line}"):
        assert shown(other) == other


def test_a_script_of_any_length_is_shown_at_once() -> None:
    line = one_line(f"if true\nthen make {'x' * 500_000}\nfi")
    assert shown(line) == "if true … (3 lines)"
    for words in ("'", "'\"" * 250_000, "'\"'\"" * 100_000, "x' " * 100_000, "' " * 100_001):
        other = f"set -- {words}{line[-30:]}"
        assert shown(other) == other


def _ran(line: str) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/h"}
    return subprocess.run(
        ["/bin/sh", "-c", line], capture_output=True, text=True, env=environment, timeout=10
    )
