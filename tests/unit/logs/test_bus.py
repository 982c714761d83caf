from deployzero.logs.bus import LocalBus


async def test_a_publication_wakes_the_topics_subscribers_alone() -> None:
    bus = LocalBus()
    with (
        bus.subscribe("one") as first,
        bus.subscribe("one") as second,
        bus.subscribe("two") as other,
    ):
        bus.publish("one")
        assert (first.is_set(), second.is_set(), other.is_set()) == (True, True, False)


async def test_who_has_left_is_forgotten() -> None:
    bus = LocalBus()
    with bus.subscribe("one") as event:
        pass
    bus.publish("one")
    assert not event.is_set()
    assert bus._topics == {}
