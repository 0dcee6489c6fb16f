"""No test of Larder's reaches anything but this machine: least of all a provider's real API, with an invented address.

Google may stop validating for a customer who sends artificially created addresses, and report them (UPSTREAMS.md §7).
"""

import socket
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import pytest


class NotThisMachine(AssertionError):
    """A test was about to connect to another machine."""


def is_here(sock: socket.socket, address: Any) -> bool:
    """Whether an address is this machine's own, on a socket of that family. A name counts as elsewhere."""
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return True  # a socket in the file system
    host = str(address[0]).partition("%")[0]
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def refuse_others(patch: pytest.MonkeyPatch) -> None:
    """From now on, connecting to another machine raises NotThisMachine."""
    for name in ("connect", "connect_ex"):
        patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))


def _guarded(connect: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(sock: socket.socket, address: Any) -> Any:
        if not is_here(sock, address):
            raise NotThisMachine(f"a test may connect to this machine only, not to {address[0]}")
        return connect(sock, address)

    return guarded
