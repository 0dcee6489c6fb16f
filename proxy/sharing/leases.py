"""Leases: who may fetch a thing, so that one process does and the others wait (promise *once*, DESIGN.md §5).

A lease ends by itself a while after its holder fell silent; as long as it is held, it is renewed in the background. Its
token is the fetch's sequence number: higher than those of earlier leases, so that what a holder brings after it was
replaced does not win (DESIGN.md §5, edge 3).
"""

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple, Protocol

LEASE_TTL = 2.0  # seconds after which somebody else may fetch in the place of a holder that died


class Lease(NamedTuple):
    """The right to fetch a thing."""

    what: bytes  # 16 bytes: the digest of key and credential, so that nothing is leased across partitions
    token: int  # below 2^53, which is as far as a Lua number counts


class Refusal(Enum):
    """Why there is no lease."""

    HELD = "held"  # another process fetches it
    UNSHAREABLE = "unshareable"  # what it brings is for one caller only: fetch it, and wait for nobody


class Leases(Protocol):
    """One flight for all who share the leases. No method raises: where leases cannot be had, each goes by its own."""

    async def take(self, what: bytes) -> Lease | Refusal:
        """Take the lease on `what`, if nobody has it. A taker that is cancelled has it for a ttl at most."""

    async def release(self, lease: Lease, *, unshareable_for: float = 0) -> None:
        """Let others fetch; again, or after somebody else took over, it does nothing.

        For `unshareable_for` seconds all who want to take it hear that they need not wait for each other.
        """

    async def wait(self, what: bytes, seconds: float) -> bool:
        """Wait until nobody holds `what` any more. False: time is up, or too many things are waited for."""

    async def close(self) -> None:
        """End what runs in the background. What is held still ends by itself."""


class LocalLeases:
    """For a process without others: its flights are leases enough, and nobody waits."""

    def __init__(self, next_sequence: Callable[[], int]) -> None:
        self._next_sequence = next_sequence

    async def take(self, what: bytes) -> Lease | Refusal:
        """Always a lease."""
        return Lease(what, self._next_sequence())

    async def release(self, lease: Lease, *, unshareable_for: float = 0) -> None:
        """Nobody waits for it."""

    async def wait(self, what: bytes, seconds: float) -> bool:  # noqa: ARG002 - as the protocol has it
        """There is nobody to wait for."""
        return True

    async def close(self) -> None:
        """Nothing runs in the background."""
