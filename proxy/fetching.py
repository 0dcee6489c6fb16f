"""Fetching: ask the upstream for an answer, learn from it, and put it on the shelf. Runs as a flight's task."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from adapters import Kind
from policies.failure_memory import FailureMemory
from policies.storable import bar_to_storing, is_private, vary_names
from proxy.answers import Answer, CacheStatus, from_entry, from_reply
from proxy.asking import SHARED, Ask, outgoing_fields, target_of
from proxy.flights import Flight
from proxy.headers import without
from proxy.keys import joined
from proxy.learning import Learner
from proxy.messages import Entry, Fields, implied_tags, key_tag, partition_tag
from proxy.purging import Purger
from proxy.shelf import Shelf
from proxy.store.fences import Mode
from proxy.storing import VARIES, Made, decide, entry_of, freshened, may_be_stored_by_headers, tags_of, variants_marker
from proxy.upstream.call import Call, Upstream, UpstreamFailure
from proxy.upstream.messages import Outgoing, ReadUpTo, Reply, Stream

DECODABLE = ("Accept-Encoding", "gzip, deflate")  # what Larder can undo, where it reads what comes


_SAME_FOR_ALL = frozenset({401, 403, 408, 429})  # every caller with this credential would hear the same


class Observer(Protocol):
    """Who wants to know what became of a fetch. Words are fixed, never data."""

    def covered(self, upstream: str, detail: str) -> None:
        """A stale answer was given in place of one that could not be had."""

    def payload_refused(self, upstream: str, endpoint: str) -> None:
        """A payload was kept from replacing a stored answer."""

    def credential_refused(self, upstream: str, whose: str) -> None:
        """`whose` is "caller" or "larder"; the latter is an operator's alarm."""


@dataclass(slots=True)
class Landing:
    """What a flight brought."""

    reply: Reply | None = None
    failure: UpstreamFailure | None = None
    entry: Entry | None = None
    stored: bool = False
    covers_failure: bool = False  # a stored answer may be given in its place
    detail: str = ""
    all_tags: tuple[str, ...] = ()
    vary: tuple[str, ...] = ()
    leader: Ask | None = field(default=None, repr=False)
    now: float = 0.0

    @property
    def stream(self) -> Stream | None:
        """A body still under way, which only one caller can have."""
        return self.reply.stream if self.reply is not None else None

    @property
    def status(self) -> int | None:
        """What the upstream said, if it said something."""
        reply = self.reply or (self.failure.reply if self.failure is not None else None)
        return reply.status if reply is not None else None

    def fits(self, ask: Ask) -> bool:
        """Whether the answer is right for another caller's header values too."""
        if not self.vary or self.leader is None:
            return True
        mine, leaders = ask.sent.headers, self.leader.sent.headers
        return all(joined(mine, name) == joined(leaders, name) for name in self.vary)

    def calls_for(self, *, collapsed: bool) -> int:
        """Upstream calls made for a caller: those who joined made none."""
        if collapsed:
            return 0
        return self.reply.calls if self.reply is not None else self.failure.calls if self.failure is not None else 0

    def answer(self, status: CacheStatus, *, collapsed: bool) -> Answer:
        """The answer that came."""
        assert self.reply is not None  # noqa: S101 - a landing has a reply or a failure
        if self.entry is not None:
            answer = from_entry(self.entry, self.entry.life, self.now, status, "upstream")
            answer.age = None if answer.age == 0 else answer.age
            status.fwd_status = self.reply.status
        else:
            answer = from_reply(self.reply, status)
        answer.calls = self.calls_for(collapsed=collapsed)
        return answer


