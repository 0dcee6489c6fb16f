"""Everything that can go wrong in Larder itself: its HTTP status, what the caller is told, and in which shape.

What a caller is told names upstreams, limits and fields, never a query, a token, an id or anything else it sent.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from math import ceil, isfinite
from typing import NamedTuple

import msgspec

from adapters import Adapter, Fault, Problem

PROBLEM_JSON = "application/problem+json"  # RFC 9457 §3
JSON = "application/json"

_TYPE = "tag:larder,2026:"  # RFC 9457 §3.1.1 names tag URIs (RFC 4151) for types that lead nowhere
_WAIT = 1  # seconds, where nothing better is known
_LONGEST_WAIT = 86_400.0  # seconds

Fields = list[tuple[str, str]]


class LarderError(Exception):
    """Something Larder itself refuses or cannot do; `problem` says it to the caller."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem
        self.word = "refused"  # why, as Cache-Status and the log say it; a fixed word
        self.calls = 0  # upstream calls that were made all the same
        self.extra_fields: tuple[tuple[str, str], ...] = ()  # header fields that have to go with it


def _problem(status: int, title: str, detail: str, *, retry_after: float | None = None) -> Problem:
    word = title.lower().replace(" ", "-")
    return Problem(status, title, detail, f"{_TYPE}{word}", None if retry_after is None else whole_seconds(retry_after))


def perhaps_done(error: LarderError) -> LarderError:
    """The same error of a write that may have been carried out: whoever sends it again ought to know."""
    detail = f"{error.problem.detail} It may have been carried out: read what it was to change before it is sent again."
    error.problem = replace(error.problem, detail=detail)
    return error


def whole_seconds(wait: float) -> int:
    """A wait as `Retry-After` carries it (RFC 9110 §10.2.3): rounded up, at least one second, at most a day."""
    if not isfinite(wait):
        return int(_LONGEST_WAIT) if wait > 0 else _WAIT
    return max(_WAIT, ceil(min(wait, _LONGEST_WAIT)))


class BadRequest(LarderError):
    """400: a field is not what it has to be. Names the field, the type that was found and what would be right."""

    def __init__(self, field: str, found: str, right: str) -> None:
        super().__init__(_problem(400, "Bad request", f"{_one_line(field)}: found {found}; it has to be {right}"))


class UnreadableBody(LarderError):
    """400: a write's body is not what its media type says. `why` quotes nothing of it."""

    def __init__(self, why: str) -> None:
        super().__init__(_problem(400, "Unreadable body", f"{why} Nothing was sent."))
        self.word = "unreadable-body"


