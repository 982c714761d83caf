"""keys: what signs somebody in."""

import json
import subprocess
from pathlib import Path
from typing import Any


def make_key(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)]
    subprocess.run(command, check=True)
    return path


async def test_an_api_key_is_printed_once_and_alone_on_standard_output(cli: Any) -> None:
    await cli.app("hello", await cli.person("ana"))
    words = ("keys", "create", "ci", "--scope", "read", "--app", "hello", "--expires-days", "7")
    made = await cli.run("ana", *words)
    assert made.exit_code == 0, made.output
    key = made.stdout.strip()
    assert made.stdout == f"{key}\n"
    assert key.startswith("dz_")
    assert key not in made.stderr

    cli.keys["ci"] = key
    assert (await cli.run("ci", "open", "hello", "--print")).exit_code == 0
    refused = await cli.run("ci", "config", "set", "A=1", "-a", "hello")
    assert refused.exit_code == 1
    assert "scope is read" in refused.stderr

    listed = (await cli.run("ana", "keys")).stdout
    line = next(line for line in listed.splitlines() if " ci " in line)
    assert " read " in line
    assert " hello " in line
    assert key not in listed
    removed = await cli.run("ana", "keys", "remove", "ci")
    assert removed.exit_code == 0
    assert (await cli.run("ci", "open", "hello", "--print")).exit_code == 1


async def test_a_public_key_is_added_and_removed_by_its_fingerprint(cli: Any) -> None:
    await cli.person("ana")
    key = make_key(cli.home / ".ssh", "id_ed25519")
    added = await cli.run("ana", "keys", "add")  # the only one of ~/.ssh
    assert added.exit_code == 0, added.output
    found = json.loads((await cli.run("ana", "keys", "--json")).stdout)
    (ssh_key,) = found["ssh_keys"]
    assert ssh_key["fingerprint"] in added.stdout
    removed = await cli.run("ana", "keys", "remove", ssh_key["fingerprint"])
    assert removed.exit_code == 0, removed.output

    text = key.with_suffix(".pub").read_text()
    named = await cli.run("ana", "keys", "add", "-", "--name", "laptop", stdin=text)
    assert named.exit_code == 0, named.output
    assert "laptop" in (await cli.run("ana", "keys")).stdout


async def test_a_private_key_is_sent_nowhere(cli: Any) -> None:
    key = make_key(cli.home, "id")
    cli.keys["nobody"] = "dz_no_key_is_needed_for_this"
    cli.url = "http://127.0.0.1:1"
    done = await cli.run("nobody", "keys", "add", str(key))
    assert done.exit_code == 1
    assert "is a private key" in done.stderr


async def test_which_key_is_asked_when_several_are_meant(cli: Any) -> None:
    await cli.person("ana")
    for _ in range(2):
        assert (await cli.run("ana", "keys", "create", "ci")).exit_code == 0
    done = await cli.run("ana", "keys", "remove", "ci")
    assert done.exit_code == 1
    assert "you have 2 keys ci" in done.stderr
    two = make_key(cli.home / ".ssh", "one"), make_key(cli.home / ".ssh", "two")
    assert len(two) == 2
    which = await cli.run("ana", "keys", "add")
    assert "one.pub, two.pub" in which.stderr
