"""The door itself: who gets in, and that only git and the commands are behind it."""

import asyncio
import os
import stat

import asyncssh
import paramiko
import pytest

from deployzero.ssh import connection as ssh_connection
from deployzero.ssh.host_key import load_host_key


async def test_no_command_prints_a_short_help(server, client):
    result = await client.ssh()
    assert result.code == 0
    assert "git push deployzero main" in result.out
    assert "gives no shell" in result.out


async def test_help_on_a_terminal_has_carriage_returns(server, client):
    result = await client.ssh(options=("-tt",))
    assert result.code == 0
    assert "main\r\n" in result.out
    assert "\n\n" not in result.out


@pytest.mark.parametrize(
    "command", ["sh", "bash -i", "/bin/sh -c id", "id; id", "git-shell", "git upload-archive x"]
)
async def test_there_is_no_shell(server, client, command):
    result = await client.ssh(command)
    assert result.code == 127
    assert " !     unknown command" in result.err
    assert "no shell here" in result.err
    assert "uid=" not in result.out + result.err


async def test_unbalanced_quotes(server, client):
    result = await client.ssh("apps:create 'x")
    assert result.code == 1
    assert "cannot read the command" in result.err


async def test_sftp_is_refused_in_words(server, client):
    result = await client.run(
        *("sftp", *client.ssh_options, "-P", str(server.port), "x@127.0.0.1"), stdin=b"ls\n"
    )
    assert result.code != 0
    assert "there is no sftp here" in result.err


@pytest.mark.parametrize("mode", ["-O", "-s"])
async def test_scp_is_refused_in_words(server, client, mode):
    result = await client.run(
        *("scp", mode, *client.ssh_options, "-P", str(server.port)),
        *("x@127.0.0.1:/etc/passwd", str(client.home / "stolen")),
    )
    assert result.code != 0
    assert "there is no sftp here" in result.err or "files are not copied here" in result.err
    assert not (client.home / "stolen").exists()


async def test_other_subsystems_are_refused_in_words(server, client):
    result = await client.ssh("netconf", options=("-s",))
    assert result.code == 1
    assert "there is no netconf here" in result.err


async def test_local_forwarding_is_refused_in_words(server, client):
    result = await client.ssh(options=("-W", f"127.0.0.1:{server.port}", "-o", "LogLevel=INFO"))
    assert result.code != 0
    assert "deployzero forwards no ports" in result.err


async def test_remote_forwarding_is_refused(server, client):
    result = await client.ssh(options=("-R", "0:127.0.0.1:1", "-o", "ExitOnForwardFailure=yes"))
    assert result.code != 0
    assert "remote port forwarding failed" in result.err


async def test_agent_and_x11_forwarding_are_refused(server, client):
    async with asyncssh.connect(
        "127.0.0.1",
        server.port,
        username="x",
        client_keys=[str(client.key)],
        known_hosts=None,
        config=None,
    ) as connection:
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.create_process("help", x11_forwarding=True, x11_display="127.0.0.1:1")
    result = await client.ssh(options=("-A", "-o", "LogLevel=DEBUG1"))
    assert "SSH_AUTH_SOCK" not in result.out


async def test_unknown_key_is_told_how_to_be_added(server, client):
    server.platform.users.clear()
    result = await client.ssh("help")
    assert result.code == 255
    assert "Permission denied (publickey)" in result.err
    assert (await client.git("ls-remote", client.url("hello"), cwd=client.home)).code == 128


async def test_banner_names_the_unknown_key(server, client):
    server.platform.users.clear()
    result = await client.ssh("help", options=("-o", "LogLevel=INFO"))
    fingerprint = asyncssh.read_private_key(client.key).get_fingerprint()
    assert f"does not know your key {fingerprint}" in result.err
    assert "DEPLOYZERO_ADMIN_KEYS" in result.err


async def test_who_has_two_keys_is_told_once_only(server, client):
    other = client.home / "other"
    other.write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_private_key())
    other.chmod(0o600)
    both = ("-o", "LogLevel=INFO", "-i", str(other))
    first = await client.ssh(options=both)
    second = await client.ssh(options=both)
    assert (first.code, second.code) == (0, 0)
    assert "does not know your key" in first.err
    assert "does not know your key" not in second.err


