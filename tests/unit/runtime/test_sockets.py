from pathlib import Path

from deployzero.runtime.diagnosis import wrong_listener
from deployzero.runtime.memory import oom_kills
from deployzero.runtime.sockets import established, listeners

HEADER = "  sl  local_address rem_address   st\n"


def write(proc: Path, tcp: str, tcp6: str = "") -> None:
    folder = proc / "7" / "net"
    folder.mkdir(parents=True)
    (folder / "tcp").write_text(HEADER + tcp)
    (folder / "tcp6").write_text(HEADER + tcp6)


def test_listening_sockets_are_read_in_both_families_without_dockers_resolver(
    tmp_path: Path,
) -> None:
    write(
        tmp_path,
        "   0: 0100007F:1388 00000000:0000 0A\n"
        "   1: 0B00007F:A3D5 00000000:0000 0A\n"
        "   2: 0200D00A:1F40 0100D00A:8AE2 01\n",
        "   0: 00000000000000000000000000000000:1F40 00000000000000000000000000000000:0000 0A\n"
        "   1: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A\n",
    )
    found = [str(one) for one in listeners(7, tmp_path)]
    assert found == ["127.0.0.1:5000", "[::]:8000", "[::1]:80"]
    assert [one.everywhere for one in listeners(7, tmp_path)] == [False, True, False]


def test_connections_are_counted_by_the_containers_own_port(tmp_path: Path) -> None:
    write(
        tmp_path,
        "   0: 0200D00A:1F40 0100D00A:8AE2 01\n"
        "   1: 0200D00A:1F40 0100D00A:8AE4 06\n"
        "   2: 0200D00A:8AE2 0300D00A:1538 01\n",
        "   0: 0000000000000000FFFF00000200D00A:1F40 0000000000000000FFFF00000100D00A:8AE6 01\n",
    )
    assert established(7, 8000, tmp_path) == 2
    assert established(8, 8000, tmp_path) is None


def test_nothing_is_said_about_a_container_on_another_host() -> None:
    assert wrong_listener(0, 8000) == ""


def test_kills_are_counted_on_both_kinds_of_cgroup(tmp_path: Path) -> None:
    proc, first, second = tmp_path / "proc", tmp_path / "v1", tmp_path / "v2"
    (proc / "7").mkdir(parents=True)
    (proc / "7/cgroup").write_text("5:cpu,cpuacct:/docker/x\n4:memory:/docker/x\n0::/docker/x\n")
    (first / "memory/docker/x").mkdir(parents=True)
    (first / "memory/docker/x/memory.oom_control").write_text("under_oom 0\noom_kill 2\n")
    assert oom_kills(7, proc, first) == 2
    (proc / "7/cgroup").write_text("0::/docker/x\n")
    (second / "docker/x").mkdir(parents=True)
    (second / "cgroup.controllers").touch()
    (second / "docker/x/memory.events").write_text("oom 4\noom_kill 3\n")
    assert oom_kills(7, proc, second) == 3
    assert oom_kills(8, proc, second) == 0
