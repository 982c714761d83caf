"""What anyone who has signed in can ask."""

from collections.abc import Awaitable, Callable


async def test_whoami_names_user_role_and_key(run: Callable[..., Awaitable]) -> None:
    answer = await run("root", "whoami")
    assert answer.code == 0
    assert answer.out.startswith("root (admin, SHA256:")
