"""Handing over: a worker that is replaced gives the connections that callers keep to its successors, open as they are.

Between two requests a connection is a socket and nothing else, so another process can go on with it (unix(7):
SCM_RIGHTS). To close it could meet a caller who is just sending the next request, and may not be free to repeat it.
"""

import os
import socket
from typing import cast

from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import RequestHandler

from proxy.http.framing import Framer
from proxy.http.server import LINGER, _Connection, _Server

_MESSAGE = b"\0"  # a message has to have something beside its descriptor
_NOT_INHERITED = getattr(socket, "MSG_CMSG_CLOEXEC", 0)  # Linux


def handing_pair() -> tuple[socket.socket, socket.socket]:
    """Where connections go in, and where they come out, whoever looks first. For all workers of a supervisor."""
    goes_in, comes_out = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    goes_in.settimeout(0)
    comes_out.settimeout(0)
    return goes_in, comes_out


def taken_from(comes_out: socket.socket) -> socket.socket | None:
    """A connection that another worker gave; None when there is none, or another process was faster."""
    try:
        _, descriptors, _, _ = socket.recv_fds(comes_out, len(_MESSAGE), 1, _NOT_INHERITED)
    except (BlockingIOError, InterruptedError):
        return None
    return socket.socket(fileno=descriptors[0]) if descriptors else None  # none: this process may open no more


class KeptConnection(_Connection):
    """A connection that another process may go on with."""

    @property
    def is_idle(self) -> bool:
        """Whether it is between two requests: nothing is read of the next, and all is written of the last."""
        waiter, transport = self._waiter, self.transport
        is_waiting = waiter is not None and not waiter.done() and not self._messages and not self._close
        if transport is None or not is_waiting or self._force_close:
            return False
        framer = cast("Framer", self._parser)
        has_begun = framer._rest or framer._payload is not EMPTY_PAYLOAD  # noqa: SLF001 - nobody else wants to know
        return not has_begun and transport.get_write_buffer_size() == 0

    def give(self, goes_in: socket.socket) -> bool:
        """Send it on its way and let go of it, if it is idle; whether it went."""
        transport = self.transport
        if transport is None or not self.is_idle:
            return False
        transport.pause_reading()  # what the caller sends from here on is the successor's to read
        descriptor = os.dup(transport.get_extra_info("socket").fileno())
        try:
            socket.send_fds(goes_in, [_MESSAGE], [descriptor])
        except OSError:  # too many are on their way: later
            transport.resume_reading()
            return False
        finally:
            os.close(descriptor)
        self.force_close()
        return True


class KeptServer(_Server):
    """Makes such connections."""

    def __call__(self) -> RequestHandler:
        return KeptConnection(self, loop=self._loop, access_log=None, lingering_time=LINGER)

    def give_idle(self, goes_in: socket.socket, most: int) -> None:
        """Give up to `most` connections that are idle to others."""
        for connection in self.connections:
            if most > 0 and isinstance(connection, KeptConnection):
                most -= connection.give(goes_in)
