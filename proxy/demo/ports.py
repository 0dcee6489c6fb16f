"""Ports of the demo: where it listens, and the addresses that follow."""

import socket
from typing import NamedTuple

HOST = "127.0.0.1"


class PortTaken(Exception):
    """Something else listens where the demo wants to; the text is one line that says where."""


class Ports(NamedTuple):
    """The three ports of DESIGN.md §6."""

    proxy: int = 8080
    admin: int = 8081
    sandbox: int = 9000

    @property
    def proxy_url(self) -> str:
        """Where callers reach Larder."""
        return f"http://{HOST}:{self.proxy}"

    @property
    def admin_url(self) -> str:
        """Where operators reach it."""
        return f"http://{HOST}:{self.admin}"

    @property
    def sandbox_url(self) -> str:
        """Where the stand-ins of the upstreams are."""
        return f"http://{HOST}:{self.sandbox}"

    def check_free(self) -> None:
        """Raises PortTaken."""
        for port, what in zip(self, ("Larder", "its admin listener", "the sandbox"), strict=True):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do: TIME_WAIT is no taker
                try:
                    probe.bind((HOST, port))
                except OSError as error:
                    reason = (error.strerror or "taken").lower()
                    raise PortTaken(f"port {port}, where the demo puts {what}, cannot be had: {reason}") from None
