"""A client that reads no more, though it may still wait: `ssh … logs hello -t | head -1`."""

import asyncio

from asyncssh.channel import SSHChannel
from asyncssh.packet import SSHPacket


def departure(channel: SSHChannel[bytes]) -> asyncio.Event:
    """Set once the client throws away what it is sent; the session sets it at its end too.

    OpenSSH's client says so by `eow@openssh.com` when its standard output is closed
    (OpenSSH's PROTOCOL, 2.1), which asyncssh does not know. The attribute's name is how
    asyncssh finds what handles a request; a test with the real client guards it.
    """
    gone = asyncio.Event()

    def handle(packet: SSHPacket) -> bool:
        packet.check_end()
        gone.set()
        return True

    channel._process_eow_at_openssh_dot_com_request = handle  # type: ignore[attr-defined]
    return gone
