"""What goes to an upstream and what comes back."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from adapters import NOT_JSON, Kind, Verdict
from policies.egress import EgressPolicy
from policies.http.fields import Fields

_ANYWHERE = EgressPolicy()
_GOOD = Verdict(Kind.ANSWER)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One call as it will be sent."""

    method: str
    url: str  # percent-encoded as the caller sent it
    fields: Fields
    body: bytes
    is_safe: bool  # may be sent again
    decode: bool  # undo content codings, for answers that are read
    informational: Callable[[int, Fields], None] | None = None  # told of 1xx answers before the final one; never raises
    egress: EgressPolicy = _ANYWHERE  # where its host may lead, and what its answer may cost


ReadUpTo = Callable[[int, Mapping[str, str]], int]
"""Status and headers → how many bytes of body to read at most; 0: hand the body on as a stream, unless all of it came
with the head."""


class BrokenBody(Exception):
    """The body ended before its end."""


class TooLarge(BrokenBody):
    """The body has more bytes than it may."""


class Body(Protocol):
    """A body still under way, however it is read."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Its bytes as they come. Raises BrokenBody, after what came, where it ends before its end."""

    async def close(self) -> None:
        """Let go of it. Whoever takes it has to."""


class Stream:
    """A body still under way. Whoever takes it has to `close` it. Raises BrokenBody, after what came, where it ends
    before its end.
    """

    def __init__(self, chunks: AsyncIterator[bytes], close: Callable[[], Awaitable[None]]) -> None:
        self._chunks = chunks
        self._close = close
        self._then: list[Callable[[], None]] = []

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._chunks

    def then(self, act: Callable[[], None]) -> None:
        """What else is to be done when it is closed."""
        self._then.append(act)

    async def close(self) -> None:
        """Let go of the connection."""
        await self._close()
        acts, self._then = self._then, []
        for act in acts:
            act()


@dataclass(slots=True)
class Reply:
    """An upstream's answer, with what the adapter makes of it."""

    status: int
    fields: Fields
    headers: Mapping[str, str]
    body: bytes = b""
    stream: Stream | None = None  # the body, where it was not read
    json: Any = NOT_JSON
    verdict: Verdict = _GOOD
    calls: int = 1  # upstream calls it took
    base: str = ""  # the base URL of the place that gave it
    validated_by: int | None = None  # the status of the upstream's word that a stored answer, this one, still holds
    cookies: Fields = ()  # that came with that word, for the one who asked
    length: int | None = None  # bytes of body, where Content-Length framed it
    requested_at: float = 0.0  # when the request went out, in seconds since the epoch
    received_at: float = 0.0  # when the head of the answer came


class TransportError(Exception):
    """No answer came. `sent`: whether the upstream may have seen the request; `was_kept`: it went over a connection
    that was kept from an earlier one, and may have ended before.
    """

    def __init__(self, kind: str, *, sent: bool, was_kept: bool = False) -> None:
        super().__init__(kind)
        self.kind = kind
        self.sent = sent
        self.was_kept = was_kept
