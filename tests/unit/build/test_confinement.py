from pathlib import Path

from deployzero.build.confinement import confine


def test_version_1_groups_get_a_limit_and_low_shares(tmp_path: Path) -> None:
    (tmp_path / "memory/docker").mkdir(parents=True)
    (tmp_path / "cpu/docker").mkdir(parents=True)
    assert confine(1024, tmp_path) is None
    assert (tmp_path / "memory/docker/buildkit/memory.limit_in_bytes").read_text() == "1024"
    assert int((tmp_path / "cpu/docker/buildkit/cpu.shares").read_text()) < 1024


def test_version_2_groups_get_a_limit_and_low_weight(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu memory")
    (tmp_path / "docker").mkdir()
    assert confine(1024, tmp_path) is None
    assert (tmp_path / "docker/buildkit/memory.max").read_text() == "1024"
    assert int((tmp_path / "docker/buildkit/cpu.weight").read_text()) < 100


def test_systemd_s_groups_are_told_as_not_confinable(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu memory")
    assert "systemd" in (confine(1024, tmp_path) or "")
    (tmp_path / "cgroup.controllers").unlink()
    (tmp_path / "memory/system.slice").mkdir(parents=True)
    assert "systemd" in (confine(1024, tmp_path) or "")
