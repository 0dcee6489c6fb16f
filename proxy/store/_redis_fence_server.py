"""The one Redis server that has the fences of a deployment: its steps, each with a time-out, and what went wrong."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from redis.asyncio.cluster import RedisCluster
from redis.exceptions import ConnectionError as CannotConnect
from redis.exceptions import NoScriptError, ResponseError
from redis.exceptions import TimeoutError as TooLate

from policies import DAY
from proxy.store import _redis_fence_scripts as scripts
from proxy.store._redis_client import Client
from proxy.store._redis_fence_scripts import Script
from proxy.store._redis_troubles import FAILURES, NOT_OF_ONE_KEY, PREFIX_TAKEN, TOO_NEW
from proxy.store.coherence import Position, State
from proxy.store.contract import StoreError
from proxy.store.purges import Heard, Mode

BROKEN = (*FAILURES, StoreError)  # what any step may raise; `trouble` makes a line of it
SLICE = 1000  # records at a time
_HAS_FLAGS = (7, 0)

_T = TypeVar("_T")
_REFUSED = {
    "LARDERFOREIGN": PREFIX_TAKEN,
    "LARDERFORMAT": TOO_NEW,
    "LARDERSECRET": NOT_OF_ONE_KEY,
}  # by the scripts themselves


@dataclass(frozen=True)
class FenceTerms:
    """How an instance shares fences with others: the same for its ledgers and its follower."""

    prefix: str
    instance: str  # which machine this is; another one after each start
    window: float = 1.0  # seconds within which an instance has to confirm, or serves nothing as current
    keep: float = 91 * DAY  # seconds that records of purges are kept: as long as any entry, and a day
    wait_replicas: int = 0  # how many replicas have to have a purge before it is durable
    most_records: int = 1_000_000  # beyond it the oldest become a floor
    patience: float = 0.5  # seconds for one step
    secret: str = ""  # what the secret is known by that tags are digested under
    takes_over: bool = True  # from Larders of another secret, that are being replaced


class Record(NamedTuple):
    """A purge as Redis has it."""

    position: Position
    heard: Heard


class FenceServer:
    """Steps of the fences on the server that has their keys; on a cluster, on the master of their slot.

    Every step raises one of `BROKEN` when it could not be carried out, or nobody knows whether it was.
    """

    def __init__(self, redis: Client, terms: FenceTerms) -> None:
        """`redis` must not decode answers; on a cluster its `socket_timeout` has to be below `terms.patience`."""
        self._redis: Any = redis  # redis-py leaves execute_command untyped
        self._terms = terms
        self._keys = [f"{{{terms.prefix}}}:{name}" for name in ("fence", "purges", "instances")]
        self._flags = ""
        self.version = (0, 0)  # as of the last look
        self._keep = int(terms.keep * 1000)
        self._window = int(terms.window * 1000)

    def __repr__(self) -> str:
        return f"<FenceServer {self._keys[0]}>"

    async def inspect(self) -> None:
        """Look what kind of server it is. Raises StoreError for one that may forget purges when it is full."""
        version, policy = await self._run(scripts.INSPECT)
        major, minor, *_ = (int(part) for part in version.decode().split("."))
        self.version = (major, minor)
        self._flags = scripts.FLAGS if self.version >= _HAS_FLAGS else ""
        if policy != b"noeviction":
            raise StoreError(
                f"Redis may evict records of purges: set maxmemory-policy to noeviction, not {_text(policy)}"
            )

    async def join(self, heard: int, known: int, epoch: int = 0) -> State:
        """Make the counter where there is none, and raise it to the highest number this instance knows of. `heard` is
        the highest it has from Redis, `epoch` that of those numbers; 0: none.

        Whoever comes with another secret for the first time takes over, and nothing from before counts; who had joined
        is refused then, until none of the others lives any more.
        """
        takes_over = (1 if epoch else 2) if self._terms.takes_over else 0
        return _state(await self._run(scripts.JOIN, heard, known, self._keep, epoch, takes_over))

    async def read(self, after: Position) -> list[Record]:
        """The records after a position, a slice of them."""
        return _records(await self._run(scripts.READ, str(after), SLICE))

    async def read_on(self, after: Position) -> AsyncIterator[list[Record]]:
        """All records after a position, in slices."""
        while records := await self.read(after):
            yield records
            after = records[-1].position

    async def follow(self, heard: Position, known: int) -> tuple[State, float, list[Record]]:
        """Confirm all up to `heard`: what Redis says, for how many seconds there has been more, and that."""
        args = (self._terms.instance, str(heard), known, self._window, self._keep, SLICE)
        if self._terms.wait_replicas:
            wait = ("WAIT", self._terms.wait_replicas, self._window // 2)
            (state, lag, records), replicas = await self._run_and(scripts.FOLLOW, args, wait)
            if isinstance(replicas, Exception):
                raise replicas
            if replicas < self._terms.wait_replicas:
                raise StoreError("Redis has not enough replicas that follow it")
        else:
            state, lag, records = await self._run(scripts.FOLLOW, *args)
        return _state(state), lag / 1000, _records(records)

    async def wait(self, after: Position, seconds: float) -> None:
        """Wait until there is a record after a position, or time is up."""
        block = max(1, int(seconds * 1000))
        await self._within(
            seconds + self._terms.patience,
            self._redis.execute_command("XREAD", "COUNT", 1, "BLOCK", block, "STREAMS", self._keys[1], str(after)),
        )

    async def leave(self) -> None:
        """Nobody has to wait for this instance any more."""
        await self._run(scripts.LEAVE, self._terms.instance)

    async def purge(self, purges: Sequence[tuple[bytes, Mode, float]], known: int) -> tuple[State, int]:
        """Give a purge of tag digests, each with its mode and settle (seconds), a number, which is the state's.

        Also how many instances have not confirmed it.
        """
        flat = [part for tag, mode, settle in purges for part in (tag, mode.value, settle)]
        terms = self._terms
        args = (terms.instance, known, self._window, self._keep, terms.most_records, *flat)
        state, waiting = await self._run(scripts.PURGE, *args)
        return _state(state), waiting

    async def raise_floor(self, mode: Mode, known: int) -> State:
        """Purge everything fetched so far."""
        return _state(await self._run(scripts.RAISE_FLOOR, known, mode.value, self._keep))

    async def unconfirmed(self, number: int) -> int:
        """How many other instances may serve from memory and have not confirmed a purge."""
        return int(await self._run(scripts.UNCONFIRMED, number, self._terms.instance, self._window))

    async def stamp(self, purged: State, *commands: tuple[str | int, ...]) -> list[Any] | None:
        """Carry out commands on the connection of a write that is later than a purge; None: on another server by now.

        A command that was refused has its exception as its answer.
        """
        stamped, *answers = await self._run_and(scripts.STAMP, (purged.number, purged.run), *commands)
        return answers if stamped == 1 else None

    async def _run(self, script: Script, *args: bytes | str | float) -> Any:
        return await self._within(self._terms.patience, self._try_twice(script, args))

    async def _try_twice(self, script: Script, args: Sequence[bytes | str | float]) -> Any:
        """Every step may be taken twice, so a connection that died unnoticed, or a master that moved, costs nothing."""
        try:
            return await self._evaluate(script, args)
        except (CannotConnect, TooLate):
            return await self._evaluate(script, args)

    async def _evaluate(self, script: Script, args: Sequence[bytes | str | float]) -> Any:
        sha, secret = script.sha_with_flags if self._flags else script.sha, self._terms.secret
        try:
            return await self._redis.execute_command("EVALSHA", sha, len(self._keys), *self._keys, *args, secret)
        except NoScriptError:
            text = self._flags + script.text
            return await self._redis.execute_command("EVAL", text, len(self._keys), *self._keys, *args, secret)

    async def _run_and(
        self, script: Script, args: Sequence[bytes | str | float], *commands: tuple[str | int, ...]
    ) -> list[Any]:
        """A step and commands after it, all on one connection."""
        target: dict[str, Any] = {}
        if isinstance(self._redis, RedisCluster):
            await self._redis.initialize()
            target["target_nodes"] = self._redis.get_node_from_key(self._keys[0])
        pipeline = self._redis.pipeline(transaction=False)
        text = self._flags + script.text
        pipeline.execute_command("EVAL", text, len(self._keys), *self._keys, *args, self._terms.secret, **target)
        for command in commands:
            pipeline.execute_command(*command, **target)
        longest = max((part for command in commands for part in command[-1:] if isinstance(part, int)), default=0)
        answers: list[Any] = await self._within(
            self._terms.patience + longest / 1000, pipeline.execute(raise_on_error=False)
        )
        if isinstance(answers[0], Exception):
            raise answers[0]
        return answers

    async def _within(self, seconds: float, step: Awaitable[_T]) -> _T:
        try:
            async with asyncio.timeout(seconds):
                answer = await step
        except ResponseError as error:
            raise next((StoreError(line) for code, line in _REFUSED.items() if code in str(error)), error) from None
        except TimeoutError:
            if isinstance(self._redis, RedisCluster):
                await self._redis.aclose()  # whoever is silent may be master no more: ask the cluster anew
            raise
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError  # before Python 3.12, wait_for in redis-py may swallow it
        return answer


def _state(said: Sequence[Any]) -> State:
    run, epoch, number, soft, hard, at, top = said
    return State(_text(run), epoch, number, soft, hard, at / 1000, Position.parse(top))


def _records(said: Sequence[Any]) -> list[Record]:
    """Raises StoreError for what Larder cannot have written: what it purges is not known."""
    try:
        return [_record(position, fields) for position, fields in said]
    except (ValueError, KeyError) as error:
        raise StoreError("another program writes to the stream of purges") from error


def _record(said: bytes, fields: Sequence[bytes]) -> Record:
    position = Position.parse(said)
    of = dict(zip(fields[::2], fields[1::2], strict=True))
    heard = Heard(position.number, Mode(_text(of[b"mode"])), of[b"tag"], float(of[b"at"]), float(of[b"until"]))
    return Record(position, heard)


def _text(said: bytes) -> str:
    return said.decode("ascii", "replace")
