"""An administrator looks at the server, and tidies it up."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from daemon import Daemon, docker_client

Person = Any  # made in conftest


@pytest.fixture
def images(server: Daemon) -> Iterator[dict[str, str]]:
    """One that carries the server's label and that nothing needs, and one without a label."""
    client, made = docker_client(), {}
    with closing(client):
        for name, label in (("ours", f"deployzero.instance={server.instance}"), ("other", "a=b")):
            tag = f"deployzero-{server.instance}/test-cleanup:{name}"
            dockerfile_changes = [f"LABEL {label}", "LABEL deployzero.deployment=999999"]
            repository, _, version = tag.partition(":")
            client.import_image_from_data(
                bytes(10240), repository, version, changes=dockerfile_changes
            )
            made[name] = tag
        yield made
        for tag in made.values():
            if client.images(tag):
                client.remove_image(tag)


def test_what_nothing_needs_goes_and_nothing_unlabelled(
    admin: Person, images: dict[str, str]
) -> None:
    planned = admin.ssh("cleanup", "--dry-run")
    assert images["ours"] in planned.out
    done = admin.ssh("cleanup")
    assert done.code == 0, done.out + done.err
    assert images["ours"] in done.out
    with closing(docker_client()) as client:
        assert not client.images(images["ours"])
        assert client.images(images["other"])


def test_the_page_for_three_in_the_morning(admin: Person) -> None:
    page = json.loads(admin.ssh("report", "--json").out)
    assert page["engine"][0].isdigit()
    assert page["proxy"] == "ok"
    assert page["disk_free_bytes"] > 0