class InvalidBody(LarderError):
    """422: a write's body does not fit its endpoint (RFC 9110 §15.5.21). Names the fields, never what is in them."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        detail = f"{'; '.join(fault.message for fault in faults)}. Nothing was sent."
        super().__init__(replace(_problem(422, "Invalid body", detail), faults=faults))
        self.word = "invalid-body"


class UnknownCaller(LarderError):
    """401: nobody knows who calls, or the Larder key that was presented is wrong."""

    def __init__(self, why: str = "No known Larder key came with this request.") -> None:
        super().__init__(_problem(401, "Unknown caller", why))


class CallerNotAllowed(LarderError):
    """403: the caller is known, but this upstream is not among those it may use."""

    def __init__(self, upstream: str) -> None:
        super().__init__(_problem(403, "Caller not allowed", f"This caller may not use {upstream}; see `callers:`."))


class UnknownUpstream(LarderError):
    """404: the path begins with no upstream's name. Names those there are and the nearest, never what was asked."""

    def __init__(self, asked: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = get_close_matches(asked[:64], names, n=1)
        meant = f" Did you mean {near[0]}?" if near else ""
        detail = f"There is no such upstream.{meant} Known: {', '.join(names) or 'none'}."
        super().__init__(_problem(404, "Unknown upstream", detail))


class UnknownApi(LarderError):
    """404: the upstream is made of several APIs, and the path chooses none of them."""

    def __init__(self, upstream: str) -> None:
        super().__init__(_problem(404, "Unknown API", f"The path chooses none of the APIs of {upstream}."))


class WriteUnderWay(LarderError):
    """409: the first request with this Idempotency-Key is not over yet."""

    def __init__(self) -> None:
        detail = "The first request with this Idempotency-Key is still under way. Nothing was sent again."
        super().__init__(_problem(409, "Write under way", detail, retry_after=_WAIT))
        self.word = "write-under-way"


class OutcomeUnknown(LarderError):
    """409: the first request with this Idempotency-Key was sent, and nobody knows what came of it."""

    def __init__(self) -> None:
        detail = (
            "The first request with this Idempotency-Key was sent, and its outcome is unknown. Nothing was sent again. "
            "Read what it was to change (Cache-Control: no-cache); if it is not there, send it under a new key."
        )
        super().__init__(_problem(409, "Outcome unknown", detail))
        self.word = "outcome-unknown"


class AnswerNotKept(LarderError):
    """409: the first request with this Idempotency-Key was answered; the answer is too large, old, or erased."""

    def __init__(self) -> None:
        detail = (
            "The first request with this Idempotency-Key was answered, and its answer is not kept any more. "
            "Nothing was sent again. Read what it was to change."
        )
        super().__init__(_problem(409, "Answer not kept", detail))
        self.word = "answer-not-kept"


class KeyReused(LarderError):
    """422: an Idempotency-Key came before with another request."""

    def __init__(self) -> None:
        detail = "This Idempotency-Key came before with another request. Nothing was sent; use a new key."
        super().__init__(_problem(422, "Idempotency key reused", detail))
        self.word = "idempotency-key-reused"


class WriteUnrecorded(LarderError):
    """503: that a write begins under this Idempotency-Key, or what it came to, cannot be read or recorded just now."""

    def __init__(self, why: str = "The store cannot remember Idempotency-Keys just now.") -> None:
        detail = f"{why} Nothing was sent."
        super().__init__(_problem(503, "Write unrecorded", detail, retry_after=_WAIT))
        self.word = "write-unrecorded"


class PreconditionFailed(LarderError):
    """412: what a write was to change is not as its writer knew it (RFC 9110 §13.1). Names members, never values."""

    def __init__(self, header: str, changed: tuple[Fault, ...] = ()) -> None:
        """`header`: which precondition; `changed`: what has changed since, where that is known."""
        why = "It is there already" if header == "If-None-Match" else f"It is not what {header} names any more"
        names = f": {', '.join(fault.field for fault in changed)} changed" if changed else ""
        detail = f"{why}{names}. Nothing was sent; read it again."
        super().__init__(replace(_problem(412, "Precondition failed", detail), faults=changed))
        self.word = "precondition-failed"


class UnknownRoute(LarderError):
    """404: Larder's own interface has no such path. Names the nearest route, never what was asked."""

    def __init__(self, asked: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = get_close_matches(asked[:64], names, n=1)
        meant = f" Did you mean {near[0]}?" if near else ""
        super().__init__(_problem(404, "Unknown route", f"There is no such route.{meant} Known: {', '.join(names)}."))


class MethodNotAllowed(LarderError):
    """405: there is such a path, for other methods (RFC 9110 §15.5.6)."""

    def __init__(self, routes: Iterable[str]) -> None:
        names = sorted(routes)
        super().__init__(_problem(405, "Method not allowed", f"There is {', '.join(names)}."))
        self.extra_fields = (("Allow", ", ".join(dict.fromkeys(name.partition(" ")[0] for name in names))),)


class BodyTooLarge(LarderError):
    """413: the request's body is over `server.max_body` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(_problem(413, "Body too large", f"The body may have at most {limit} bytes."))


class UnsupportedMediaType(LarderError):
    """415: the body is not what is read here. A page elsewhere can send any other type to this machine unasked."""

    def __init__(self, right: str) -> None:
        super().__init__(_problem(415, "Unsupported media type", f"The body has to come as {right}."))


class FieldError(NamedTuple):
    """What is wrong with a field, and what would be right."""

    field: str  # "addresses.57.street"
    message: str


class InvalidFields(LarderError):
    """422: fields of a typed request are not what they have to be. Names each of them."""

    def __init__(self, errors: Sequence[FieldError], **more: object) -> None:
        first, *others = named = [FieldError(_one_line(field), message) for field, message in errors]
        rest = f" (and {len(others)} more)" if others else ""
        problem = _problem(422, "Invalid fields", f"{first.field}: {first.message}{rest}")
        shown = [{"field": field, "detail": message} for field, message in named]
        super().__init__(replace(problem, more={"errors": shown, **more}))


class MisdirectedHost(LarderError):
    """421: without callers configured Larder answers to loopback names only, so that no web page can be let in.

    RFC 9110 §7.4 and §15.5.20: a request for an authority this server does not answer for.
    """

    def __init__(self) -> None:
        detail = "Without `callers:` Larder answers only as localhost, 127.0.0.1 or [::1], and only to this machine."
        super().__init__(_problem(421, "Misdirected host", detail))


class HeadTooLarge(LarderError):
    """431: the request's head is over `server.max_head` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(_problem(431, "Head too large", f"The header fields may have at most {limit} bytes."))


class NotConfigured(LarderError):
    """501: no upstream of this Larder can do it."""

    def __init__(self, what: str) -> None:
        super().__init__(_problem(501, "Not configured", f"No upstream that is configured can {what}."))


class UpstreamUnreachable(LarderError):
    """502: no usable answer came."""

    def __init__(self, upstream: str) -> None:
        super().__init__(_problem(502, "Upstream unreachable", f"{upstream} gave no usable answer."))


class ProviderRefused(LarderError):
    """502: a provider refuses this one thing; asking another one would not make it right."""

    def __init__(self, upstream: str, status: int) -> None:
        super().__init__(_problem(502, "Provider refused", f"{upstream} refused this with {status}."))
        self.status = status


class TokenRefused(LarderError):
    """401: an upstream does not take the caller's own token, or none came."""

    def __init__(self, upstream: str) -> None:
        detail = f"{upstream} takes no token, or not this one; send it as Authorization: Bearer."
        super().__init__(_problem(401, "Token refused", detail))
        self.extra_fields = (("WWW-Authenticate", f'Bearer realm="{upstream}"'),)  # RFC 6750 §3


class NotPermitted(LarderError):
    """403: an upstream does not let this credential read it."""

    def __init__(self, upstream: str) -> None:
        super().__init__(_problem(403, "Not permitted", f"{upstream} does not let this credential read it."))


class NothingThere(LarderError):
    """404: an upstream has no such thing, or none that this credential may know of."""

    def __init__(self, upstream: str) -> None:
        super().__init__(_problem(404, "Nothing there", f"{upstream} has no such thing for this credential."))


class ListTooLong(LarderError):
    """422: a list is too long to be answered as one."""

    def __init__(self, upstream: str, path: str) -> None:
        """`path`: the route by which its pages are read."""
        detail = f"The list is too long to be answered whole. Its pages are there: /{upstream}{path}."
        super().__init__(_problem(422, "List too long", detail))
        self.word = "list-too-long"


class Throttled(LarderError):
    """429: an upstream takes no more from the caller's own credential for now. `retry_after` in seconds."""

    def __init__(self, upstream: str, retry_after: float | None) -> None:
        wait = _WAIT if retry_after is None else retry_after
        detail = f"{upstream} takes no more from this credential for a while."
        super().__init__(_problem(429, "Throttled", detail, retry_after=wait))


class NoPart(LarderError):
    """503: no part of it came; `more` tells of each. `retry_after` in seconds."""

    def __init__(self, retry_after: float, **more: object) -> None:
        problem = _problem(503, "No part", "No part of it came.", retry_after=retry_after)
        super().__init__(replace(problem, more=more))


class CredentialRefused(LarderError):
    """502: a provider does not take the credential that it was asked with."""

    def __init__(self, upstream: str) -> None:
        super().__init__(_problem(502, "Credential refused", f"{upstream} refused the credential it was asked with."))


class UpstreamResting(LarderError):
    """503: the circuit is open for another `retry_after` seconds."""

    def __init__(self, upstream: str, retry_after: float, *, is_held: bool = False) -> None:
        """`is_held`: by an operator."""
        why = "is left alone by an operator's order" if is_held else "has been failing and is left alone"
        detail = f"{upstream} {why} for a while."
        super().__init__(_problem(503, "Upstream resting", detail, retry_after=retry_after))


class UpstreamBusy(LarderError):
    """503: as many calls as may wait for this upstream are waiting. `retry_after` in seconds."""

    def __init__(self, upstream: str, retry_after: float = _WAIT) -> None:
        detail = f"Too many calls are waiting for {upstream}."
        super().__init__(_problem(503, "Upstream busy", detail, retry_after=retry_after))


class PreconditionUnchecked(LarderError):
    """503: how things stand could not be read, so that nobody knows whether a write's precondition holds."""

    def __init__(self, upstream: str, retry_after: float | None) -> None:
        detail = f"{upstream} does not tell just now whether the precondition holds. Nothing was sent."
        wait = _WAIT if retry_after is None else retry_after
        super().__init__(_problem(503, "Precondition unchecked", detail, retry_after=wait))
        self.word = "precondition-unchecked"


class QuotaUsedUp(LarderError):
    """503: the account at a provider has nothing left. `retry_after` in seconds."""

    def __init__(self, upstream: str, retry_after: float = _WAIT) -> None:
        detail = f"The account at {upstream} has nothing left."
        super().__init__(_problem(503, "Quota used up", detail, retry_after=retry_after))


class NoProvider(LarderError):
    """503: no provider could be asked for any of it; `more` tells of each. `retry_after` in seconds."""

    def __init__(self, retry_after: float = _WAIT, **more: object) -> None:
        problem = _problem(503, "No provider", "No provider gave an answer.", retry_after=retry_after)
        super().__init__(replace(problem, more=more))


class UpstreamTimeout(LarderError):
    """504: the answer did not come in time."""

    def __init__(self, upstream: str) -> None:
        super().__init__(_problem(504, "Upstream timeout", f"{upstream} did not answer in time."))


class ValidationFailed(LarderError):
    """504: what is stored must not be used without the upstream's word (RFC 9111 §5.2.2.2), and none came."""

    def __init__(self, upstream: str, word: str, calls: int) -> None:
        detail = f"{upstream} forbids to use its stored answer unvalidated, and gave no answer."
        super().__init__(_problem(504, "Validation failed", detail))
        self.word, self.calls = word, calls


class NothingCached(LarderError):
    """504: the caller asked for a stored answer or none (`only-if-cached`, RFC 9111 §5.2.1.7), and there is none."""

    def __init__(self) -> None:
        super().__init__(_problem(504, "Nothing cached", "There is no stored answer that this request may have."))


def render(problem: Problem, adapter: Adapter | None, path: str) -> tuple[int, Fields, bytes]:
    """Status, header fields and body: in the provider's own shape where its SDK reads no other, else RFC 9457.

    `path` is the one below the upstream's prefix: an upstream may have several shapes.
    """
    fields: Fields = [("Cache-Control", "no-store")]  # a 404 may otherwise be kept by others (RFC 9110 §15.1)
    if problem.retry_after is not None or problem.status in (429, 503):
        wait = _WAIT if problem.retry_after is None else problem.retry_after
        # A whole number always: the Smarty SDK dies without one, or on a date or fraction (UPSTREAMS.md §1.7).
        fields.append(("Retry-After", str(whole_seconds(wait))))
    if problem.status == 401:
        fields.append(("WWW-Authenticate", 'X-Larder-Key realm="larder"'))  # RFC 9110 §15.5.2: has to be there
    shaped = adapter.shape_error(problem, path) if adapter is not None and adapter.shape_error is not None else None
    if shaped is not None:
        return problem.status, [("Content-Type", JSON), *fields], shaped
    return problem.status, [("Content-Type", PROBLEM_JSON), *fields], _problem_json(problem)


def _problem_json(problem: Problem) -> bytes:
    members: dict[str, object] = {"type": problem.type, "title": problem.title, "status": problem.status}
    members["detail"] = problem.detail
    if problem.faults:  # an extension member, as RFC 9457 §3 shows one
        members["errors"] = [{"field": fault.field, "detail": fault.message} for fault in problem.faults]
    return msgspec.json.encode({**members, **problem.more})


def _one_line(text: str) -> str:
    """A field's name as it may stand in an error: it may come from the caller, so it is cut and kept on one line."""
    return "".join(character if character.isprintable() else "?" for character in text[:80])
