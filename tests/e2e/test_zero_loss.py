"""Nothing drops: every response is counted while releases change."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import apps
import httpx
from daemon import Daemon, commit

RATE = 100
REDEPLOYS = 10


async def steady_load(daemon: Daemon, app: str, stop: asyncio.Event) -> Counter[str]:
    """100 requests a second until told to stop; what came of each, by status or error."""
    seen: Counter[str] = Counter()
    url = f"http://127.0.0.1:{daemon.http_port}/"
    pending: set[asyncio.Task[None]] = set()
    async with httpx.AsyncClient(timeout=10, trust_env=False) as client:

        async def ask() -> None:
            try:
                answer = await client.get(url, headers={"Host": f"{app}.localhost"})
                seen[str(answer.status_code)] += 1
            except httpx.HTTPError as error:
                seen[type(error).__name__] += 1

        begin, sent = time.monotonic(), 0
        while not stop.is_set():
            task = asyncio.create_task(ask())
            pending.add(task)
            task.add_done_callback(pending.discard)
            sent += 1
            await asyncio.sleep(max(0, begin + sent / RATE - time.monotonic()))
        await asyncio.gather(*pending)
    assert sum(seen.values()) == sent
    return seen


async def test_ten_redeploys_under_load_lose_no_request(
    daemon: Daemon, repo: Callable[[dict[str, str]], Path]
) -> None:
    folder = repo(apps.script("release 0"))
    first = await asyncio.to_thread(daemon.push, folder, "steady")
    assert first.returncode == 0, first.stderr
    stop = asyncio.Event()
    load = asyncio.create_task(steady_load(daemon, "steady", stop))
    for number in range(1, REDEPLOYS + 1):
        commit(folder, apps.script(f"release {number}"))
        pushed = await asyncio.to_thread(daemon.push, folder, "steady")
        assert pushed.returncode == 0, pushed.stderr
        assert daemon.get("steady").text == f"release {number}"
    stop.set()
    seen = await load
    assert set(seen) == {"200"}, seen
    assert seen["200"] >= RATE * REDEPLOYS * 0.5
