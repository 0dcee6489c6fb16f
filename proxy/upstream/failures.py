"""Failures: why a call brought no usable answer, and what its caller is told."""

from typing import Final

from proxy.errors import LarderError
from proxy.upstream.messages import Reply

BREACHES: Final = frozenset({"egress-refused", "foreign-link", "too-deep", "too-large"})
"""An answer that may not be let in, or a place that may not be called: nothing of it reaches anybody."""

OUT_OF_TIME: Final = frozenset({"deadline", "too-short"})
"""The caller could not wait, or could not have waited long enough."""

DECLINED: Final = frozenset({"circuit-open", "deadline", "paced", "paused", "queue-full", "quota-low", "too-short"})
"""Larder itself did not call."""

POINTLESS: Final = BREACHES | DECLINED
"""Asking again at once would end the same way."""


class UpstreamFailure(Exception):
    """No usable answer. `reply` is what the upstream said, where it said something; `problem` what a caller is told."""

    def __init__(
        self,
        detail: str,
        *,
        problem: LarderError,
        reply: Reply | None = None,
        sent: bool = True,
        wait: float | None = None,
        answered: bool = False,
        was_kept: bool = False,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.problem = problem
        self.reply = reply
        self.sent = sent  # whether the upstream may have seen the request
        self.answered = answered or reply is not None  # with an error of its own
        self.was_kept = was_kept  # lost on a connection that may have ended before
        self.calls = 0
        self.wait = reply.verdict.retry_after if reply is not None else wait  # seconds the upstream asked for

    @property
    def is_declined(self) -> bool:
        """Whether nobody was asked: not the upstream failed, but Larder did not want to call it now."""
        return self.detail in DECLINED and not self.calls
