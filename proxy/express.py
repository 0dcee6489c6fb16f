"""The express lane: a memory hit for a request whose like was answered before, without working anything out again.

Who calls, which endpoint, which key: all of it follows from the request's head, the peer and the config. So what a head
led to once is remembered under a keyed digest of it (no token stays behind), until the config changes; and the bytes of
the answer's head are kept as long as the entry is the same. The entry itself is held by the store alone: what that lets
go of is not to stay here. Whatever is not plain takes the long way.
"""

from collections.abc import Callable
from hashlib import blake2b
from math import floor
from secrets import token_bytes
from typing import NamedTuple

from aiohttp import HttpVersion11, web
from cachetools import LRUCache
from multidict import MultiMapping

from policies import Freshness
from policies.directives import NO_DIRECTIVES
from proxy.answers import Answer, CacheStatus, Cut, dated_fields
from proxy.asking import Ask
from proxy.http.headers import VIA
from proxy.http.links import Bases
from proxy.http.wire import head_of
from proxy.kept.shelf import Shelf
from proxy.messages import Entry
from proxy.responding import appended, carried
from proxy.visits import Runtime

MOST_LANES = 20_000
LARGEST_BODY = 64 * 1024  # bytes that may be handed to the socket without looking whether it keeps up

# A head with one of these leads somewhere else every time, or wants more than what is stored.
_NOT_PLAIN = (
    "Cache-Control",
    "Expect",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Max-Forwards",
    "Pragma",
    "Range",
    "TE",
    "Upgrade",
)


class Lane:
    """What one request head leads to."""

    __slots__ = (
        "ask_key",
        "bases",
        "begins",
        "caller",
        "coding",
        "cut",
        "endpoint",
        "head",
        "runtime",
        "stored_head",
        "upstream",
        "version",
    )

    def __init__(
        self, runtime: Runtime, ask: Ask, key: bytes, bases: Bases, coding: str | None, cut: Cut | None
    ) -> None:
        self.runtime = runtime
        self.ask_key = key
        self.cut = cut
        self.begins = 0  # where in the entry's body the rows begin, if it is cut
        self.version = ask.plan.version
        self.caller = ask.incoming.caller
        self.upstream = ask.plan.upstream.name
        self.endpoint = ask.plan.name
        self.bases = bases
        self.coding = coding  # that its caller takes, or does not mind
        self.stored_head = ""  # of the entry whose head is kept: each entry has one of its own
        self.head = b""


class Express(NamedTuple):
    """A hit, ready to be written."""

    lane: Lane
    answer: Answer
    data: bytes