class Fetcher:
    """Everything between "the upstream must be asked" and "its answer is on the shelf"."""

    def __init__(
        self,
        shelf: Shelf,
        purger: Purger,
        failures: FailureMemory,
        learner: Learner,
        observer: Observer,
        tools: "FetchTools",
    ) -> None:
        self._shelf = shelf
        self._purger = purger
        self._failures = failures
        self._learner = learner
        self.observer = observer
        self._tools = tools

    async def call(self, ask: Ask, validators: Fields = (), read_up_to: ReadUpTo | None = None) -> Reply:
        """One guarded call, as it is. Raises UpstreamFailure."""
        plan = ask.plan
        is_read = ask.key is not None or ask.is_unsafe
        decode = is_read and not plan.upstream.adapter.by_headers
        fields = outgoing_fields(ask)
        if decode:
            fields = (*without(fields, {"accept-encoding"}), DECODABLE)
        outgoing = Outgoing(
            method=ask.sent.method,
            url=target_of(ask).url,
            fields=(*fields, *validators, *self._tools.trace_fields()),
            body=ask.sent.body,
            is_safe=not (ask.is_unsafe or ask.bypasses),
            decode=decode,
        )
        if read_up_to is None:
            read_up_to = self._read_all if is_read else self._read_errors
        call = Call(outgoing, plan.endpoint, plan.name, ask.identity.credential, plan.timeout, plan.retry, read_up_to)
        reply = await self._tools.upstream(plan.upstream.name).call(call)
        if reply.verdict.kind is Kind.CREDENTIAL_REFUSED:
            await self._credential_refused(ask)
        return reply

    def _read_all(self, _status: int, _headers: Mapping[str, str]) -> int:
        return self._tools.max_entry()

    def _read_errors(self, status: int, _headers: Mapping[str, str]) -> int:
        """Errors are judged by their bodies (throttling in a 403); all else streams."""
        return self._tools.max_entry() if status >= 400 else 0

    def _at_headers(self, ask: Ask, flight: Flight[Landing]) -> ReadUpTo:
        """What is never stored streams; and who may not share an answer hears so before its body is here."""

        def at_headers(status: int, headers: Mapping[str, str]) -> int:
            if status in _SAME_FOR_ALL or status >= 500:
                return self._tools.max_entry()
            if not _is_for_others(ask, status, headers):
                flight.may_be_shared(yes=False)
            if status >= 400:
                return self._tools.max_entry()
            if ask.goes_by_headers and not may_be_stored_by_headers(ask, status, headers, self._tools.clock()):
                flight.may_be_shared(yes=False)
                return 0
            return self._tools.max_entry()

        return at_headers

    async def fetch_alone(self, ask: Ask) -> Landing:
        """For a caller who may not share: its own call, stored if it may be, joined by nobody."""
        fences = self._shelf.fences
        flight: Flight[Landing] = Flight(fences.number, fences.next_sequence())
        return await self.fetch(ask, flight, None)

    async def fetch(self, ask: Ask, flight: Flight[Landing], stored: Entry | None) -> Landing:
        """Ask the upstream and shelve what it says. Never raises UpstreamFailure: a landing tells."""
        validators = _validators(stored)
        learning = asyncio.ensure_future(self._learner.me(ask)) if ask.plan.endpoint.knows_me else None
        try:
            reply = await self.call(ask, validators, self._at_headers(ask, flight))
        except UpstreamFailure as failure:
            self._failures.failed(ask.key, failure.wait)
            return Landing(failure=failure, covers_failure=True, detail=failure.detail, leader=ask)
        finally:
            me = await learning if learning is not None else None
        now = self._tools.clock()
        flight.may_be_shared(yes=reply.stream is None)
        if reply.status == 304 and stored is not None and validators:
            reply = freshened(stored, reply)
        return await self._landed(ask, reply, flight, me, now)

    async def _landed(self, ask: Ask, reply: Reply, flight: Flight[Landing], me: str | None, now: float) -> Landing:
        vary = vary_names(reply.headers) if ask.plan.upstream.adapter.by_headers else ()
        landing = Landing(reply=reply, leader=ask, now=now, detail=reply.verdict.detail, vary=vary)
        match reply.verdict.kind:
            case Kind.CREDENTIAL_REFUSED if ask.identity.credential == "held":
                self._failures.failed(ask.key)
                landing.covers_failure = True
            case Kind.FORBIDDEN:
                await self._forget(ask)
            case Kind.UNUSABLE:
                self.observer.payload_refused(ask.plan.upstream.name, ask.plan.name)
                self._failures.failed(ask.key)
                landing.covers_failure = True
            case Kind.ANSWER | Kind.MISSING:
                self._failures.succeeded(ask.key)
                if reply.stream is None:
                    self._shelve(ask, landing, flight, me)
                if landing.entry is None or landing.entry.partition != ask.identity.partition:
                    await self._forget(ask)  # what is kept is older than an answer that is not kept in its place
            case _:
                self._failures.succeeded(ask.key)
        return landing

    def _shelve(self, ask: Ask, landing: Landing, flight: Flight[Landing], me: str | None) -> None:
        reply = landing.reply
        assert reply is not None  # noqa: S101 - only called with one
        self._learner.learn(ask, reply)
        tags = tags_of(ask, reply, me)
        decision = decide(ask, reply, landing.now, me=me)
        if decision.policy is None:
            landing.all_tags = (*tags, *implied_tags(ask.plan.upstream.name, ask.plan.name, ask.identity.partition))
            return
        settles = self._shelf.fences.settles(tags)
        made = Made(flight.fence, flight.sequence, landing.now, self._tools.random(), settles)
        entry = landing.entry = entry_of(ask, reply, decision, tags, made)
        landing.all_tags = tuple(entry.tags)
        landing.stored = self._shelf.keep(entry)
        if decision.vary:
            self._shelf.keep(variants_marker(entry, ask, decision.vary))

    async def _credential_refused(self, ask: Ask) -> None:
        """The caller's own: its partition ends, whatever path it was refused on. Larder's: an operator's alarm."""
        upstream, identity = ask.plan.upstream.name, ask.identity
        if identity.credential == "held":
            self.observer.credential_refused(upstream, "larder")
        elif identity.travels:
            self.observer.credential_refused(upstream, "caller")
            if identity.partition != SHARED:
                await self._purger.purge([partition_tag(identity.partition)], Mode.HARD)

    async def _forget(self, ask: Ask) -> None:
        """What is kept for this ask goes, bytes and all: its permission is gone, or it was replaced."""
        if ask.key is None:
            return
        entry = self._shelf.look(ask.key) or await self._shelf.recall(ask.key)
        if entry is None:
            return
        key = ask.key
        if entry.status == VARIES:
            key = ask.key_in(entry.partition, tuple(name for _, name in entry.fields))
        await self._purger.purge([key_tag(key)], Mode.HARD)


@dataclass(frozen=True, slots=True)
class FetchTools:
    """What fetching needs from outside, so that tests can bring their own and a reload can exchange it."""

    upstream: Callable[[str], Upstream]
    max_entry: Callable[[], int]  # bytes; a larger answer is streamed through, not stored
    clock: Callable[[], float]  # seconds since the epoch
    random: Callable[[], float]
    trace_fields: Callable[[], Fields]


def _validators(stored: Entry | None) -> Fields:
    """Conditions under which the upstream may say "not modified" (RFC 9111 §4.3.1)."""
    if stored is None:
        return ()
    fields = dict(stored.lower_fields)
    pairs = (("If-None-Match", fields.get("etag")), ("If-Modified-Since", fields.get("last-modified")))
    return tuple((name, value) for name, value in pairs if value)


def _is_for_others(ask: Ask, status: int, headers: Mapping[str, str]) -> bool:
    """Whether, by its headers, callers of the same key and credential may share this very answer."""
    if bar_to_storing(status, headers) is not None:
        return False
    return not (is_private(headers) and ask.identity.partition == SHARED)
