"""Users and keys: who may sign in, as what, and that it ends at once."""

import asyncio
import contextlib
import dataclasses
import logging
import sqlite3
import time
from typing import Any

import asyncssh
import pytest

from deployzero.operations import keys as admin_keys
from deployzero.ssh import connection as ssh_connection
from deployzero.store import keys, users

Admin = Any
WITHIN = 2.0
"""Seconds that sessions of a removed key may go on."""


def public(kind: str = "ssh-ed25519", comment: str = "", **options: Any) -> bytes:
    key = asyncssh.generate_private_key(kind, comment=comment or None, **options)
    return key.export_public_key()


async def add_key(admin: Admin, user: str, name: str) -> None:
    """A second key for somebody who has signed in, kept under its own name."""
    admin.keys[name] = asyncssh.generate_private_key("ssh-ed25519", comment=name)
    done = await admin.run(user, "keys:add", admin.keys[name].export_public_key())
    assert done.code == 0, done.err


async def test_a_user_is_added_and_signs_in(admin: Admin) -> None:
    assert (await admin.run("root", "users:add bob")).code == 0
    admin.keys["bob"] = asyncssh.generate_private_key("ssh-ed25519", comment="bob@laptop")
    line = admin.keys["bob"].export_public_key()
    done = await admin.run("root", "keys:add bob", line)
    assert done.code == 0, done.err
    assert "bob@laptop SHA256:" in done.out
    assert (await admin.run("bob", "whoami")).out.startswith("bob (member, SHA256:")
    listed = (await admin.run("root", "users:list")).out.splitlines()
    assert [line.split()[:4] for line in listed[1:]] == [
        ["bob", "member", "1", "0"],
        ["root", "admin", "1", "0"],
    ]


async def test_members_manage_their_own_keys_alone(admin: Admin) -> None:
    await admin.person("bob")
    await add_key(admin, "bob", "phone")
    listed = (await admin.run("bob", "ssh-keys:list")).out
    assert "phone" in listed
    assert (await admin.run("phone", "whoami")).out.startswith("bob (")
    assert (await admin.run("bob", "ssh-keys:remove phone")).code == 0
    with pytest.raises(asyncssh.PermissionDenied):
        await admin.run("phone", "whoami")
    for command in ("keys:list root", "keys:add root", "keys:remove root --user root"):
        refused = await admin.run("bob", command, public())
        assert refused.code == 1
        assert "only an admin may do this" in refused.err


async def test_an_admin_removes_another_users_key_by_its_fingerprint(admin: Admin) -> None:
    await admin.person("bob")
    fingerprint = admin.keys["bob"].get_fingerprint()
    assert (await admin.run("root", f"keys:remove {fingerprint}")).code == 0
    with pytest.raises(asyncssh.PermissionDenied):
        await admin.run("bob", "whoami")


async def test_several_keys_at_once_and_all_or_none(admin: Admin) -> None:
    two = public(comment="one") + b"\n# a comment\n" + public(comment="two")
    done = await admin.run("root", "keys:add", two)
    assert [line.split()[-2] for line in done.out.splitlines()] == ["one", "two"]
    before = (await admin.run("root", "keys:list")).out
    refused = await admin.run("root", "keys:add", public() + b"junk\n")
    assert refused.code == 1
    assert (await admin.run("root", "keys:list")).out == before


async def test_a_user_has_so_many_keys_and_no_more(
    admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin_keys, "MOST", 2)
    assert (await admin.run("root", "keys:add", public())).code == 0
    refused = await admin.run("root", "keys:add", public())
    assert (refused.code, "a user has 2 keys at most" in refused.err) == (1, True)


def private_pem() -> bytes:
    return asyncssh.generate_private_key("ssh-ed25519").export_private_key()


def certificate() -> bytes:
    authority = asyncssh.generate_private_key("ssh-ed25519")
    key = asyncssh.generate_private_key("ssh-ed25519")
    return authority.generate_user_certificate(key, "bob").export_certificate()


