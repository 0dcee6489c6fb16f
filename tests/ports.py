"""Loopback ports for the servers that tests start: none twice, so that no server is told another's.

A port is found free first and bound by its server later, perhaps much later, and there are several processes that look
for one: so each has a share of its own, and goes through it once.
"""

import os
import secrets
import socket
from collections.abc import Iterator

# Below the ports that the system gives to outgoing connections: such a connection could take a dead server's port
# before its restart, or, dialled to a port nobody listens on, even be connected to itself.
_FIRST, _SHARE, _SHARES = 11_000, 1_250, 16


def free_port() -> int:
    """A loopback port that nobody listens on, that this process was not told before, and that no outgoing connection
    will be given.
    """
    return next(port for port in _ports if _is_free(port))


def _round_about(share: int) -> Iterator[int]:
    first, begun = _FIRST + share % _SHARES * _SHARE, secrets.randbelow(_SHARE)  # two suites may run side by side
    while True:
        yield first + begun % _SHARE
        begun += 1


def _share_of_this_process() -> int:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")  # "gw2"
    return int(worker[2:]) if worker else os.getpid()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


_ports = _round_about(_share_of_this_process())
