"""The gate: who may speak to the admin listener, asked before anything else, for every path."""

from hashlib import sha256
from hmac import compare_digest

from aiohttp import web

from proxy.admin.problems import ForeignHost, UnknownOperator
from proxy.callers.identify import is_loopback_host
from proxy.loading import is_loopback


class Gate:
    """Lets in who has the token."""

    def __init__(self, host: str, token: str) -> None:
        """`host` is the address that is listened on. Raises ValueError without a token: it would let in anyone."""
        if not token:
            raise ValueError("the admin listener needs a token")
        self._only_loopback = is_loopback(host)
        self._token = _digest(token)

    def check(self, request: web.Request) -> None:
        """Raises ForeignHost or UnknownOperator."""
        if self._only_loopback and not _is_ours(request.headers.getall("Host", [])):
            raise ForeignHost
        fields = request.headers.getall("Authorization", [])
        if not fields:
            raise UnknownOperator(presented=False)
        scheme, _, token = fields[0].partition(" ")
        # Digests are compared, so that neither the time it takes nor the length tells anything of the token.
        right = compare_digest(_digest(token.strip(" ")), self._token)
        if len(fields) > 1 or scheme.lower() != "bearer" or not right:
            raise UnknownOperator(presented=True)


def _is_ours(hosts: list[str]) -> bool:
    return len(hosts) == 1 and is_loopback_host(hosts[0])


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogateescape")).digest()
