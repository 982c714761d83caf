"""Which Node.js: the order of the pins, and what ranges and names become."""

import json

import pytest

from deployzero.detection.nodejs.version import plain_version
from deployzero.errors import ProjectDetectionError


def started(**more):
    return {"package.json": json.dumps({"scripts": {"start": "node a.js"}, **more})}


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("18.x.x", "18"),
        ("4.2.x", "4.2"),
        ("23.5.0", "23.5.0"),
        ("v22.2.0", "22.2.0"),
        (">=18", "20"),
        (">=18 <20", "18"),
        (">= 22.0.0", "22"),
        ("^26.0.0", "26"),
        ("~22.3", "22.3"),
        ("18 || 20", "20"),
        ("lts/iron", "20"),
        ("lts/*", "24"),
        ("latest", "26"),
        ("node", "26"),
        ("*", None),
        ("garbage", None),
    ],
)
def test_ranges_of_node_become_a_version(text, version):
    assert plain_version(text) == version


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({"mise.toml": '[tools]\nnode = "22"\n', ".nvmrc": "18"}, "22"),
        ({".tool-versions": "ruby 3\nnodejs 18.1.0\n", ".nvmrc": "20"}, "18.1.0"),
        ({".nvmrc": "# ours\nv18.20.5\n", ".node-version": "20"}, "18.20.5"),
        ({".node-version": "22", **started(engines={"node": "18"})}, "22"),
        (started(volta={"node": "22.1.0"}, engines={"node": ">=18"}), "22.1.0"),
        (started(engines={"node": "18"}), "18"),
        (started(devEngines={"runtime": {"name": "node", "version": "^22.4"}}), "22"),
        (started(), None),
    ],
)
def test_the_first_pin_wins(detect, files, version):
    assert detect({**started(), **files}).runtime_version == version


def test_a_contradiction_is_said(detect):
    config = detect({**started(engines={"node": ">=20"}), ".nvmrc": "v18.20.5\n"})
    assert config.runtime_version == "18.20.5"
    assert any("contradicts 18.20.5" in reason for reason in config.reasons)


def test_pins_that_agree_are_not_reported_as_contradictory(detect):
    config = detect({**started(engines={"node": ">=18"}), ".nvmrc": "20"})
    assert config.runtime_version == "20"
    assert not any("contradicts" in reason for reason in config.reasons)


@pytest.mark.parametrize("wanted", ["0.12", "1000"])
def test_a_version_that_cannot_be_had_is_refused(detect, wanted):
    with pytest.raises(ProjectDetectionError, match="cannot be had"):
        detect(started(engines={"node": wanted}))
