"""Sockets that listen before anybody takes what they hear: who connects meanwhile waits, and is not refused."""

import socket

BACKLOG = 1024


def bound_sockets(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen on every address of a host, as asyncio would bind them. Raises OSError."""
    bound: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            bound.append(one := socket.socket(family, kind, protocol))
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.bind(address)
            one.listen(BACKLOG)
            one.settimeout(0)
    except OSError:
        for one in bound:
            one.close()
        raise
    return bound