BAD_KEYS = [
    (private_pem, "that is a private key: nothing was stored"),
    (lambda: b"PuTTY-User-Key-File-3: ssh-ed25519\n", "that is a private key"),
    (lambda: public("ssh-rsa", key_size=1024), "an RSA key of 1024 bits: it is too weak"),
    (lambda: b"ssh-dss AAAAB3NzaC1kc3MAAACBAJ", "a DSA key: it is too weak"),
    (certificate, "line 1 is a certificate"),
    (lambda: b'command="sh",no-pty ' + public(), "line 1 has options in front of the key"),
    (lambda: b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIbroken x", "it is damaged"),
    (lambda: b"junk", "line 1 is no OpenSSH public key"),
    (lambda: b"\xff\xfe\x00", "line 1 is no OpenSSH public key"),
    (lambda: b"\n# nothing\n", "no key came in"),
    (lambda: b"---- BEGIN SSH2 PUBLIC KEY ----\n", "a public key in another format"),
    (lambda: b"x" * 100_000, "more than 64 KB came in"),
]


async def test_what_is_no_good_key_is_refused_with_the_reason(
    admin: Admin, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for make, says in BAD_KEYS:
        sent = await asyncio.to_thread(make)
        refused = await admin.run("root", "keys:add", sent)
        assert refused.code == 1
        assert says in refused.err
        material = sent.split()[1][:40].decode("latin-1") if len(sent.split()) > 1 else "-"
        assert len(material) < 20 or material not in refused.err + caplog.text
    assert (await admin.run("root", "keys:list")).out.count("\n") == 2
    await admin.run("root", f"keys:add '{private_pem().decode()}'", public())
    events = (await admin.run("root", "events")).out
    assert "that is a private key" in events
    assert "BEGIN OPENSSH" not in events.replace("there is no user -----BEGIN OPENSSH", "")
    assert "b3BlbnNzaC1rZXk" not in events


async def test_whose_a_known_key_is_only_those_who_may_know_are_told(admin: Admin) -> None:
    await admin.person("alice")
    await admin.person("bob")
    alices = admin.keys["alice"].export_public_key()
    assert "is yours already" in (await admin.run("alice", "keys:add", alices)).err
    assert "is alice's already" in (await admin.run("root", "keys:add", alices)).err
    refused = (await admin.run("bob", "keys:add", alices)).err
    assert "is registered already" in refused
    assert "alice" not in refused


async def test_keys_from_a_terminal_are_refused_in_words(admin: Admin) -> None:
    async with await admin.connect("root") as connection:
        done = await connection.run("keys:add", term_type="xterm", timeout=10)
    assert done.exit_status == 1
    assert "a terminal is no file of keys" in str(done.stdout) + str(done.stderr)


async def test_a_removed_user_is_gone_at_once_and_may_come_back(admin: Admin) -> None:
    bob = await admin.person("bob")
    root = await admin.person("boss", users.ADMIN)
    app = await admin.app("hello", root)
    assert (await admin.run("root", "access:add hello bob")).code == 0
    assert (await admin.run("root", "users:remove bob")).code == 0
    with pytest.raises(asyncssh.PermissionDenied):
        await admin.run("bob", "whoami")
    assert "bob" not in (await admin.run("root", "users:list")).out
    assert "bob" not in (await admin.run("root", f"access:list {app.name}")).out
    assert "there is no user bob" in (await admin.run("root", "access:add hello bob")).err
    back = await admin.run("root", "users:add bob")
    assert "bob is back as a member" in back.out
    async with admin.platform.database.read() as session:
        again = await users.by_name(session, "bob")
        assert again is not None
        assert again.id == bob.id, "the history names the same person"
        assert await keys.of_user(session, bob.id) == []


async def test_who_owns_apps_is_not_removed_until_they_are_given_away(admin: Admin) -> None:
    bob = await admin.person("bob")
    await admin.app("one", bob)
    await admin.app("two", bob)
    refused = await admin.run("root", "users:remove bob")
    assert refused.code == 1
    assert "bob owns one, two" in refused.err
    for app in ("one", "two"):
        assert (await admin.run("bob", f"access:transfer {app} root")).code == 0
    assert (await admin.run("root", "users:remove bob")).code == 0


async def test_there_is_always_an_admin_who_can_sign_in(admin: Admin) -> None:
    for command in ("users:remove root", "users:role root member"):
        refused = await admin.run("root", command)
        assert refused.code == 1
        assert "root is the last admin" in refused.err
    refused = await admin.run("root", "keys:remove root")
    assert "no admin would have a key left" in refused.err
    assert (await admin.run("root", "users:add deputy --role admin")).code == 0
    # There is a second admin now, but with no key.
    assert "no admin would have a key left" in (await admin.run("root", "users:remove root")).err
    assert (await admin.run("root", "keys:add deputy", public())).code == 0
    assert (await admin.run("root", "users:role root member")).code == 0


async def test_two_admins_who_demote_each_other_leave_one(admin: Admin) -> None:
    await admin.person("boss", users.ADMIN)
    done = await asyncio.gather(
        admin.run("root", "users:role boss member"), admin.run("boss", "users:role root member")
    )
    assert sorted(answer.code for answer in done).count(0) == 1
    async with admin.platform.database.read() as session:
        assert len(await users.locked_admins(session)) == 1


async def test_bad_user_names_are_refused(admin: Admin) -> None:
    for name in ("Bob", "-x", "a b", "x" * 33, "é", "a/b", "a\tb"):
        refused = await admin.run("root", f"users:add -- '{name}'")
        assert refused.code == 1
        assert "bad user name" in refused.err
    assert (await admin.run("root", "users:list")).out.count("\n") == 2


async def test_keys_of_the_same_name_are_told_apart(admin: Admin) -> None:
    for _ in range(2):
        assert (await admin.run("root", "keys:add --name x", public())).code == 0
    refused = await admin.run("root", "keys:remove x")
    assert "2 keys have that name" in refused.err
    assert refused.err.count("SHA256:") == 2


# While a session is open -------------------------------------------------------------


async def ended(process: asyncssh.SSHClientProcess[str]) -> float:
    """Seconds until the session's connection is gone."""
    begin = time.monotonic()
    async with asyncio.timeout(10):
        await process.channel.wait_closed()
    return time.monotonic() - begin


@pytest.mark.parametrize(
    "command", ["keys:remove phone --user bob", "users:remove bob", "users:role bob member"]
)
@pytest.mark.parametrize("what", ["events -t", "git-receive-pack /new-app"])
async def test_sessions_end_when_key_user_or_role_go(admin: Admin, command: str, what: str) -> None:
    await admin.person("bob", users.ADMIN)
    await add_key(admin, "bob", "phone")
    connection = await admin.connect("phone")
    process = await connection.create_process(what)
    await process.stdout.read(10)
    assert (await admin.run("root", command)).code == 0
    assert await ended(process) < WITHIN
    await connection.wait_closed()


async def test_other_sessions_go_on(admin: Admin) -> None:
    await admin.person("bob")
    await add_key(admin, "bob", "phone")
    async with await admin.connect("bob") as connection:
        process = await connection.create_process("events -t")
        assert (await admin.run("root", "keys:remove phone --user bob")).code == 0
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(process.channel.wait_closed(), 0.7)
        assert (await connection.run("whoami")).exit_status == 0


async def test_a_key_removed_behind_the_servers_back_ends_too(
    admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By another process, say, which publishes nothing here."""
    monkeypatch.setattr(ssh_connection, "CHECK_SECONDS", 0.2)
    admin.platform.bus.publish("people")  # the watch waits for the new time from now on
    await admin.person("bob")
    connection = await admin.connect("bob")
    process = await connection.create_process("events -t")
    path = admin.platform.settings.data_dir / "deployzero.db"
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM ssh_keys WHERE name = 'bob'")
    assert await ended(process) < WITHIN
    await connection.wait_closed()


async def test_an_unexpected_error_does_not_end_the_watch(
    admin: Admin, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(ssh_connection.Entrance, "_check", broken)
    admin.platform.bus.publish("people")
    async with asyncio.timeout(5):
        while "a bug" not in caplog.text:  # noqa: ASYNC110 - a log has no event
            await asyncio.sleep(0.02)
    monkeypatch.undo()
    await admin.person("bob")
    connection = await admin.connect("bob")
    process = await connection.create_process("events -t")
    assert (await admin.run("root", "users:remove bob")).code == 0
    assert await ended(process) < WITHIN


async def test_a_user_has_so_many_sessions_over_all_connections(
    admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh_connection, "MOST_SESSIONS_OF_USER", 2)
    await admin.person("bob")
    connections = [await admin.connect("bob") for _ in range(3)]
    processes = [await each.create_process("events -t") for each in connections[:2]]
    with pytest.raises(asyncssh.ChannelOpenError, match="bob has 2 sessions open already"):
        await connections[2].run("whoami")
    assert (await admin.run("root", "whoami")).code == 0, "others are not concerned"
    connections[0].abort()
    async with asyncio.timeout(5):
        while True:
            with contextlib.suppress(asyncssh.ChannelOpenError):
                assert (await connections[2].run("whoami")).exit_status == 0
                break
    assert processes[1].exit_status is None
    for connection in connections[1:]:
        connection.close()
        await connection.wait_closed()


async def test_the_command_that_removes_its_own_key_still_says_so(admin: Admin) -> None:
    await admin.person("bob")
    none = await admin.run("root", "keys:remove nope --user bob")
    assert "bob has no key nope" in none.err
    assert "`keys:list bob` shows them" in none.err
    done = await admin.run("bob", "keys:remove bob")
    assert done.code == 0
    assert "is removed; its sessions end" in done.out


async def test_an_open_connection_has_the_role_of_now(admin: Admin) -> None:
    """ControlMaster: one connection, many commands."""
    await admin.person("bob")
    async with await admin.connect("bob") as connection:
        assert (await connection.run("users:list")).exit_status == 1
        assert (await admin.run("root", "users:role bob admin")).code == 0
        assert (await connection.run("users:list")).exit_status == 0


# ADMIN_KEYS -----------------------------------------------------------------------------


async def restarted(admin: Admin, *names: str) -> None:
    """Start with the keys of these in ADMIN_KEYS."""
    file = admin.platform.settings.data_dir / "admins.pub"
    file.write_bytes(b"".join(admin.keys[name].export_public_key() for name in names))
    settings = admin.platform.settings.model_copy(update={"admin_keys": file})
    await admin_keys.ensure_admin(dataclasses.replace(admin.platform, settings=settings))


@pytest.mark.parametrize("command", ["users:remove boss", "keys:remove boss --user boss"])
async def test_a_removed_admin_does_not_come_back_by_a_restart(
    admin: Admin, command: str, caplog: pytest.LogCaptureFixture
) -> None:
    await admin.person("boss", users.ADMIN)
    assert (await admin.run("root", command)).code == 0
    await restarted(admin, "boss")
    with pytest.raises(asyncssh.PermissionDenied):
        await admin.run("boss", "whoami")
    assert "was removed: keys:add lets it in" in caplog.text
    assert (await admin.run("root", "users:add again --role admin")).code == 0
    line = admin.keys["boss"].export_public_key()
    assert (await admin.run("root", "keys:add again", line)).code == 0
    assert (await admin.run("boss", "whoami")).out.startswith("again (admin")
    async with admin.platform.database.read() as session:
        assert await keys.removed(session, [admin.keys["boss"].get_fingerprint()]) == set()


async def test_nobody_is_locked_out_by_what_was_removed(admin: Admin) -> None:
    async with admin.platform.database.begin() as session:
        (only,) = await keys.of_role(session, users.ADMIN)
        await keys.remove(session, only)
    await restarted(admin, "root")
    assert (await admin.run("root", "whoami")).out.startswith("root (admin")


async def test_no_key_but_the_demos_is_called_as_it_is(admin: Admin) -> None:
    assert "Choose another name" in (await admin.run("root", "keys:add --name demo", public())).err
    done = await admin.run("root", "keys:add", public(comment="demo"))
    assert "root signs in with root SHA256:" in done.out
