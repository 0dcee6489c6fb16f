"""What can go wrong in Larder itself: its HTTP status, what the caller is told, and in which shape.

What concerns writes only is in `write_errors`, what typed callers only are told in `typed/errors`.

What a caller is told names upstreams, limits and fields, never a query, a token, an id or anything else it sent.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from math import ceil, isfinite
from typing import TypeVar

import msgspec

from adapters import Adapter, Faults, Problem

PROBLEM_JSON = "application/problem+json"  # RFC 9457 §3
JSON = "application/json"

SHORTEST_WAIT = 1  # seconds, where nothing better is known

_TYPE = "tag:larder,2026:"  # RFC 9457 §3.1.1 names tag URIs (RFC 4151) for types that lead nowhere
_LONGEST_WAIT = 86_400.0  # seconds

Fields = list[tuple[str, str]]
E = TypeVar("E", bound=BaseException)


class LarderError(Exception):
    """Something Larder itself refuses or cannot do; `problem` says it to the caller."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem
        self.word = "refused"  # why, as Cache-Status and the log say it; a fixed word
        self.calls = 0  # upstream calls that were made all the same
        self.extra_fields: tuple[tuple[str, str], ...] = ()  # header fields that have to go with it


def problem_of(status: int, title: str, detail: str, *, retry_after: float | None = None) -> Problem:
    """A problem whose type is its title (RFC 9457 §3.1.1). `retry_after` in seconds."""
    word = title.lower().replace(" ", "-")
    return Problem(status, title, detail, f"{_TYPE}{word}", None if retry_after is None else whole_seconds(retry_after))


def perhaps_done(error: LarderError) -> LarderError:
    """The same error of a write that may have been carried out: whoever sends it again ought to know."""
    detail = f"{error.problem.detail} It may have been carried out: read what it was to change before it is sent again."
    error.problem = replace(error.problem, detail=detail)
    return error


def by_itself(error: E) -> E:
    """An error that was told, or is kept, without how it came about. That leads back to the error by way of whoever has
    it: a circle that only a garbage collection would find, with all that belonged to the request; and where an upstream
    is left alone there are thousands a minute.
    """
    chain: list[BaseException | None] = [error]
    while chain:
        one = chain.pop()
        if one is not None:
            chain += (one.__cause__, one.__context__)
            one.__traceback__ = one.__cause__ = one.__context__ = None
    return error


def whole_seconds(wait: float) -> int:
    """A wait as `Retry-After` carries it (RFC 9110 §10.2.3): rounded up, at least one second, at most a day."""
    if not isfinite(wait):
        return int(_LONGEST_WAIT) if wait > 0 else SHORTEST_WAIT
    return max(SHORTEST_WAIT, ceil(min(wait, _LONGEST_WAIT)))


class BadRequest(LarderError):
    """400: a field is not what it has to be. Names the field, the type that was found and what would be right."""

    def __init__(self, field: str, found: str, right: str) -> None:
        super().__init__(problem_of(400, "Bad request", f"{one_line(field)}: found {found}; it has to be {right}"))


class InvalidItems(LarderError):
    """400: some of many things are not what they have to be. Names each and its fields, never what is in them."""

    def __init__(self, faults: Faults, *, may_be_lenient: bool) -> None:
        """`may_be_lenient`: the caller may have the others answered, if it says so."""
        found = tuple(fault for at in sorted(faults) for fault in faults[at])
        said = "; ".join(fault.message for fault in found)
        offer = " With `Prefer: handling=lenient` the others are answered." if may_be_lenient else ""
        detail = f"{said}. Nothing was sent.{offer}"
        super().__init__(replace(problem_of(400, "Invalid items", detail), faults=found))
        self.word = "invalid-items"


class RefusedItems(LarderError):
    """400, or the status of their refusal: some of many things were refused by their provider. Names each, in its
    provider's words.
    """

    def __init__(self, faults: Faults, status: int, *, may_be_lenient: bool) -> None:
        """`status`: that of their refusal. `may_be_lenient`: the caller may have the others answered, if it says so."""
        found = tuple(fault for at in sorted(faults) for fault in faults[at])
        said = "; ".join(fault.message for fault in found)
        offer = " With `Prefer: handling=lenient` the others are answered." if may_be_lenient else ""
        problem = problem_of(400, "Refused items", f"{said}.{offer}")
        super().__init__(replace(problem, status=status, faults=found))
        self.word = "refused-items"


class UnknownCaller(LarderError):
    """401: nobody knows who calls, or the Larder key that was presented is wrong."""

    def __init__(self, why: str = "No known Larder key came with this request.") -> None:
        super().__init__(problem_of(401, "Unknown caller", why))


class CallerNotAllowed(LarderError):
    """403: the caller is known, but this upstream is not among those it may use."""

    def __init__(self, upstream: str) -> None:
        super().__init__(problem_of(403, "Caller not allowed", f"This caller may not use {upstream}; see `callers:`."))