class ExpressLane:
    """Remembers lanes, and answers from them."""

    def __init__(
        self, shelf: Shelf, clock: Callable[[], float], is_seen_to: Callable[[bytes], bool] = lambda _key: False
    ) -> None:
        """`is_seen_to`: whether what lies under a key is being fetched anew, or not due to be."""
        self._is_seen_to = is_seen_to
        self._shelf = shelf
        self._clock = clock
        self._keyed = blake2b(digest_size=16, key=token_bytes(32))
        self._lanes: LRUCache[bytes, Lane] = LRUCache(MOST_LANES)
        self._tidied = shelf.fences.hard_purges  # how many had been heard of when it was looked through
        self._runtime: Runtime | None = None  # what holds now, and all lanes were opened under

    def follow(self, runtime: Runtime) -> None:
        """What holds from now on: no lane leads anywhere any more, and each would keep its plans."""
        self._runtime, self._lanes = runtime, LRUCache(MOST_LANES)

    def ticket(self, request: web.BaseRequest) -> bytes | None:
        """The digest of a request's head and peer; None for what has to take the long way."""
        if request.method != "GET" or request.version != HttpVersion11 or request.body_exists:
            return None
        transport = request.transport
        if transport is None:
            return None
        parts = [
            request.raw_path.encode("utf-8", "surrogateescape"),
            str(transport.get_extra_info("peername")[0]).encode(),
        ]
        for field in request.raw_headers:
            if field[0] != b"traceparent":
                parts += field
        keyed = self._keyed.copy()
        keyed.update(b"\n".join(parts))  # no part has a line end in it
        return keyed.digest()

    def remember(
        self, ticket: bytes, headers: MultiMapping[str], runtime: Runtime, ask: Ask, answer: Answer, bases: Bases
    ) -> None:
        """Open a lane after a plain hit from memory, for the next request like it. `headers`: all that it had."""
        key = ask.key if answer.cut is None else answer.cut.key
        if key is None or ask.directives != NO_DIRECTIVES or answer.tier != "memory" or not answer.cache.hit:
            return
        stays = all(line.lower() == "keep-alive" for line in headers.getall("Connection", ()))
        if not stays or any(name in headers for name in _NOT_PLAIN):
            return
        entry = self._shelf.look(key)
        if entry is None or answer.status != entry.status or answer.cache.detail:
            return
        if answer.cut is None and (answer.body is not entry.body or ask.plan.endpoint.collection is not None):
            return  # it is cut, decoded or left out for this caller alone; or is a page that others may have overtaken
        if runtime is self._runtime and entry.status == 200 and len(entry.body) <= LARGEST_BODY:
            self._lanes[ticket] = Lane(runtime, ask, key, bases, _coding_of(entry), answer.cut)

    def answer(self, ticket: bytes, runtime: Runtime, traceparent: str) -> Express | None:
        """The hit, if it still is a plain one: touched by no purge, and fresh and not due for a refresh, or
        stale while a refresh is under way, or not due.
        """
        lane = self._lanes.get(ticket)
        if lane is None or lane.runtime is not runtime:
            return None
        entry = self._shelf.look(lane.ask_key)
        if entry is None or entry.status != 200 or entry.plan != lane.version or not entry.head:
            return None
        is_same = lane.stored_head is entry.head
        if not is_same and lane.coding != _coding_of(entry):
            del self._lanes[ticket]  # whether this caller takes the other coding, the long way finds out
            return None
        now, life = self._clock(), entry.life
        if entry.checked < self._shelf.fences.horizon:
            return None
        is_due = now >= life.fresh_until or now >= life.refresh_at
        if is_due and not (self._is_seen_to(lane.ask_key) and life.at(now).value <= Freshness.STALE.value):
            return None
        if not is_same and not self._keep_head(lane, entry):
            del self._lanes[ticket]
            return None
        entry.hit_at = now
        ttl, age = floor(life.fresh_until - now), max(0, int(now - entry.stored_at))
        rest = f"; ttl={ttl}\r\nAge: {age}\r\ntraceparent: {traceparent}\r\n\r\n"
        rows = (entry.body,) if lane.cut is None else (b"[", memoryview(entry.body)[lane.begins :], b"]")
        data = b"".join((lane.head, rest.encode("ascii"), *rows))
        return Express(lane, Answer(200, (), b"", CacheStatus(hit=True, ttl=ttl), age=age, tier="memory"), data)

    def tidy(self) -> None:
        """Let go of the heads of what is stored no more, if anything was purged for good."""
        heard = self._shelf.fences.hard_purges
        if heard == self._tidied:
            return
        self._tidied = heard
        for ticket, lane in list(self._lanes.items()):
            entry = self._shelf.memory.peek(lane.ask_key) if lane.head else None
            if lane.head and (entry is None or entry.head is not lane.stored_head):
                self._lanes.pop(ticket, None)

    def _keep_head(self, lane: Lane, entry: Entry) -> bool:
        """The part of the head that stays the same as long as the entry does, up to its `ttl`; False: this lane does
        not lead there.
        """
        dated, length = dated_fields(entry), len(entry.body)
        if lane.cut is not None:
            cut = lane.cut.again(entry.body, dated)
            if cut is None:
                return False
            dated, lane.begins = cut
            length -= lane.begins - 2  # its brackets
        fields = (
            *carried(dated, lane.bases, {"age", "cache-status", "content-length", "traceparent", "via"}),
            ("Via", appended(dated, "via", VIA)),
            ("Content-Length", str(length)),
            ("Cache-Status", appended(dated, "cache-status", "larder; hit")),
        )
        lane.stored_head, lane.head = entry.head, head_of(200, fields).removesuffix(b"\r\n\r\n")
        return True


def _coding_of(entry: Entry) -> str | None:
    return entry.headers.get("content-encoding")