async def test_passwords_are_not_asked_for(server):
    with pytest.raises(asyncssh.PermissionDenied):
        await asyncssh.connect(
            "127.0.0.1", server.port, username="x", password="x", client_keys=[], known_hosts=None
        )


async def test_offering_a_known_key_lends_nothing_to_an_unknown_one(server, client):
    """The public half of somebody's key proves nothing, even before one's own key."""
    connection = ssh_connection.Connection(
        ssh_connection.Entrance(server.platform.authenticate, services=None)
    )
    connection._conn = type("Conn", (), {"send_auth_banner": lambda self, text: None})()
    known = asyncssh.read_private_key(client.key)
    assert await connection.validate_public_key("x", known)
    assert connection._user == client.user
    stranger = asyncssh.generate_private_key("ssh-ed25519")
    assert not await connection.validate_public_key("x", stranger)
    assert connection._user is None


async def test_too_many_keys_end_the_connection(server):
    keys = [asyncssh.generate_private_key("ssh-ed25519") for _ in range(30)]
    with pytest.raises(asyncssh.PermissionDenied, match="too many keys"):
        await asyncssh.connect(
            "127.0.0.1", server.port, username="x", client_keys=keys, known_hosts=None
        )


async def test_connections_that_do_not_sign_in_are_limited(server, client, monkeypatch):
    monkeypatch.setattr(ssh_connection, "MOST_UNAUTHENTICATED", 3)
    idle = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(3)]
    for reader, _ in idle:
        await reader.readline()
    assert (await client.ssh()).code == 255
    for _, writer in idle:
        writer.close()
        await writer.wait_closed()
    async with asyncio.timeout(20):
        while (await client.ssh()).code != 0:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_paramiko_gets_in_with_its_key_and_the_same_answers(server, client):
    def ask() -> tuple[int, str]:
        with paramiko.SSHClient() as connection:
            connection.set_missing_host_key_policy(paramiko.AutoAddPolicy())
            connection.connect(
                "127.0.0.1",
                server.port,
                "anyone",
                pkey=paramiko.Ed25519Key.from_private_key_file(str(client.key)),
                look_for_keys=False,
                allow_agent=False,
            )
            _, stdout, stderr = connection.exec_command("nonsense")
            said = stderr.read().decode()
            return stdout.channel.recv_exit_status(), said

    code, said = await asyncio.to_thread(ask)
    assert code == 127
    assert "unknown command 'nonsense'" in said


async def test_host_key_is_made_once_and_for_the_owner_alone(server, tmp_path):
    path = server.data / "host_key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes().startswith(b"-----BEGIN OPENSSH PRIVATE KEY-----")
    before = path.read_bytes()
    load_host_key(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("../etc", "'..' leads out"),
        ("a/b", "has a '/'"),
        ("Hello", "capital letters"),
        ("-x", "begins or ends with '-'"),
        ("a" * 51, "51 characters long"),
        ("api", "is reserved"),
        ("", "it is empty"),
        ("a b", "only a-z, 0-9 and '-'"),
        ("a\nb", "control characters"),
        ("a\n", "control characters"),
    ],
)
@pytest.mark.parametrize("service", ["git-receive-pack", "git-upload-pack"])
async def test_bad_app_names_are_refused_in_words(server, client, path, word, service):
    result = await client.ssh(f"{service} '{path}'")
    assert result.code == 128
    assert word in result.out
    assert result.out[4:7] == "ERR"
    assert "A name is" in result.err or "another name" in result.err
    assert list(server.repositories.root.iterdir()) == []


async def test_git_prints_why_a_name_is_bad(server, client):
    await client.repository()
    result = await client.git("push", client.url("Hello"), "main")
    assert result.code == 128
    assert (
        "fatal: remote error: bad app name 'Hello': capital letters are not allowed" in result.err
    )
    assert os.listdir(server.repositories.root) == []
