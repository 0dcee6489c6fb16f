"""What a worker is given by its supervisor: memory, a listening socket and a lock that it shares with the others."""

from socket import socket
from typing import NamedTuple

from proxy.sharing.page import Page


class Share(NamedTuple):
    """One worker's part of what the processes of a machine have in common."""

    page: Page
    process: int  # 1 and up; 0 is the supervisor
    processes: int  # how many workers there are
    listening: tuple[socket, ...]  # where the proxy's callers come in; none: this process serves none
    lock_fd: int | None  # of the durable store's file, held as long as any process lives
    instance: str  # what the machine is known as to others
