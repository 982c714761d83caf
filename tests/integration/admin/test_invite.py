"""users:invite over SSH: the link by which somebody gets a password."""

from typing import Any

from deployzero.operations import registration
from deployzero.store import users

PASSWORD = "a few words are easy"


def token_of(out: str) -> str:
    return out.splitlines()[0].partition("/register?invitation=")[2]


async def register(admin: Any, name: str, token: str) -> str:
    user = await registration.make_account(
        admin.platform, name, PASSWORD, address="203.0.113.7", invitation=token
    )
    return str(user.role)


async def test_everybody_with_a_key_gets_a_password_by_it(admin: Any) -> None:
    bob = await admin.person("bob")
    done = await admin.run("bob", "users:invite")
    assert done.out.startswith(f"{admin.platform.settings.api_url}/register?invitation=")
    assert "lets bob set a password, once, until" in done.out
    assert await register(admin, "bob", token_of(done.out)) == users.MEMBER
    async with admin.platform.database.read() as session:
        assert await users.password_of(session, bob.id)
    listed = (await admin.run("root", "events")).out
    assert "users:invite" in listed
    assert token_of(done.out) not in listed


async def test_admins_invite_others_and_members_do_not(admin: Any) -> None:
    await admin.person("bob")
    done = await admin.run("root", "users:invite eve --role admin")
    assert "lets eve set a password and makes them an admin, once" in done.out
    assert await register(admin, "eve", token_of(done.out)) == users.ADMIN
    done = await admin.run("root", "users:invite --role member")
    assert "lets whoever has it set a password and makes them a member" in done.out
    assert await register(admin, "ann", token_of(done.out)) == users.MEMBER
    for command in ("users:invite eve", "users:invite new", "users:invite --role member"):
        refused = await admin.run("bob", command)
        assert (refused.code, "only an admin" in refused.err) == (1, True)
    refused = await admin.run("root", "users:invite bob --role admin")
    assert "bob is member already" in refused.err
    assert "users:role bob" in refused.err


async def test_an_admin_with_a_password_may_give_the_last_key_up(admin: Any) -> None:
    assert "no admin would have a key left" in (await admin.run("root", "keys:remove root")).err
    token = token_of((await admin.run("root", "users:invite")).out)
    assert await register(admin, "root", token) == users.ADMIN
    assert (await admin.run("root", "keys:remove root")).code == 0
