import signal
from dataclasses import replace
from pathlib import Path

from deployzero.routing import process


def test_a_recycled_pid_is_neither_alive_nor_signalled(tmp_path: Path) -> None:
    started, child = process.spawn(["sleep", "60"], tmp_path / "out", "digest")
    try:
        process.save(started, tmp_path / "pid")
        assert process.load(tmp_path / "pid") == started
        assert started.alive()
        for other in (
            replace(started, started=started.started - 1),
            replace(started, boot="another boot"),
        ):
            assert not other.alive()
            other.signal(signal.SIGKILL)
            process.end(other, 0.1)
        assert child.poll() is None
        process.end(started, 5)
        assert not started.alive()
    finally:
        child.kill()
        child.wait()


def test_what_waits_to_be_reaped_is_not_alive(tmp_path: Path) -> None:
    started, child = process.spawn(["true"], tmp_path / "out", "digest")
    try:
        process.end(started, 5)
        assert process.start_time(child.pid) is None
    finally:
        child.wait()


def test_a_process_that_ignores_the_polite_signal_is_killed(tmp_path: Path) -> None:
    command = ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done"]
    started, child = process.spawn(command, tmp_path / "out", "digest")
    try:
        while "ready" not in (tmp_path / "out").read_text():
            assert child.poll() is None
        process.end(started, 0.2)
        assert child.wait(5) == -signal.SIGKILL
    finally:
        child.kill()
        child.wait()


def test_a_damaged_pid_file_is_no_process(tmp_path: Path) -> None:
    (tmp_path / "pid").write_text('{"pid": 1}')
    assert process.load(tmp_path / "pid") is None
    (tmp_path / "pid").write_text("garbage")
    assert process.load(tmp_path / "pid") is None
    assert process.load(tmp_path / "none") is None
