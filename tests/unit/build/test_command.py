import subprocess

import pytest

from deployzero.build.command import process_command, with_exec


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
