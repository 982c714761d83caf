"""Keys and the device flow, in either database."""

import asyncio
from pathlib import Path

import pytest

from deployzero import server
from deployzero.errors import ConflictError, NotFoundError
from deployzero.models.access import Scope
from deployzero.operations import api_keys, cli_logins
from deployzero.operations.cli_logins import Status
from deployzero.settings import Settings
from deployzero.store import users
from deployzero.store.database import Database


async def test_a_computer_holds_one_key_however_often_it_asks_at_once(
    database: Database, url: str, tmp_path: Path
) -> None:
    settings = Settings(
        data_dir=tmp_path / "data", database_url=url, docker_host=f"unix://{tmp_path}/none.sock"
    )
    async with server.open_platform(settings) as platform:
        async with database.begin() as session:
            ada = await users.create(session, "ada")
            bob = await users.create(session, "bob")
        login = await cli_logins.start(platform, "laptop", "10.0.0.1")
        said = await asyncio.gather(
            *(cli_logins.decide(platform, user, login.user_code, True) for user in (ada, bob)),
            return_exceptions=True,
        )
        assert sum(isinstance(each, ConflictError) for each in said) == 1
        polled = await asyncio.gather(
            *(cli_logins.poll(platform, login.device_code) for _ in range(6))
        )
        assert {each.status for each in polled} == {Status.APPROVED}
        keys = [each.credentials.api_key for each in polled if each.credentials]
        held = [await api_keys.authenticate(platform, key) for key in keys]
        await platform.key_uses.written()
        (found,) = [user for user in held if user is not None]
        (key,) = await api_keys.list_keys(platform, found)
        assert (key.name, key.last_used_at is not None) == ("laptop", True)
        made, secret = await api_keys.create(platform, found, "ci", Scope.READ, None, 1)
        await api_keys.remove(platform, found, made.id)
        assert await api_keys.authenticate(platform, secret) is None
        with pytest.raises(NotFoundError):
            await api_keys.remove(platform, found, made.id)
