"""The express lane: a memory hit for a request whose like was answered before, without working anything out again.

Who calls, which endpoint, which key: all of it follows from the request's head, the peer and the config. So what a head
led to once is remembered under a keyed digest of it (no token stays behind), until the config changes; and the bytes of
the answer's head are kept as long as the entry is the same. Whatever is not plain takes the long way.
"""

from collections.abc import Callable
from hashlib import blake2b
from math import floor
from secrets import token_bytes
from typing import NamedTuple

from aiohttp import HttpVersion11, web
from cachetools import LRUCache

from policies.directives import NO_DIRECTIVES
from proxy.answers import Answer, CacheStatus, dated_fields
from proxy.asking import Ask
from proxy.links import Bases, rewritten
from proxy.messages import Entry
from proxy.shelf import Shelf
from proxy.visits import Runtime

MOST_LANES = 20_000
LARGEST_BODY = 64 * 1024  # bytes that may be handed to the socket without looking whether it keeps up


class Lane:
    """What one request head leads to."""

    __slots__ = ("ask_key", "bases", "caller", "endpoint", "entry", "head", "runtime", "upstream", "version")

    def __init__(self, runtime: Runtime, ask: Ask, key: bytes, bases: Bases) -> None:
        self.runtime = runtime
        self.ask_key = key
        self.version = ask.plan.version
        self.caller = ask.incoming.caller
        self.upstream = ask.plan.upstream.name
        self.endpoint = ask.plan.name
        self.bases = bases
        self.entry: Entry | None = None  # whose head is kept
        self.head = b""


class Express(NamedTuple):
    """A hit, ready to be written."""

    lane: Lane
    answer: Answer
    data: bytes


class RawResponse(web.StreamResponse):
    """A whole answer as bytes, for aiohttp to hand on."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._data = data

    @property
    def keep_alive(self) -> bool:
        """Only requests that keep their connection come this way."""
        return True

    async def prepare(self, request: web.BaseRequest) -> None:
        """Write everything at once."""
        if self._data and request.transport is not None:
            data, self._data = self._data, b""
            request.transport.write(data)

    async def write_eof(self, data: bytes = b"") -> None:
        """It is written already."""


class ExpressLane:
    """Remembers lanes, and answers from them."""

    def __init__(self, shelf: Shelf, clock: Callable[[], float]) -> None:
        self._shelf = shelf
        self._clock = clock
        self._secret = token_bytes(32)
        self._lanes: LRUCache[bytes, Lane] = LRUCache(MOST_LANES)

    def ticket(self, request: web.BaseRequest) -> bytes | None:
        """The digest of a request's head and peer; None for what has to take the long way."""
        if request.method != "GET" or request.version != HttpVersion11 or request.body_exists:
            return None
        transport, headers = request.transport, request.headers
        if transport is None or "Connection" in headers or "Cache-Control" in headers or "Pragma" in headers:
            return None
        parts = [
            request.raw_path.encode("utf-8", "surrogateescape"),
            str(transport.get_extra_info("peername")[0]).encode(),
        ]
        for name, value in request.raw_headers:
            if name != b"traceparent":
                parts.append(name)
                parts.append(value)
        lengths = b",".join([b"%d" % len(part) for part in parts])
        return blake2b(lengths + b"".join(parts), digest_size=16, key=self._secret).digest()

    def remember(self, ticket: bytes, runtime: Runtime, ask: Ask, answer: Answer, bases: Bases) -> None:
        """Open a lane after a plain hit from memory, for the next request like it."""
        if ask.key is None or ask.directives != NO_DIRECTIVES or answer.tier != "memory" or not answer.cache.hit:
            return
        entry = self._shelf.look(ask.key)
        if entry is not None and entry.status == 200 and len(entry.body) <= LARGEST_BODY:
            self._lanes[ticket] = Lane(runtime, ask, ask.key, bases)

    def answer(self, ticket: bytes, runtime: Runtime, traceparent: str) -> Express | None:
        """The hit, if it still is a plain one: fresh, not due for a refresh, and touched by no purge."""
        lane = self._lanes.get(ticket)
        if lane is None or lane.runtime is not runtime:
            return None
        entry = self._shelf.look(lane.ask_key)
        if entry is None or entry.status != 200 or entry.plan != lane.version:
            return None
        now, life = self._clock(), entry.life
        if now >= life.fresh_until or now >= life.refresh_at or entry.checked < self._shelf.fences.number:
            return None
        if lane.entry is not entry:
            self._keep_head(lane, entry)
        ttl, age = floor(life.fresh_until - now), max(0, int(now - entry.stored_at))
        status = f"Age: {age}\r\nCache-Status: larder; hit; ttl={ttl}\r\ntraceparent: {traceparent}\r\n\r\n"
        data = b"".join((lane.head, status.encode("ascii"), entry.body))
        return Express(lane, Answer(200, (), b"", CacheStatus(hit=True, ttl=ttl), age=age, tier="memory"), data)

    def _keep_head(self, lane: Lane, entry: Entry) -> None:
        """The part of the head that stays the same as long as the entry does."""
        lines = ["HTTP/1.1 200 OK"]
        for name, value in rewritten(dated_fields(entry), lane.bases):
            if name.lower() not in ("content-length", "cache-status", "age", "traceparent"):
                lines.append(f"{name}: {value}")
        lines.append(f"Content-Length: {len(entry.body)}\r\n")
        lane.entry, lane.head = entry, "\r\n".join(lines).encode("utf-8", "surrogateescape")
