"""The server's machine is lost: what was backed up serves again on another one."""

import subprocess
from pathlib import Path
from typing import Any

from daemon import Daemon, wait_until

Person = Any  # made in conftest

LIMIT = 120.0


def test_a_new_machine_redeploys_from_the_backup(
    server: Daemon, admin: Person, repo: Path, tmp_path: Path
) -> None:
    for app in ("kept", "asleep"):
        pushed = admin.push(repo, app)
        assert pushed.code == 0, pushed.err
    assert admin.ssh("config:set", "--no-restart", "kept", "GREETING=before").code == 0
    assert admin.ssh("ps:stop", "asleep").code == 0
    with (tmp_path / "backup.tar").open("wb") as file:
        command = [*admin.ssh_command(), "backup"]
        subprocess.run(command, stdout=file, stderr=subprocess.PIPE, check=True, timeout=60)

    new = Daemon(tmp_path / "machine")
    (new.data / "secret.key").unlink()
    subprocess.run(
        [*new.program[:-1], "restore", tmp_path / "backup.tar"],
        env=new.environment, check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    new.start()
    try:
        wait_until(lambda: new.get("kept").status_code == 200, LIMIT, "kept serves again")
        assert new.get("kept", "/env/GREETING").text == "before"
        assert new.get("asleep").status_code in (404, 503)
        person = type(admin)("admin", server.key, new)  # the old key, as it was registered
        started = person.ssh("ps:start", "asleep", limit=LIMIT)
        assert started.code == 0, started.out
        assert new.get("asleep").text == "hello"
        assert '"restore"' in person.ssh("events", "--json").out
        assert server.get("kept").status_code == 200  # the old one was not touched
    finally:
        new.down()
