import pytest

from deployzero.build.version import satisfies


@pytest.mark.parametrize(
    ("have", "asked", "answer"),
    [
        ("20.19.2", "20", True),
        ("20.19.2", "v20.x", True),
        ("20.19.2", ">=18", True),
        ("20.19.2", ">=18 <21", True),
        ("20.19.2", ">= 18.0.0", True),
        ("20.19.2", "^20.3", True),
        ("20.19.2", "18 || 20", True),
        ("20.19.2", "^18.0.0 || >=20", True),
        ("20.19.2", "~20.11", False),
        ("20.19.2", "22", False),
        ("20.19.2", "2", False),
        ("20.19.2", "^22.1.0", False),
        ("3.13", ">=3.9", True),
        ("3.13", ">=3.9,<3.12", False),
        ("3.13", "3.9.7", False),
        ("3.13", "~=3.11", True),
        ("8.4", "^7.4|^8.0", True),
        ("8.4", "^7.4|~8.3", False),
        ("3.3", "~> 3.2", True),
        ("3.3", "~> 2.7", False),
    ],
)
def test_which_versions_satisfy(have: str, asked: str, answer: bool) -> None:
    assert satisfies(have, asked) is answer
