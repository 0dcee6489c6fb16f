"""Traces: the W3C traceparent, in from the caller and out to the upstream (Trace Context §3.2)."""

import re
from collections.abc import Callable
from contextvars import ContextVar
from typing import NamedTuple

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16

RandomBits = Callable[[int], int]


class Trace(NamedTuple):
    """One request's place in a trace."""

    trace_id: str
    span_id: str  # Larder's own
    flags: str

    @property
    def traceparent(self) -> str:
        """As the header carries it."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"

    def child(self, random_bits: RandomBits) -> str:
        """The traceparent of a call that is made for this request."""
        return f"00-{self.trace_id}-{_hex(random_bits, 64)}-{self.flags}"


class Traces:
    """Continues the caller's trace, or begins one where there is none that can be read."""

    def __init__(self, random_bits: RandomBits) -> None:
        self._random_bits = random_bits

    def trace(self, traceparent: str | None) -> Trace:
        """The place of a request that came with this header."""
        match = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
        span_id = _hex(self._random_bits, 64)
        if match is None or match[1] == _NO_TRACE or match[2] == _NO_SPAN:
            return Trace(_hex(self._random_bits, 128), span_id, "00")
        return Trace(match[1], span_id, f"{int(match[3], 16) & 3:02x}")  # only flags that Trace Context §3.2.2.5 knows


def _hex(random_bits: RandomBits, bits: int) -> str:
    """Random hexadecimal digits, never all zero."""
    return (random_bits(bits) or 1).to_bytes(bits // 8, "big").hex()


_NONE = Trace("0" * 31 + "1", "0" * 15 + "1", "00")

current_trace: ContextVar[Trace] = ContextVar("current_trace", default=_NONE)
"""The trace of the request whose task this is."""
