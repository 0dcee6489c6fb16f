"""Preconditions of writes, against the live state: for upstreams that know none (RFC 9110 §13, UPSTREAMS.md §2.7).

write ── If-Match ──▶ live read, with the writer's own credential ──┬─ moved ──▶ 412, with what changed
                                                                    ├─ holds ──▶ the write, without the condition
                                                                    └─ cannot be told ──▶ 503 or 504

Nothing is sent unless it holds. Between the read and the write somebody else may write: the race is narrowed to that,
not closed. Only an upstream that compares by itself could close it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import NamedTuple

from multidict import CIMultiDict

from adapters import Fault
from policies.http.conditions import CONDITIONAL
from policies.http.dates import http_date
from policies.http.etags import is_strong, parse_etags
from policies.http.fields import as_mapping
from policies.http.preconditions import ON_WRITES, Current, failed, judged, unreadable
from policies.http.strong_tags import changed_members
from proxy.answers import Answer
from proxy.asker import Asker
from proxy.asking import OVERRIDES, Ask
from proxy.errors import BadRequest, LarderError, UpstreamTimeout
from proxy.kept.finding import Finder
from proxy.messages import Entry
from proxy.strong_tags import tag_in
from proxy.upstream.reading import parsed
from proxy.writes.errors import PreconditionFailed, PreconditionUnchecked

_OF_A_WRITE = frozenset({"content-encoding", "content-type", "idempotency-key", *OVERRIDES})
_NOT_OF_A_READ = CONDITIONAL | _OF_A_WRITE | {"cache-control", "pragma"}
_GONE = (404, 410)


class Settled(NamedTuple):
    """What becomes of a write: sent as this ask has it, or answered with what the live read said."""

    ask: Ask
    refused: Answer | None = None


class Preconditions:
    """Compares what a writer read with what is there now."""

    def __init__(
        self,
        asker: Asker,
        finder: Finder,
        answer: Callable[[Ask], Awaitable[Answer]],
        clock: Callable[[], float],
    ) -> None:
        """`answer` is the engine's; `clock` tells seconds since the epoch."""
        self._asker = asker
        self._finder = finder
        self._answer = answer
        self._clock = clock

    async def settle(self, ask: Ask) -> Settled:
        """Look at a write's preconditions. Raises BadRequest (400) where one cannot be read, PreconditionFailed (412),
        PreconditionUnchecked (503) and UpstreamTimeout (504); in all cases nothing was sent.
        """
        asked = {name: value for name, value in ask.conditions.items() if name in ON_WRITES}
        if not asked or not ask.plan.writes.preconditions:
            return Settled(ask)
        live = self._live(ask)
        volatile = live.plan.endpoint.volatile
        if volatile is None or live.key is None:  # its states are not told apart here: the upstream is to judge
            return Settled(ask)
        _check(asked)
        before = await self._stored(live)
        answer = await self._read(live)
        if answer.status != 200 and answer.status not in _GONE:
            return Settled(ask, _as_refusal(live, answer))
        current = self._current(live, answer)
        name = failed(asked, current, self._clock())
        if name is not None:
            names = _changed(asked, before, answer, volatile) if name == "If-Match" else ()
            raise PreconditionFailed(name, tuple(Fault(one, f"{one}: has changed", "changed") for one in names))
        return Settled(_without(ask, judged(asked, current)))

    def _live(self, ask: Ask) -> Ask:
        """A live read of what is to be written, by the same caller with the same credential."""
        before = ask.incoming
        headers = CIMultiDict(field for field in before.fields if field[0].lower() not in _NOT_OF_A_READ)
        headers["Cache-Control"] = "no-cache"
        plan, params = ask.upstream.match("GET", before.path)
        incoming = before._replace(method="GET", headers=headers, body=b"", informational=None)
        return replace(self._asker.ask(ask.upstream, plan, params, incoming), is_read=True)

    async def _stored(self, live: Ask) -> Entry | None:
        if live.key is None:
            return None
        found = await self._finder.find(live)
        return found.entry if found is not None else None

    async def _read(self, live: Ask) -> Answer:
        try:
            answer = await self._answer(live)
        except UpstreamTimeout:
            raise
        except LarderError as error:
            raise _unchecked(live, error) from error
        if answer.stream is not None:  # too large to be compared
            await answer.stream.close()
        is_doubted = answer.status in _GONE and answer.cache.detail != ""  # said by a page of somebody between
        if answer.stream is not None or answer.cache.hit or answer.status >= 500 or is_doubted:
            raise PreconditionUnchecked(live.plan.upstream.name, answer.retry_after)
        return answer

    def _current(self, live: Ask, answer: Answer) -> Current | None:
        if answer.status in _GONE:
            return None
        headers = as_mapping(answer.fields)
        tag = headers.get("etag")
        if not is_strong(tag):  # it is not what its endpoint's answers are, or as large as nobody tags
            raise PreconditionUnchecked(live.plan.upstream.name, None)
        return Current(tag, http_date(headers.get("last-modified"), self._clock()))


def _check(asked: dict[str, str]) -> None:
    """A tag without its quotes would match nothing, and its writer would read again for ever. Raises BadRequest."""
    name = unreadable(asked)
    if name is not None:
        right = (
            '* or entity-tags in double quotes, such as "33a64df5", as the ETag of an answer has them (RFC 9110 §8.8.3)'
        )
        raise BadRequest(name, "what is no entity-tag", right)


def _changed(asked: dict[str, str], before: Entry | None, answer: Answer, volatile: frozenset[str]) -> tuple[str, ...]:
    """What has changed since the state that the writer named; known only while that is the one that is stored."""
    if before is None or answer.status in _GONE or tag_in(before.head) not in (parse_etags(asked["if-match"]) or ()):
        return ()
    return changed_members(parsed(before.body), parsed(answer.body), volatile)


def _without(ask: Ask, names: frozenset[str]) -> Ask:
    """The write without conditions that hold: the upstream's own tags are others, and would fail them."""
    headers = CIMultiDict(field for field in ask.incoming.fields if field[0].lower() not in names)
    incoming, sent = ask.incoming._replace(headers=headers), replace(ask.sent, headers=headers)
    return replace(ask, incoming=incoming, sent=sent)


def _as_refusal(live: Ask, answer: Answer) -> Answer:
    """The upstream's own refusal of the read: who may not see it, or calls too often, hears so. Nothing was sent."""
    if answer.status < 400:
        raise PreconditionUnchecked(live.plan.upstream.name, None)
    answer.cache.fwd = "method"
    answer.cache.detail = "precondition-unchecked"
    return answer


def _unchecked(live: Ask, error: LarderError) -> PreconditionUnchecked:
    wait = error.problem.retry_after
    unchecked = PreconditionUnchecked(live.plan.upstream.name, None if wait is None else float(wait))
    unchecked.calls = error.calls
    return unchecked
