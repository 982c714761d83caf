"""A bus that only wakes readers; what there is to read is in the store."""

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Bus(Protocol):
    def publish(self, topic: str) -> None:
        """Wake the topic's subscribers. Called in the event loop; never waits."""

    def subscribe(self, topic: str) -> AbstractContextManager[asyncio.Event]:
        """An event that is set at each publication; whoever waits for it clears it."""


class LocalBus:
    """Wakes readers in this process; those elsewhere look by themselves every second."""

    def __init__(self) -> None:
        self._topics: dict[str, set[asyncio.Event]] = {}

    def publish(self, topic: str) -> None:
        for event in self._topics.get(topic, ()):
            event.set()

    @contextmanager
    def subscribe(self, topic: str) -> Iterator[asyncio.Event]:
        event = asyncio.Event()
        self._topics.setdefault(topic, set()).add(event)
        try:
            yield event
        finally:
            self._topics[topic].discard(event)
            if not self._topics[topic]:
                del self._topics[topic]
