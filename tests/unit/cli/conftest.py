from pathlib import Path

import pytest


@pytest.fixture
def own_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config folder of the test's own, and no server or key of the environment's."""
    folder = tmp_path / "config"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    for name in ("DEPLOYZERO_SERVER", "DEPLOYZERO_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return folder
