"""What a delivery to a webhook comes to: notices to act on, or a refusal, each counted under a fixed word."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from adapters import Effect, Link

FindLink = Callable[[str], Link | None]
"""The user and course of an enrollment id, if the index knows them. Does no I/O."""


class Counted(StrEnum):
    """The words deliveries are counted under; nothing a sender wrote ever becomes one."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    UNKNOWN_EVENT = "unknown-event"
    UNKNOWN_SOURCE = "unknown-source"
    MALFORMED = "malformed"
    UNSIGNED = "unsigned"
    FORGED = "forged"
    STALE_TIMESTAMP = "stale-timestamp"
    WRONG_ACCOUNT = "wrong-account"
    KEYS_UNAVAILABLE = "keys-unavailable"  # nobody can say whether it is genuine: to be sent again
    NOT_DURABLE = "not-durable"  # its effect could be lost: to be sent again


class Refused(Exception):
    """A delivery that changes nothing. Its text is fixed: never a part of what was sent."""

    def __init__(self, counted_as: Counted, detail: str) -> None:
        super().__init__(detail)
        self.counted_as = counted_as
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Notice:
    """One believed event: how it is remembered, and what it means once its enrollments are looked up."""

    token: str  # the same each time the same event is delivered
    effect: Callable[[FindLink], Effect]
    enrollments: frozenset[str] = frozenset()  # the ids whose links `effect` may ask for


class Reader(Protocol):
    """Tells genuine deliveries of one kind from all others."""

    async def read(self, headers: Mapping[str, str], body: bytes) -> Sequence[Notice]:
        """The events in a delivery, verified on its raw bytes before they are parsed. Raises Refused."""


def parsed(raw: bytes) -> Any:
    """What JSON stands for. Raises Refused when it is none, or nested too deep to be meant."""
    try:
        return msgspec.json.decode(raw)
    except (ValueError, RecursionError):  # `from None`: the text of these may quote the body
        raise Refused(Counted.MALFORMED, "the body is not JSON") from None


def elements(raw: bytes) -> list[bytes]:
    """The raw bytes of each element of a JSON array. Raises Refused when it is none."""
    try:
        return [bytes(element) for element in msgspec.json.decode(raw, type=list[msgspec.Raw])]
    except (ValueError, RecursionError):
        raise Refused(Counted.MALFORMED, "the body is not JSON") from None
