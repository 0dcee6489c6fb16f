"""Who may call: the callers of the config, found by a key they present or by the network they come from."""

from collections.abc import Iterable, Sequence
from hmac import compare_digest
from typing import NamedTuple

from proxy.callers.addresses import Networks
from proxy.callers.keys import HASH_PREFIX, digest_key

_LONGEST_KEY = 512  # characters; longer ones are refused unread


class Caller(NamedTuple):
    """An internal service that may call."""

    name: str
    allowed: frozenset[str] | None  # the upstreams it may use; None: all

    def may_use(self, upstream: str) -> bool:
        """Whether this caller may use an upstream."""
        return self.allowed is None or upstream in self.allowed


LOCAL = Caller("local", None)
"""Who calls where no callers are configured: something on this machine."""


class DeclaredCaller(NamedTuple):
    """A caller as the config declares it."""

    name: str
    keys: Sequence[str] = ()  # "sha256:…", several for rotation
    networks: Sequence[str] = ()  # CIDR
    allow: Iterable[str] | None = None  # None: all upstreams


class Callers:
    """Finds a caller. Built once per config; raises ValueError on a hash or network that is none."""

    def __init__(self, declared: Iterable[DeclaredCaller]) -> None:
        self._hashes: list[tuple[bytes, Caller]] = []
        networks: list[tuple[str, Caller]] = []
        self._named: dict[str, Caller] = {}
        for facts in declared:
            caller = Caller(facts.name, None if facts.allow is None else frozenset(facts.allow))
            self._named[facts.name] = caller
            self._hashes += [(digest, caller) for digest in {_digest_in(text) for text in facts.keys}]
            networks += ((text, caller) for text in facts.networks)
        if len({digest for digest, _ in self._hashes}) < len(self._hashes):
            raise ValueError("a key stands twice under `callers:`; it has to say who calls")
        self._networks = Networks(networks)
        self._accepted: dict[bytes, Caller] = {}
        self.names = frozenset(self._named)

    @property
    def configured(self) -> bool:
        """Whether there are any callers; without them only this machine may call."""
        return bool(self.names)

    def named(self, name: str) -> Caller | None:
        """The caller of that name, who was known before; None: the config knows it no more."""
        if not self.configured:
            return LOCAL if name == LOCAL.name else None
        return self._named.get(name)

    def by_key(self, presented: str) -> Caller | None:
        """The caller a key belongs to. A key never accepted before is compared with every hash, found or not."""
        if len(presented) > _LONGEST_KEY:
            return None
        digest = digest_key(presented)
        # Only the digests of right keys get in here, so it never outgrows the config, and a guess learns nothing
        # from how long the look-up takes.
        return self._accepted.get(digest) or self._compared(digest)

    def by_address(self, address: str) -> Caller | None:
        """The caller whose network an address lies in, the narrowest one if there are several."""
        return self._networks.find(address)

    def _compared(self, digest: bytes) -> Caller | None:
        found = None
        for known, caller in self._hashes:  # no early exit: the time taken says nothing about which one matched
            if compare_digest(known, digest):
                found = caller
        if found is not None:
            self._accepted[digest] = found
        return found


def _digest_in(text: str) -> bytes:
    """The digest in "sha256:…". The message of a ValueError does not repeat what stood there: it may be a key."""
    try:
        digest = bytes.fromhex(text.removeprefix(HASH_PREFIX))
    except ValueError:
        digest = b""
    if not text.startswith(HASH_PREFIX) or len(digest) != 32:
        raise ValueError("a caller's key is written as sha256: and 64 hexadecimal digits; `larder key` makes one")
    return digest
