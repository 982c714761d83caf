"""The command line's own requests, against the real server."""

import asyncio
import io
import tarfile

from deployzero.client import login
from deployzero.client.accounts import Account
from deployzero.client.api import API
from deployzero.client.following import Ended, Line, follow
from deployzero.client.uploading import upload
from deployzero.operations import cli_logins


def client(api, user=None):
    return API(Account(f"http://api.localhost:{api.port}", api.keys[user] if user else ""))


async def test_a_computer_signs_in_once_it_is_approved(api):
    ana = await api.person("ana")
    with client(api) as asking:
        started = await asyncio.to_thread(login.start, asking, "laptop")
        waiting = asyncio.create_task(asyncio.to_thread(login.wait, asking, started))
        await cli_logins.decide(api.platform, ana, started.user_code, True)
        api.keys["laptop"] = await asyncio.wait_for(waiting, 10)
    with client(api, "laptop") as signed_in:
        me = await asyncio.to_thread(signed_in.get, "/auth/me")
    assert me["username"] == "ana"


async def test_a_log_is_followed_to_how_it_ended(api, deployed):
    hello = await api.app("hello", await api.person("ana"))
    live = await deployed(hello, logs=["one", "two"])
    with client(api, "ana") as asking:
        found = await asyncio.to_thread(lambda: list(follow(asking, live.id, 1)))
    assert found == [
        Line(2, "two"), Ended("live", True, 1, api.platform.settings.url("hello"), ""),
    ]  # fmt: skip


async def test_an_archive_with_its_message_becomes_a_deployment(api):
    await api.app("hello", await api.person("ana"))
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as made:
        entry = tarfile.TarInfo("app/app.py")
        entry.size = 4
        made.addfile(entry, io.BytesIO(b"pass"))
    with client(api, "ana") as asking:
        found = await asyncio.to_thread(upload, asking, "hello", archive, "A word")
    assert (found["message"], found["kind"], found["state"]) == ("A word", "archive", "created")
