"""A Redis for the scheduler: the real Lua steps of the fences, run by Lua itself, over a few commands kept in memory.

It stands in for a server because time has to be the scheduler's and because a server has to be copied, lose writes and
get another `run_id` at any moment. fakeredis knows no `INFO` (so no `run_id`), asks the clock of the machine that it
runs on, and takes 2 ms for a step. Nothing expires here: no history is as long as the shortest time to live. The same
steps run against a real server in tests/contracts/test_redis_fences.py.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from typing import Any

from lupa.lua51 import LuaRuntime, lua_type
from redis.exceptions import NoScriptError, ResponseError

from proxy.store import _redis_fence_scripts as scripts

_LUA = LuaRuntime(encoding=None, unpack_returned_tuples=True)
_SCRIPTS = {one.sha_with_flags: one.text for one in vars(scripts).values() if isinstance(one, scripts.Script)}
_SCRIPTS |= {one.sha: one.text for one in vars(scripts).values() if isinstance(one, scripts.Script)}
_RUNS = count(1)

Id = tuple[int, int]


@dataclass
class Stream:
    """Records by id, in order."""

    records: dict[Id, list[bytes]] = field(default_factory=dict)
    last: Id = (0, 0)


class RedisServer:
    """One life of one server."""

    def __init__(self, clock: Callable[[], float], data: dict[bytes, Any] | None = None) -> None:
        """`clock` tells seconds since the epoch; `data` is what it starts with."""
        self._clock = clock
        self.data: dict[bytes, Any] = {} if data is None else data
        self._expiries: dict[bytes, float] = {}
        self._run_id = b"run%d" % next(_RUNS)
        self.waiting: list[tuple[bytes, Id, Callable[[Any], None]]] = []  # who is told of the next record

    def copy(self) -> dict[bytes, Any]:
        """Its data, as a replica or a file has them."""
        return deepcopy(self.data)

    def execute(self, *parts: bytes | str | float) -> Any:
        """What it answers to a command. Raises ResponseError as redis-py does."""
        name, *args = (_as_bytes(part) for part in parts)
        if name in (b"EVAL", b"EVALSHA"):
            text = args[0].decode() if name == b"EVAL" else _SCRIPTS.get(args[0].decode())
            if text is None:
                raise NoScriptError("No matching script.")
            answer = self._evaluate(text, int(args[1]), args[2:])
            self._tell()
            return answer
        if name == b"CONFIG GET":
            return {b"appendonly": b"yes", b"appendfsync": b"always", b"no-appendfsync-on-rewrite": b"no"}
        raise ResponseError(f"unknown command {name!r}")

    def after(self, stream: bytes, last: Id) -> list[Any]:
        """What XREAD finds at once."""
        return _ranged(self._stream(stream), lambda one: one > last)

    def _tell(self) -> None:
        for one in list(self.waiting):
            stream, last, tell = one
            if found := self.after(stream, last):
                self.waiting.remove(one)
                tell([[stream, found]])

    # -- scripts

    def _evaluate(self, text: str, keys: int, args: Sequence[bytes]) -> Any:
        answer = _compiled(text)(
            _LUA.table_from(list(args[:keys])), _LUA.table_from(list(args[keys:])), self._call, _error_reply
        )
        return _from_lua(answer)

    def _call(self, command: bytes, *args: Any) -> Any:
        known = getattr(self, "_" + command.decode().lower())
        return _to_lua(known(*(_as_bytes(arg) for arg in args)))

    def _time(self) -> list[bytes]:
        seconds = self._clock()
        return [b"%d" % int(seconds), b"%d" % int(seconds % 1 * 1e6)]

    def _info(self, section: bytes) -> bytes:
        return {
            b"server": b"redis_version:7.0.15\r\nrun_id:%s\r\n" % self._run_id,
            b"memory": b"maxmemory_policy:noeviction\r\n",
        }[section]

    def _exists(self, key: bytes) -> int:
        return int(key in self.data)

    def _pttl(self, key: bytes) -> int:
        if key not in self.data:
            return -2
        return int(self._expiries.get(key, -0.001) * 1000 - (self._clock() * 1000 if key in self._expiries else 0))

    def _pexpire(self, key: bytes, milliseconds: bytes) -> int:
        if key in self.data:
            self._expiries[key] = self._clock() + float(milliseconds) / 1000
        return int(key in self.data)

    # -- hashes

    def _hash(self, key: bytes) -> dict[bytes, bytes]:
        return self.data.setdefault(key, {})

    def _hget(self, key: bytes, name: bytes) -> bytes | None:
        return self.data.get(key, {}).get(name)

    def _hset(self, key: bytes, *pairs: bytes) -> int:
        self._hash(key).update(zip(pairs[::2], pairs[1::2], strict=True))
        return len(pairs) // 2

    def _hdel(self, key: bytes, name: bytes) -> int:
        return int(self._hash(key).pop(name, None) is not None)

    def _hgetall(self, key: bytes) -> list[bytes]:
        return [part for pair in self.data.get(key, {}).items() for part in pair]

    # -- streams

    def _stream(self, key: bytes) -> Stream:
        return self.data.get(key) or Stream()

    def _xadd(self, key: bytes, given: bytes, *fields: bytes) -> bytes:
        stream = self.data.setdefault(key, Stream())
        if _id(given) <= stream.last:
            raise ResponseError("The ID specified in XADD is equal or smaller than the target stream top item")
        stream.last = _id(given)
        stream.records[stream.last] = list(fields)
        return given

    def _xrange(self, key: bytes, first: bytes, last: bytes, *rest: bytes) -> list[Any]:
        assert last == b"+"
        most = int(rest[1]) if rest else None
        if first == b"-":
            return _ranged(self._stream(key), lambda _: True)[:most]
        return _ranged(self._stream(key), lambda one: one > _id(first.removeprefix(b"(")))[:most]

    def _xrevrange(self, key: bytes, *_: bytes) -> list[Any]:
        return _ranged(self._stream(key), lambda _: True)[-1:]

    def _xlen(self, key: bytes) -> int:
        return len(self._stream(key).records)

    def _xtrim(self, key: bytes, _: bytes, lowest: bytes) -> int:
        old = [one for one in self._stream(key).records if one < _id(lowest)]
        for one in old:
            del self.data[key].records[one]
        return len(old)


def _ranged(stream: Stream, is_wanted: Callable[[Id], bool]) -> list[Any]:
    return [[b"%d-%d" % one, fields] for one, fields in stream.records.items() if is_wanted(one)]


def _id(text: bytes) -> Id:
    number, _, place = text.partition(b"-")
    return int(number), int(place or 0)


@cache
def _compiled(text: str) -> Any:
    lines = text.removeprefix(scripts.FLAGS)
    body = (
        f"function(KEYS, ARGV, call, error_reply) local redis = {{call = call, error_reply = error_reply}} {lines} end"
    )
    return _LUA.eval(body.encode())


def _error_reply(text: bytes) -> Any:
    return _LUA.table_from({b"err": text})


def _as_bytes(part: Any) -> bytes:
    if isinstance(part, bytes):
        return part
    if isinstance(part, float) and part.is_integer():
        part = int(part)
    return str(part).encode()


def _to_lua(answer: Any) -> Any:
    if isinstance(answer, list):
        return _LUA.table_from([_to_lua(one) for one in answer])
    return False if answer is None else answer


def _from_lua(answer: Any) -> Any:
    if lua_type(answer) == "table":
        if answer[b"err"] is not None:
            raise ResponseError(answer[b"err"].decode())
        found = []
        while (one := answer[len(found) + 1]) is not None:
            found.append(_from_lua(one))
        return found
    if isinstance(answer, float):
        return int(answer)
    return None if answer is False else answer
