"""The Redis behind a URL, one server or a cluster: every call is bounded in time, and every failure is one line."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as CannotConnect
from redis.exceptions import NoScriptError, RedisClusterException, RedisError
from redis.exceptions import TimeoutError as TooLate

from proxy.store._redis_scripts import Script, in_full
from proxy.store._redis_troubles import FAILURES, NO_SUCH_URL, trouble
from proxy.store.contract import StoreError

Client: TypeAlias = Redis | RedisCluster
Word: TypeAlias = bytes | str | int
Command: TypeAlias = Sequence[Word]

STEP = 64  # commands sent at once: to make them bytes takes a millisecond or two of the event loop
LOOK = 500  # keys looked at in one step of a scan

_SCHEMES = {  # redis-py's own scheme; whether it is a cluster
    "redis": ("redis", False),
    "rediss": ("rediss", False),
    "unix": ("unix", False),
    "redis+cluster": ("redis", True),
    "rediss+cluster": ("rediss", True),
}
_SILENCE = (TimeoutError, CannotConnect, TooLate)
# What else of redis-py's options a URL may set. Others (decode_responses, retries, …) are what Larder relies on.
_OPTIONS = frozenset(
    {"db", "username", "password", "client_name", "ssl_ca_certs", "ssl_ca_path", "ssl_cert_reqs", "ssl_certfile"}
    | {"ssl_check_hostname", "ssl_keyfile", "ssl_password"}
)


def connect(url: str, *, timeout: float, connections: int = 100) -> Client:
    """A client for `url`; it does not connect before it is used. Raises StoreError when that is no URL of a Redis.

    `timeout` is in seconds, for a call as a whole: the caller's to enforce (`asyncio.timeout`), and on a cluster, where
    a silent node must leave time for another one, half of it for each step. What fails is never tried again by itself:
    nobody can know whether it was carried out.
    """
    try:
        scheme, rest = url.split(":", 1)
        scheme, is_cluster = _SCHEMES[scheme]
        unknown = {name for name, _ in parse_qsl(urlsplit(url).query)} - _OPTIONS
    except (ValueError, KeyError):
        raise StoreError(f"store.durable {NO_SUCH_URL}") from None
    if unknown:
        raise StoreError(f"the Redis URL has an option that is none of {', '.join(sorted(_OPTIONS))}")
    fixed: dict[str, Any] = {
        "protocol": 2,  # version 3 lets the server say what nobody asked for
        "retry": Retry(NoBackoff(), 0),
        "socket_connect_timeout": timeout / 2,
        "socket_timeout": timeout / 2 if is_cluster else None,
        "max_connections": connections,
        "driver_info": None,  # one round trip less on each new connection
    }
    try:
        if is_cluster:
            # Without the last one, every fifth slot that has moved would close connections that others are using.
            return RedisCluster.from_url(f"{scheme}:{rest}", require_full_coverage=False, reinitialize_steps=0, **fixed)
        client = Redis.from_url(f"{scheme}:{rest}", **fixed)
        client.connection_pool.make_connection()  # type: ignore[no-untyped-call]  # refuses what it does not know; connects to nothing
    except (ValueError, TypeError, RedisError, RedisClusterException):
        raise StoreError(f"store.durable {NO_SUCH_URL}") from None
    return client


class RedisServers:
    """Calls to a Redis. Each raises StoreError, StoreUnavailable if it may be over by itself; none is repeated.

    A task that is cancelled inside a call takes the call's connection with it: an answer still under way is nobody's.
    """

    def __init__(self, url: str, *, timeout: float, at_once: int = 64) -> None:
        """In seconds, `timeout` is how long a call may take. Of more than `at_once`, some wait for others."""
        self._client: Any = connect(url, timeout=timeout, connections=2 * at_once)
        self._is_tls = url.startswith("rediss")
        self.is_cluster = isinstance(self._client, RedisCluster)
        self._timeout = timeout
        self._places = asyncio.Semaphore(at_once)
        self._has_answered = False
        self.failures = 0
        self.last_error: str | None = None

    def __repr__(self) -> str:
        return f"<RedisServers {self.last_error or 'in order'}>"

    @property
    def client(self) -> Client:
        """The client itself, for calls of another kind."""
        client: Client = self._client
        return client

    async def call(self, *command: Word) -> Any:
        """One command, on the server that has its key."""
        async with self._attempt():
            return await self._client.execute_command(*command)

    async def run(self, script: Script, key: bytes, *args: Word) -> Any:
        """A script on one key."""
        command = script(key, *args)
        async with self._attempt():
            try:
                return await self._client.execute_command(*command)
            except NoScriptError:
                return await self._client.execute_command(*in_full(command))

    async def all(self, commands: Sequence[Command]) -> list[Any]:
        """Many commands, some at a time, and their answers; one that was refused has a StoreError for its answer."""
        answers: list[Any] = []
        rest = iter(commands)
        while some := list(islice(rest, STEP)):
            answers += await self._some(some)
        return answers

    async def each(self, *command: Word) -> list[Any]:
        """One command on every master, and their answers."""
        return [await self._on(node, command) for node in await self._masters()]

    async def scan(self, pattern: bytes) -> AsyncGenerator[list[bytes], None]:
        """Keys that fit a glob pattern, in steps; each at least once if it is there all the time, maybe twice."""
        for node in await self._masters():
            cursor = 0
            while True:
                cursors, keys = await self._on(node, ("SCAN", cursor, "MATCH", pattern, "COUNT", LOOK))
                yield keys
                cursor = (
                    next(iter(cursors.values())) if isinstance(cursors, dict) else cursors
                )  # redis-py, on a cluster
                if not cursor:
                    break

    async def close(self) -> None:
        """Let go of all connections."""
        await self._client.aclose()

    async def _on(self, node: dict[str, Any], command: Command) -> Any:
        async with self._attempt():
            return await self._client.execute_command(*command, **node)

    async def _masters(self) -> list[dict[str, Any]]:
        """What to add to a command, so that it goes to one master: for each."""
        if not self.is_cluster:
            return [{}]
        async with self._attempt():
            pass
        return [{"target_nodes": node} for node in self._client.get_primaries()]

    async def _some(self, commands: Sequence[Command]) -> list[Any]:
        async with self._attempt():
            answers = await self._send(commands)
            unknown = [place for place, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
            if unknown:
                again = await self._send([in_full(commands[place]) for place in unknown])
                for place, answer in zip(unknown, again, strict=True):
                    answers[place] = answer
        return [self._failed(answer) if isinstance(answer, Exception) else answer for answer in answers]

    async def _send(self, commands: Sequence[Command]) -> list[Any]:
        pipeline = self._client.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        answers: list[Any] = await pipeline.execute(raise_on_error=False)
        for answer in answers:
            if isinstance(answer, _SILENCE):
                raise answer  # of a cluster, one server is lost: its part was not carried out, or nobody knows
        return answers

    @asynccontextmanager
    async def _attempt(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._timeout), self._places:
                if self.is_cluster:  # else redis-py would ask anyone for anything
                    await self._client.initialize()
                yield
        except FAILURES as error:
            failed = self._failed(error)
            if self.is_cluster and isinstance(error, _SILENCE):
                await self._forget_cluster()
            raise failed from None  # what Redis says may hold what it was asked
        self._has_answered = True
        self.last_error = None

    async def _forget_cluster(self) -> None:
        """Whoever is silent may be no master any more: the next call asks the cluster anew who is."""
        try:
            async with asyncio.timeout(self._timeout):
                await self._client.aclose()
        except FAILURES as error:
            self._failed(error)

    def _failed(self, error: BaseException) -> StoreError:
        failed = trouble(error, is_tls=self._is_tls, has_answered=self._has_answered)
        self.failures += 1
        self.last_error = str(failed)
        return failed
