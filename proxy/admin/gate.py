"""The gate: who may speak to the admin listener, asked before anything else, for every path."""

from collections.abc import Callable, Iterable
from hashlib import sha256
from hmac import compare_digest

from aiohttp import web

from proxy.admin.problems import ForeignHost, UnknownOperator
from proxy.callers.identify import is_loopback_host
from proxy.callers.keys import HASH_PREFIX
from proxy.config.settings_checks import is_only_here
from proxy.operating.audit import By
from proxy.settings import Operator

ADMIN = "admin"
"""What whoever has the admin token is called."""

OPERATOR = web.RequestKey("operator", str)
"""Who asks, by name."""


def by(request: web.Request) -> By:
    """Who asks for a change, as it goes on record."""
    return By(request[OPERATOR], "admin")


class Gate:
    """Lets in who has the admin token, or an operator's own."""

    def __init__(self, host: str, token: str, operators: Callable[[], Iterable[Operator]] = tuple) -> None:
        """`host` is the address that is listened on. `operators` are asked for anew each time.

        Raises ValueError without a token: it would let in anyone.
        """
        if not token:
            raise ValueError("the admin listener needs a token")
        self._only_loopback = is_only_here(host)
        self._token = _digest(token)
        self._operators = operators

    def check(self, request: web.Request) -> str:
        """The name of who asks. Raises ForeignHost or UnknownOperator."""
        if self._only_loopback and not _is_ours(request.headers.getall("Host", [])):
            raise ForeignHost
        fields = request.headers.getall("Authorization", [])
        if not fields:
            raise UnknownOperator(presented=False)
        scheme, _, token = fields[0].partition(" ")
        name = self._name(_digest(token.strip(" ")))
        if len(fields) > 1 or scheme.lower() != "bearer" or name is None:
            raise UnknownOperator(presented=True)
        return name

    def _name(self, digest: bytes) -> str | None:
        """Whose token it is. Digests are compared, and all of them, so that neither the time it takes nor the length
        tells anything of a token.
        """
        found = ADMIN if compare_digest(digest, self._token) else None
        for operator in self._operators():
            for known in operator.token:
                if compare_digest(digest, bytes.fromhex(known.removeprefix(HASH_PREFIX))):
                    found = found or operator.name
        return found


def _is_ours(hosts: list[str]) -> bool:
    return len(hosts) == 1 and is_loopback_host(hosts[0])


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogateescape")).digest()
