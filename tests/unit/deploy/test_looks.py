import asyncio

import pytest

from deployzero.deploy.looks import Looks
from deployzero.errors import DeployZeroException


class Place:
    """Counts who looks, and who looks at once."""

    def __init__(self) -> None:
        self.looks = self.at_once = self.most_at_once = 0
        self.value = 0

    async def look(self) -> int:
        self.looks += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        seen = self.value
        await asyncio.sleep(0)
        self.at_once -= 1
        return seen


async def test_all_who_watch_one_thing_look_once_and_at_many_things_one_by_one():
    looks, place = Looks(), Place()
    asked = [looks.at(key, place.look, 60) for key in range(3) for _ in range(50)]
    assert set(await asyncio.gather(*asked)) == {0}
    assert (place.looks, place.most_at_once) == (3, 1)


async def test_who_must_see_what_has_happened_by_now_does():
    looks, place = Looks(), Place()
    assert await looks.at("a", place.look, 60) == 0
    place.value = 1
    assert await looks.at("a", place.look, 60) == 0
    assert set(await asyncio.gather(*(looks.at("a", place.look, 0) for _ in range(50)))) == {1}
    assert place.looks <= 3


async def test_a_look_that_fails_fails_for_its_own_caller_alone():
    looks, place = Looks(), Place()

    async def fails() -> int:
        raise DeployZeroException("the database is busy")

    failed, seen = await asyncio.gather(
        looks.at("a", fails, 60), looks.at("a", place.look, 60), return_exceptions=True
    )
    assert isinstance(failed, DeployZeroException)
    assert seen == 0
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await looks.at("b", asyncio.Event().wait, 60)
    assert await looks.at("b", place.look, 60) == 0
