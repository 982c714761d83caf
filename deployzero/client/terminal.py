"""The terminal that the command line sits at."""

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator

try:
    import termios
    import tty
except ImportError:  # Windows: programs there get no raw terminal
    termios = None  # type: ignore[assignment]

Restore = Callable[[], None]


def there() -> bool:
    """Whether somebody types, reads, and can be given a terminal of the program's own."""
    return termios is not None and sys.stdin.isatty() and sys.stdout.isatty()


def kind() -> str:
    return os.environ.get("TERM") or "xterm"


def size() -> tuple[int, int]:
    """(columns, rows)"""
    return shutil.get_terminal_size()


@contextlib.contextmanager
def raw() -> Iterator[Restore]:
    """Each key goes to the program as it is, Ctrl-C too, until the block ends, however it does.

    Gives what puts the terminal back, for who must leave without ending the block.
    """
    keys = sys.stdin.fileno()
    before = termios.tcgetattr(keys)

    def restore() -> None:
        termios.tcsetattr(keys, termios.TCSADRAIN, before)

    try:
        tty.setraw(keys)
        yield restore
    finally:
        restore()
