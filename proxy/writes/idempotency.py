"""Idempotency keys: a POST or PATCH that comes again is answered with the first answer, and not carried out again.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header (07): same key and same request, the first
answer; another request, 422; still under way, 409. Beyond it: where the outcome is not known, 409 says so.

claim ── a note "begun", durable ──▶ the write ──┬─ answered ──▶ the answer kept as an entry, the note "answered"
                                                 ├─ not done ──▶ the note is taken back
                                                 └─ unknown, or the process died ──▶ the note says so, or stays "begun"

Notes hold digests only, and stay until they expire: or the write would be carried out twice. Answers are entries of
their principal's partition: sealed and purged as those are. Whom an answer is about nobody can say, so when a person is
erased, all of that upstream go.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from math import inf
from secrets import token_bytes
from typing import NamedTuple

import msgspec
from cachetools import LRUCache

from adapters import NOT_JSON, Exchange
from policies import ShelfLife
from policies.http.fields import without
from proxy.answers import Answer, CacheStatus, dated_fields
from proxy.asking import Ask, names_of
from proxy.errors import BadRequest
from proxy.kept.deciding import kept_by_terms
from proxy.kept.shelf import Shelf
from proxy.keys import joined, without_parameters
from proxy.messages import REPLAY, Entry, pack_head
from proxy.store.contract import StoreError
from proxy.store.fences import Validity
from proxy.upstream.reading import TooDeep, parsed
from proxy.writes.errors import AnswerNotKept, KeyReused, OutcomeUnknown, WriteUnderWay, WriteUnrecorded
from proxy.writes.written import Outcome, Written

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
LONGEST = 255  # characters of a key
KEPT_WITHIN = 2.0  # seconds that a writer waits until its answer is on disk

_METHODS = frozenset({"POST", "PATCH"})  # the others are idempotent by themselves (RFC 9110 §9.2.2)
_QUOTED = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"(?:;.*)?')  # RFC 9651 §3.3.3
_BARE = re.compile(r"[!#-+\--~]+")  # what many clients send: a UUID without quotes
_NOT_KEPT = frozenset({"age", "cache-status", "set-cookie", "x-rate-limit-remaining", "x-request-cost"})
_NO_STORE = "Several workers without a durable store (`store.durable: none`) cannot remember Idempotency-Keys."
_MOST_NEVER_SENT = 10_000
_STEPS = 2  # of a write, each with the whole timeout: the live read of its precondition, and itself
_SLACK = 10.0  # seconds beyond that after which a write of another process is not under way any more

Write = Callable[[Ask], Awaitable[Written]]


class Note(msgspec.Struct, frozen=True, array_like=True):
    """What is remembered of a key: nothing that tells who or what."""

    request: bytes  # the digest of the request that it came with
    state: str  # begun, answered, kept (answered, and the answer is an entry) or unknown
    process: bytes  # which began it
    at: float  # seconds since the epoch


_encode, _decoder = msgspec.msgpack.encode, msgspec.msgpack.Decoder(Note)


class _Claim(NamedTuple):
    """A key of a caller and its principal, and what they ask for under it."""

    key: bytes
    request: bytes
    until: float


def _decoded(held: bytes, claim: _Claim) -> Note:
    try:
        return _decoder.decode(held)
    except msgspec.DecodeError:  # nobody can say what it was
        return Note(claim.request, "unknown", b"", 0.0)


class Idempotency:
    """Remembers writes by their keys."""

    def __init__(
        self,
        shelf: Shelf,
        on_error: Callable[[str, StoreError], None],
        clock: Callable[[], float],
        *,
        is_alone: bool,
        has_common_store: bool = True,
    ) -> None:
        """`is_alone`: no other process writes to the same durable store while this one does; so what another one began
        is over. `has_common_store`: what this process writes down is known to all that the same callers may reach.
        `clock` tells seconds since the epoch.
        """
        self._shelf = shelf
        self._durable = shelf.durable
        self._on_error = on_error
        self._clock = clock
        self._is_alone = is_alone
        self._has_common_store = has_common_store
        self._process = token_bytes(8)
        self._under_way: set[bytes] = set()
        self._never_sent: LRUCache[bytes, None] = LRUCache(_MOST_NEVER_SENT)  # keys whose claim may have been kept

    async def once(self, ask: Ask, write: Write) -> Written:
        """What becomes of a write, or what became of it before.

        Raises BadRequest, KeyReused, WriteUnderWay, OutcomeUnknown, AnswerNotKept and WriteUnrecorded; nothing was
        sent then.
        """
        claim = self._claim(ask)
        if claim is None:
            return await write(ask)
        if not self._has_common_store:
            raise WriteUnrecorded(_NO_STORE)
        if claim.key in self._under_way:
            raise WriteUnderWay
        self._under_way.add(claim.key)
        try:
            held = await self._begin(claim)
            return await (self._write(claim, ask, write) if held is None else self._again(claim, ask, held))
        finally:
            self._under_way.discard(claim.key)

    def _claim(self, ask: Ask) -> _Claim | None:
        lasts = ask.plan.writes.idempotency
        if not lasts or ask.sent.method not in _METHODS:
            return None
        key = joined(ask.sent.headers, HEADER)
        if key is None:
            return None
        whose = (ask.plan.upstream.name, ask.incoming.caller, ask.identity.credential, _read(key))
        until = self._clock() + lasts
        return _Claim(ask.digester.digest("idempotency", whose), _fingerprint(ask), until)

    async def _begin(self, claim: _Claim) -> Note | None:
        """Claim the key; what is known of it, if somebody did before."""
        note = Note(claim.request, "begun", self._process, self._clock())
        try:
            held = await self._durable.claim(claim.key, _encode(note), claim.until)
            found = _decoded(held, claim) if held is not None else None
            if found is not None and found.process == self._process and claim.key in self._never_sent:
                await self._durable.note(claim.key, _encode(note), claim.until)
                found = None
        except StoreError as error:  # it may be kept all the same, its answer lost: but nothing goes out
            self._never_sent[claim.key] = None
            self._on_error("claim", error)
            raise WriteUnrecorded from error
        self._never_sent.pop(claim.key, None)
        return found

    async def _write(self, claim: _Claim, ask: Ask, write: Write) -> Written:
        written = await write(ask)
        try:
            async with asyncio.timeout(KEPT_WITHIN):
                await self._settle(claim, ask, written)
        except (StoreError, TimeoutError) as error:  # who comes again may hear that nobody knows
            if written.outcome is Outcome.NOT_DONE:
                self._never_sent[claim.key] = None
            self._on_error("note", error if isinstance(error, StoreError) else StoreError("timeout"))
            if written.answer is not None:
                written.answer.cache.detail = "answer-unrecorded"
        return written

    async def _settle(self, claim: _Claim, ask: Ask, written: Written) -> None:
        if written.outcome is Outcome.NOT_DONE:
            await self._durable.unclaim(claim.key)
            return
        state = "unknown"
        if written.outcome is Outcome.DONE and written.answer is not None:
            state = "kept" if self._keep(claim, ask, written.answer) else "answered"
        note = Note(claim.request, state, self._process, self._clock())
        await self._durable.note(claim.key, _encode(note), claim.until)
        if state == "kept":  # after the note: that it was carried out is to be known however busy the disk is
            self._durable.hurry()
            await self._durable.flush()

    def _keep(self, claim: _Claim, ask: Ask, answer: Answer) -> bool:
        """Keep an answer for those who come again, on its way to the disk by then; whether it may be kept."""
        plan, now = ask.plan, self._clock()
        if answer.stream is not None or not plan.upstream.terms_accepted:
            return False
        by_terms = _kept_by_terms(ask, answer)
        if not by_terms:
            return False
        ends = min(claim.until, now + plan.upstream.keep_at_most, now + by_terms)
        entry = Entry(
            key=claim.key,
            status=answer.status,
            head=pack_head(without(answer.fields, _NOT_KEPT)),
            body=answer.body,
            stored_at=now,
            life=ShelfLife(inf, ends, ends, ends),
            fence=ask.arrived,  # whoever was erased while it was under way is not kept of it
            sequence=self._shelf.fences.next_sequence(),
            upstream=plan.upstream.name,
            endpoint=plan.name,
            partition=ask.identity.partition,
            tagged=REPLAY,
            plan=plan.version,
        )
        return self._shelf.keep(entry)

    async def _again(self, claim: _Claim, ask: Ask, held: Note) -> Written:
        """What one hears who comes again."""
        if held.request != claim.request:
            raise KeyReused
        if held.state == "answered":
            raise AnswerNotKept
        if held.state == "kept":
            return Written(Outcome.DONE, await self._first_answer(claim))
        if held.state == "begun" and self._may_go_on(ask, held):
            raise WriteUnderWay
        raise OutcomeUnknown

    def _may_go_on(self, ask: Ask, held: Note) -> bool:
        """Whether another process may still be at it. What this one began it knows to be over."""
        if self._is_alone or held.process == self._process:
            return False
        return self._clock() < held.at + _STEPS * ask.plan.timeout.total + _SLACK

    async def _first_answer(self, claim: _Claim) -> Answer:
        try:
            held = self._shelf.look(claim.key)
            entry = held or await self._durable.get(claim.key)
        except StoreError as error:
            self._on_error("get", error)
            raise WriteUnrecorded from error
        now = self._clock()
        if entry is None or entry.life.gone_at <= now or self._shelf.validity(entry) is Validity.HARD:
            raise AnswerNotKept
        status, tier = CacheStatus(hit=True, detail="replayed"), "memory" if held is not None else "durable"
        fields = (*dated_fields(entry), (REPLAYED, "true"))
        return Answer(entry.status, fields, entry.body, status, age=max(0, int(now - entry.stored_at)), tier=tier)


def _kept_by_terms(ask: Ask, answer: Answer) -> float:
    if ask.plan.upstream.adapter.content is None:
        return inf
    try:
        said = parsed(answer.body)
    except TooDeep:
        said = NOT_JSON
    return kept_by_terms(ask.plan, Exchange(ask.sent, answer.status, said))


def _read(value: str) -> str:
    """The key in a header field: an RFC 9651 string, or as many clients send it, without quotes. Raises BadRequest."""
    quoted = _QUOTED.fullmatch(value.strip())
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else value.strip()
    if not 0 < len(key) <= LONGEST or (quoted is None and not _BARE.fullmatch(key)):
        found = f"{len(key)} characters" if not 0 < len(key) <= LONGEST else "blanks, commas or a quote in it"
        raise BadRequest(HEADER, found, f'one string of 1 to {LONGEST} characters, such as "8e03978e-40d5-…"')
    return key


def _fingerprint(ask: Ask) -> bytes:
    """What makes a request the same one: its method, target and body; not whose it is, which is part of the key."""
    secret = names_of(ask.plan.upstream.adapter.credential_places, "query")
    query = without_parameters(ask.incoming.query, secret)
    body = blake2b(ask.incoming.body, digest_size=32).hexdigest()
    content_type = joined(ask.sent.headers, "content-type")
    return ask.digester.digest("idempotent-request", (ask.sent.method, ask.incoming.path, query, content_type, body))
