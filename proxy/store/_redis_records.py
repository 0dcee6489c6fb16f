"""What is remembered in Redis beside entries: notifications seen, what enrollments belong to, whom principals are."""

from collections.abc import Callable, Collection, Sequence
from contextlib import aclosing
from math import ceil

import msgspec

from adapters import Link
from proxy.store import _redis_scripts as scripts
from proxy.store._redis_client import RedisServers
from proxy.store._redis_keys import Keys
from proxy.store.codec import as_bytes, as_text
from proxy.store.contract import Forgotten

_STEP = 1000  # bindings looked at in one step

_encode = msgspec.msgpack.encode
_decode_link = msgspec.msgpack.Decoder(tuple[bytes, bytes]).decode
_decode_binding = msgspec.msgpack.Decoder(tuple[bytes, float]).decode


class RedisRecords:
    """Small things, each under a key that expires."""

    def __init__(self, servers: RedisServers, keys: Keys, clock: Callable[[], float], keep: float) -> None:
        """`keep` is how long links and bindings are kept since they were last learned, in seconds."""
        self._servers, self._keys, self._clock, self._keep = servers, keys, clock, keep

    async def mark(self, source: str, token: str, until: float) -> bool:
        """Remember a notification; False if it is remembered already."""
        now = self._clock()
        left = max(1, _milliseconds(until - now))
        key = self._keys.mark(source, token)
        return bool(await self._servers.run(scripts.MARK, key, _milliseconds(until), _milliseconds(now), left))

    async def marked(self, source: str, token: str) -> bool:
        """Whether a notification is remembered."""
        until = await self._servers.call("GET", self._keys.mark(source, token))
        return until is not None and until.isdigit() and int(until) > _milliseconds(self._clock())

    async def claim(self, key: bytes, note: bytes, until: float) -> bytes | None:
        """Keep a note, unless one is kept: then that one."""
        held = await self._servers.run(scripts.CLAIM, self._keys.note(key), note, self._left(until))
        return None if held is None else bytes(held)

    async def note(self, key: bytes, note: bytes, until: float) -> None:
        """Keep a note in place of what is kept."""
        await self._servers.call("SET", self._keys.note(key), note, "PX", self._left(until))

    async def noted(self, key: bytes) -> bytes | None:
        """A note, if one is kept."""
        held = await self._servers.call("GET", self._keys.note(key))
        return None if held is None else bytes(held)

    async def exchange(self, key: bytes, held: bytes, note: bytes, until: float) -> bool:
        """Keep a note in place of the one that is `held`, if it is."""
        return bool(await self._servers.run(scripts.EXCHANGE, self._keys.note(key), held, note, self._left(until)))

    async def unclaim(self, key: bytes) -> None:
        """Forget a note."""
        await self._servers.call("DEL", self._keys.note(key))

    async def learn(self, upstream: str, links: Sequence[Link]) -> None:
        """Keep links."""
        keep = _milliseconds(self._keep)
        commands = [
            ("SET", self._keys.link(upstream, link.enrollment), _encode((as_bytes(link.user), as_bytes(link.course))))
            for link in links
        ]
        for answer in await self._servers.all([(*command, "PX", keep) for command in commands]):
            if isinstance(answer, Exception):
                raise answer

    async def find_link(self, upstream: str, enrollment: str) -> Link | None:
        """The user and course of an enrollment."""
        value = await self._servers.call("GET", self._keys.link(upstream, enrollment))
        try:
            return None if value is None else Link(enrollment, *map(as_text, _decode_link(value)))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    async def bind(self, partition: str, user: str) -> None:
        """Keep which upstream user a principal is."""
        value = _encode((as_bytes(user), self._clock() + self._keep))
        await self._servers.run(
            scripts.BIND, self._keys.bindings, as_bytes(partition), value, _milliseconds(self._keep)
        )

    async def bindings(self) -> dict[str, str]:
        """All principals and their users."""
        now = self._clock()
        held = await self._servers.call("HGETALL", self._keys.bindings)
        read = {field: _binding(value) for field, value in held.items()}
        return {as_text(field): user for field, (user, until) in read.items() if until > now}

    async def forget_person(self, users: Collection[str]) -> Forgotten:
        """Drop the links of these users, and the bindings to them. Names tell no upstream, so of a user of that id
        elsewhere too: what is dropped is learned again.
        """
        links = 0
        async with aclosing(self._servers.scan(self._keys.all_links)) as steps:
            async for names in steps:
                links += await self._drop_links(list(dict.fromkeys(names)), users)
        held = await self._servers.call("HGETALL", self._keys.bindings)
        gone = [field for field, value in held.items() if _binding(value)[0] in users]
        if gone:
            await self._servers.call("HDEL", self._keys.bindings, *gone)
        return Forgotten(links, len(gone))

    async def _drop_links(self, names: Sequence[bytes], users: Collection[str]) -> int:
        if not names:
            return 0
        values = await self._servers.all([("GET", name) for name in names])
        gone = [name for name, value in zip(names, values, strict=True) if _user_of(value) in users]
        for answer in await self._servers.all([("DEL", name) for name in gone]) if gone else ():
            if isinstance(answer, Exception):
                raise answer
        return len(gone)

    def _left(self, until: float) -> int:
        return max(1, _milliseconds(until - self._clock()))

    async def forget(self) -> None:
        """Drop bindings that nobody has learned again for so long."""
        now, cursor = self._clock(), 0
        while True:
            cursor, held = await self._servers.call("HSCAN", self._keys.bindings, cursor, "COUNT", _STEP)
            gone = [field for field, value in held.items() if _binding(value)[1] <= now]
            if gone:
                await self._servers.call("HDEL", self._keys.bindings, *gone)
            if not cursor:
                return


def _user_of(value: object) -> str | None:
    """The user of a link; None where it is none. Raises what reading it raised."""
    if isinstance(value, Exception):
        raise value
    try:
        return as_text(_decode_link(value)[0]) if isinstance(value, bytes) else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _binding(value: bytes) -> tuple[str, float]:
    """A user, and until when; what cannot be read is over."""
    try:
        user, until = _decode_binding(value)
        return as_text(user), until
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "", 0.0


def _milliseconds(seconds: float) -> int:
    return ceil(seconds * 1000)