class UnknownUpstream(LarderError):
    """404: the path begins with no upstream's name. Names those there are and the nearest, never what was asked."""

    def __init__(self, asked: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = get_close_matches(asked[:64], names, n=1)
        meant = f" Did you mean {near[0]}?" if near else ""
        detail = f"There is no such upstream.{meant} Known: {', '.join(names) or 'none'}."
        super().__init__(problem_of(404, "Unknown upstream", detail))


class UnknownApi(LarderError):
    """404: the upstream is made of several APIs, and the path chooses none of them."""

    def __init__(self, upstream: str) -> None:
        super().__init__(problem_of(404, "Unknown API", f"The path chooses none of the APIs of {upstream}."))


class BodyTooLarge(LarderError):
    """413: the request's body is over `server.max_body` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(problem_of(413, "Body too large", f"The body may have at most {limit} bytes."))


class MisdirectedHost(LarderError):
    """421: without callers configured Larder answers to loopback names only, so that no web page can be let in.

    RFC 9110 §7.4 and §15.5.20: a request for an authority this server does not answer for.
    """

    def __init__(self) -> None:
        detail = "Without `callers:` Larder answers only as localhost, 127.0.0.1 or [::1], and only to this machine."
        super().__init__(problem_of(421, "Misdirected host", detail))


class HeadTooLarge(LarderError):
    """431: the request's head is over `server.max_head` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(problem_of(431, "Head too large", f"The header fields may have at most {limit} bytes."))


class UpstreamUnreachable(LarderError):
    """502: no usable answer came."""

    def __init__(self, upstream: str) -> None:
        super().__init__(problem_of(502, "Upstream unreachable", f"{upstream} gave no usable answer."))


class UpstreamResting(LarderError):
    """503: the circuit is open for another `retry_after` seconds."""

    def __init__(self, upstream: str, retry_after: float, *, is_held: bool = False) -> None:
        """`is_held`: by an operator."""
        why = "is left alone by an operator's order" if is_held else "has been failing and is left alone"
        detail = f"{upstream} {why} for a while."
        super().__init__(problem_of(503, "Upstream resting", detail, retry_after=retry_after))


class UpstreamBusy(LarderError):
    """503: this upstream takes no more for now. `retry_after` in seconds; `why`: a sentence, usually that too many
    calls wait.
    """

    def __init__(self, upstream: str, retry_after: float = SHORTEST_WAIT, why: str = "") -> None:
        detail = why or f"Too many calls are waiting for {upstream}."
        super().__init__(problem_of(503, "Upstream busy", detail, retry_after=retry_after))


class CredentialPaced(UpstreamBusy):
    """503: calls with this credential have to wait, whoever else may call. `word`: why, as `Cache-Status` says it."""

    _WHY: Mapping[str, str] = {
        "paced": "This credential calls {} as often as the config allows.",
        "quota-low": "Little is left of what {} allows this credential.",
        "paused": "{} said that this credential calls too often.",
    }

    def __init__(self, upstream: str, retry_after: float, word: str) -> None:
        super().__init__(upstream, retry_after, self._WHY[word].format(upstream))


class UpstreamTimeout(LarderError):
    """504: the answer did not come in time."""

    def __init__(self, upstream: str) -> None:
        super().__init__(problem_of(504, "Upstream timeout", f"{upstream} did not answer in time."))


class UpstreamNotAsked(UpstreamTimeout):
    """504: the caller leaves less time than any of the last answers took, so nobody was asked. Seconds."""

    def __init__(self, upstream: str, left: float, again_in: float) -> None:
        """`left`: of the caller's time; `again_in`: until the upstream is asked again, whatever time there is."""
        detail = (
            f"{upstream} was not asked: none of its last answers came within the {left * 1000:.0f} ms that this caller "
            f"had left. It is asked again in {whole_seconds(again_in)} s at the latest, or by whoever waits longer."
        )
        LarderError.__init__(self, problem_of(504, "Upstream not asked", detail))


class ValidationFailed(LarderError):
    """504: what is stored must not be used without the upstream's word (RFC 9111 §5.2.2.2), and none came."""

    def __init__(self, upstream: str, word: str, calls: int) -> None:
        detail = f"{upstream} forbids to use its stored answer unvalidated, and gave no answer."
        super().__init__(problem_of(504, "Validation failed", detail))
        self.word, self.calls = word, calls


class NothingCached(LarderError):
    """504: the caller asked for a stored answer or none (`only-if-cached`, RFC 9111 §5.2.1.7), and there is none."""

    def __init__(self) -> None:
        super().__init__(problem_of(504, "Nothing cached", "There is no stored answer that this request may have."))


def render(problem: Problem, adapter: Adapter | None, path: str) -> tuple[int, Fields, bytes]:
    """Status, header fields and body: in the provider's own shape where its SDK reads no other, else RFC 9457.

    `path` is the one below the upstream's prefix: an upstream may have several shapes.
    """
    fields: Fields = [("Cache-Control", "no-store")]  # a 404 may otherwise be kept by others (RFC 9110 §15.1)
    if problem.retry_after is not None or problem.status in (429, 503):
        wait = SHORTEST_WAIT if problem.retry_after is None else problem.retry_after
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


def one_line(text: str) -> str:
    """A field's name as it may stand in an error: it may come from the caller, so it is cut and kept on one line."""
    return "".join(character if character.isprintable() else "?" for character in text[:80])
