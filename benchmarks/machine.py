"""How busy the machine is already; figures taken beside other work say little."""

import time
from pathlib import Path

SECONDS = 3.0
BUSY = 0.1


def busy_share(seconds: float = SECONDS) -> float:
    """The share of all CPUs' time that is in use, seen over `seconds`."""
    before = _times()
    time.sleep(seconds)
    spent = [after - earlier for earlier, after in zip(before, _times(), strict=True)]
    idle = spent[3] + spent[4]
    return 1 - idle / max(1, sum(spent))


def _times() -> list[int]:
    """Jiffies: user, nice, system, idle, iowait, irq, softirq, steal (proc(5))."""
    return [int(value) for value in Path("/proc/stat").read_text().split()[1:9]]
