"""What may happen once about accounts happens once, on both databases."""

import asyncio
from pathlib import Path

from deployzero import server
from deployzero.deploy.platform import Platform
from deployzero.errors import ConflictError, ForbiddenError, UnauthenticatedError
from deployzero.models.deployment import User
from deployzero.operations import accounts, api_keys, invitations, registration
from deployzero.settings import Settings
from deployzero.store import users

PASSWORD = "a few words are easy"


async def make(platform: Platform, name: str, invitation: str = "") -> str:
    """How it ended: a role, or the error's class. Each from an address of its own: those from
    one go in turn."""
    try:
        user = await registration.make_account(
            platform, name, PASSWORD, address=name, here=not invitation, invitation=invitation
        )
    except (ForbiddenError, ConflictError) as error:
        return type(error).__name__
    return user.role


async def refresh(platform: Platform, user: User) -> str:
    try:
        return (await accounts.refresh(platform, user)).user.name
    except UnauthenticatedError as error:
        return type(error).__name__


async def test_of_many_at_once_one_is_the_first_and_one_uses_the_invitation(
    url: str, tmp_path: Path
) -> None:
    settings = Settings(
        data_dir=tmp_path / "data", database_url=url, docker_host=f"unix://{tmp_path}/no.sock"
    )
    async with server.open_platform(settings) as platform:
        done = await asyncio.gather(*(make(platform, name) for name in ("ada", "bob", "eve")))
        assert sorted(done) == ["ForbiddenError", "ForbiddenError", users.ADMIN]
        async with platform.database.begin() as session:
            root = await users.create(session, "root", users.ADMIN)
            _, key = await api_keys.issue(session, root, "test")
        made = await invitations.invite(platform, root, role=users.MEMBER)
        done = await asyncio.gather(*(make(platform, name, made.token) for name in ("x", "y")))
        assert sorted(done) == ["ForbiddenError", users.MEMBER]
        credentials = await accounts.login(
            platform, "x" if done[0] == users.MEMBER else "y", PASSWORD, address="127.0.0.1"
        )
        assert credentials.key.name == "login"
        signed_in = await api_keys.authenticate(platform, key)
        assert signed_in is not None
        done = await asyncio.gather(*(refresh(platform, signed_in) for _ in range(3)))
        assert sorted(done) == ["UnauthenticatedError", "UnauthenticatedError", "root"]
