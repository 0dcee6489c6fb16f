"""Why a write is not sent, or not sent again: statuses and texts for whoever sent it."""

from dataclasses import replace

from adapters import Fault
from proxy.errors import SHORTEST_WAIT, LarderError, problem_of


class UnreadableBody(LarderError):
    """400: a write's body is not what its media type says. `why` quotes nothing of it."""

    def __init__(self, why: str) -> None:
        super().__init__(problem_of(400, "Unreadable body", f"{why} Nothing was sent."))
        self.word = "unreadable-body"


class InvalidBody(LarderError):
    """422: a write's body does not fit its endpoint (RFC 9110 §15.5.21). Names the fields, never what is in them."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        detail = f"{'; '.join(fault.message for fault in faults)}. Nothing was sent."
        super().__init__(replace(problem_of(422, "Invalid body", detail), faults=faults))
        self.word = "invalid-body"


class WriteUnderWay(LarderError):
    """409: the first request with this Idempotency-Key is not over yet."""

    def __init__(self) -> None:
        detail = "The first request with this Idempotency-Key is still under way. Nothing was sent again."
        super().__init__(problem_of(409, "Write under way", detail, retry_after=SHORTEST_WAIT))
        self.word = "write-under-way"


class OutcomeUnknown(LarderError):
    """409: the first request with this Idempotency-Key was sent, and nobody knows what came of it."""

    def __init__(self) -> None:
        detail = (
            "The first request with this Idempotency-Key was sent, and its outcome is unknown. Nothing was sent again. "
            "Read what it was to change (Cache-Control: no-cache); if it is not there, send it under a new key."
        )
        super().__init__(problem_of(409, "Outcome unknown", detail))
        self.word = "outcome-unknown"


class AnswerNotKept(LarderError):
    """409: the first request with this Idempotency-Key was answered; the answer is too large, old, or erased."""

    def __init__(self) -> None:
        detail = (
            "The first request with this Idempotency-Key was answered, and its answer is not kept any more. "
            "Nothing was sent again. Read what it was to change."
        )
        super().__init__(problem_of(409, "Answer not kept", detail))
        self.word = "answer-not-kept"


class KeyReused(LarderError):
    """422: an Idempotency-Key came before with another request."""

    def __init__(self) -> None:
        detail = "This Idempotency-Key came before with another request. Nothing was sent; use a new key."
        super().__init__(problem_of(422, "Idempotency key reused", detail))
        self.word = "idempotency-key-reused"


class WriteUnrecorded(LarderError):
    """503: that a write begins under this Idempotency-Key, or what it came to, cannot be read or recorded just now."""

    def __init__(self, why: str = "The store cannot remember Idempotency-Keys just now.") -> None:
        detail = f"{why} Nothing was sent."
        super().__init__(problem_of(503, "Write unrecorded", detail, retry_after=SHORTEST_WAIT))
        self.word = "write-unrecorded"


class PreconditionFailed(LarderError):
    """412: what a write was to change is not as its writer knew it (RFC 9110 §13.1). Names members, never values."""

    def __init__(self, header: str, changed: tuple[Fault, ...] = ()) -> None:
        """`header`: which precondition; `changed`: what has changed since, where that is known."""
        why = "It is there already" if header == "If-None-Match" else f"It is not what {header} names any more"
        names = f": {', '.join(fault.field for fault in changed)} changed" if changed else ""
        detail = f"{why}{names}. Nothing was sent; read it again."
        super().__init__(replace(problem_of(412, "Precondition failed", detail), faults=changed))
        self.word = "precondition-failed"


class PreconditionUnchecked(LarderError):
    """503: how things stand could not be read, so that nobody knows whether a write's precondition holds."""

    def __init__(self, upstream: str, retry_after: float | None) -> None:
        detail = f"{upstream} does not tell just now whether the precondition holds. Nothing was sent."
        wait = SHORTEST_WAIT if retry_after is None else retry_after
        super().__init__(problem_of(503, "Precondition unchecked", detail, retry_after=wait))
        self.word = "precondition-unchecked"
