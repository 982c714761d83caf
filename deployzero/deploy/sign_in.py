"""What signing in keeps in this process: threads for passwords, and who has failed how often."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from limits.storage import MemoryStorage

THREADS = 2
"""Each takes 64 MiB while it hashes."""
MOST_KNOWN = 10_000


@dataclass(slots=True)
class SignIn:
    """One of a platform; see operations/passwords.py and operations/throttle.py."""

    threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(THREADS, "password")
    )
    hashing: int = 0
    """Passwords that are being hashed, or wait for it."""
    failures: MemoryStorage = field(default_factory=MemoryStorage)
    turns: WeakValueDictionary[tuple[str, ...], asyncio.Lock] = field(
        default_factory=WeakValueDictionary
    )
    """By what is counted, an address, say: attempts from one go one at a time."""
    known: dict[tuple[str, str], None] = field(default_factory=dict)
    """Account and address of the last who got it right, the latest at the end."""

    def know(self, account: str, network: str) -> None:
        self.known.pop((account, network), None)
        self.known[account, network] = None
        if len(self.known) > MOST_KNOWN:
            del self.known[next(iter(self.known))]

    def close(self) -> None:
        self.threads.shutdown(wait=False, cancel_futures=True)
