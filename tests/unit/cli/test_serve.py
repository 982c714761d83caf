import socket
from pathlib import Path

import pytest

from deployzero.cli.serve import notify


@pytest.mark.parametrize("abstract", [False, True])
def test_the_service_manager_is_told_in_one_datagram(tmp_path: Path, abstract: bool) -> None:
    address = f"@{tmp_path}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(5)
        manager.bind(address.replace("@", "\0"))
        notify(address, "READY=1")
        assert manager.recv(100) == b"READY=1"


def test_nobody_is_told_where_nobody_waits() -> None:
    notify("", "READY=1")
