"""config: listed, set, unset, and secrets that stay out of sight."""

import json
from typing import Any


async def test_variables_are_set_listed_masked_and_unset(cli: Any) -> None:
    await cli.app("hello", await cli.person("ana"))
    done = await cli.run("ana", "config", "set", "A=1", "B=x=y", "-a", "hello")
    assert done.exit_code == 0, done.output
    assert "-----> Changed: A, B" in done.stdout
    assert "not deployed yet" in done.stdout

    listed = await cli.run("ana", "config", "-a", "hello")
    assert "********" in listed.stdout
    assert "x=y" not in listed.stdout
    revealed = await cli.run("ana", "config", "-a", "hello", "--reveal", "--json")
    assert {each["name"]: each["value"] for each in json.loads(revealed.stdout)} == {
        "A": "1",
        "B": "x=y",
    }
    assert (await cli.run("ana", "config", "get", "B", "-a", "hello")).stdout == "x=y\n"

    again = await cli.run("ana", "config", "set", "A=1", "-a", "hello")
    assert "Nothing was changed" in again.stdout
    assert (await cli.run("ana", "config", "unset", "A", "-a", "hello")).exit_code == 0
    gone = await cli.run("ana", "config", "get", "A", "-a", "hello")
    assert gone.exit_code == 1
    assert "there is no variable A" in gone.stderr


async def test_a_value_comes_from_standard_input_less_one_newline(cli: Any) -> None:
    await cli.app("hello", await cli.person("ana"))
    key = "-----BEGIN KEY-----\nabc\n\n"
    done = await cli.run("ana", "config", "set", "KEY", "-a", "hello", stdin=key)
    assert done.exit_code == 0, done.output
    assert "abc" not in done.output
    assert (await cli.run("ana", "config", "get", "KEY", "-a", "hello")).stdout == key

    empty = await cli.run("ana", "config", "set", "KEY", "-a", "hello")
    assert empty.exit_code == 1
    assert "standard input is empty" in empty.stderr


async def test_a_word_without_a_value_is_not_repeated(cli: Any) -> None:
    await cli.app("hello", await cli.person("ana"))
    done = await cli.run("ana", "config", "set", "A=my", "hunter2", "-a", "hello")
    assert done.exit_code == 1
    assert "hunter2" not in done.output


async def test_the_app_may_stand_before_the_verb(cli: Any) -> None:
    await cli.app("hello", await cli.person("ana"))
    done = await cli.run("ana", "config", "-a", "hello", "set", "A=1")
    assert done.exit_code == 0, done.output
    assert (await cli.run("ana", "config", "-a", "hello", "get", "A")).stdout == "1\n"


async def test_variables_of_every_app_are_an_admins(cli: Any) -> None:
    await cli.person("ana")
    assert (await cli.run("root", "config", "--global", "set", "TZ=UTC")).exit_code == 0
    assert (await cli.run("root", "config", "get", "TZ", "--global")).stdout == "UTC\n"
    refused = await cli.run("ana", "config", "--global")
    assert refused.exit_code == 1
    both = await cli.run("root", "config", "--global", "-a", "hello")
    assert "not both" in both.stderr


async def test_a_value_cannot_steer_the_terminal(cli: Any) -> None:
    await cli.app("hello", await cli.person("ana"))
    await cli.run("ana", "config", "set", "A=\x1b[2J", "-a", "hello")
    listed = await cli.run("ana", "config", "-a", "hello", "--reveal")
    assert "\x1b" not in listed.stdout
    assert "\\u001b[2J" in listed.stdout
