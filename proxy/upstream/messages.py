"""What goes to an upstream and what comes back."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters import NOT_JSON, Kind, Verdict
from proxy.messages import Fields


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One call as it will be sent."""

    method: str
    url: str  # percent-encoded as the caller sent it
    fields: Fields
    body: bytes
    is_safe: bool  # may be sent again
    decode: bool  # undo content codings, for answers that are read


ReadUpTo = Callable[[int, Mapping[str, str]], int]
"""Status and headers → how many bytes of body to read at most; 0: hand the body on as a stream."""


class Stream:
    """A body still under way. Whoever takes it has to `close` it."""

    def __init__(self, head: bytes, rest: AsyncIterator[bytes], close: Callable[[], Awaitable[None]]) -> None:
        self._head = head
        self._rest = rest
        self._close = close

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._head:
            yield self._head
        async for chunk in self._rest:
            yield chunk

    async def close(self) -> None:
        """Let go of the connection."""
        await self._close()


@dataclass(slots=True)
class Reply:
    """An upstream's answer, with what the adapter makes of it."""

    status: int
    fields: Fields
    headers: Mapping[str, str]
    body: bytes = b""
    stream: Stream | None = None  # the body, where it was not read
    json: Any = NOT_JSON
    verdict: Verdict = field(default_factory=lambda: Verdict(Kind.ANSWER))
    calls: int = 1  # upstream calls it took


class TransportError(Exception):
    """No answer came. `sent`: whether the upstream may have seen the request."""

    def __init__(self, kind: str, *, sent: bool) -> None:
        super().__init__(kind)
        self.kind = kind
        self.sent = sent
