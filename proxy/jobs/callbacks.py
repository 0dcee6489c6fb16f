"""Callbacks: that a job has ended, told to a URL that the operator has listed, signed (Standard Webhooks 1.0.0).

They say which job and what became of it, and nothing else: whoever wants its result asks for it, as itself.
"""

import asyncio
import base64
import hmac
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from policies.http.fields import Fields
from proxy.changes.standard_webhooks import secret_bytes
from proxy.jobs.owed import Callback, Held, Owed
from proxy.settings import CallbackBlock
from proxy.upstream.messages import Outgoing, ReadUpTo, Reply, TransportError

PATIENCE = 10.0  # seconds for each attempt
WAITS = (0.0, 5.0, 30.0, 300.0, 1800.0)  # seconds before each attempt
MOST_UNDER_WAY = 1000
_GONE = 410  # Standard Webhooks: whoever answers so wants no more of them
_OUTCOMES = {None: "unlisted", _GONE: "unwanted"}

Send = Callable[[Outgoing, float, ReadUpTo], Awaitable[Reply]]


class Observer(Protocol):
    """Who wants to know."""

    def callback(self, outcome: str) -> None:
        """One was taken, or given up. `outcome`: a fixed word."""


class Callbacks:
    """Tells of jobs that ended. Nothing waits for it to be heard."""

    def __init__(
        self,
        send: Send,
        listed: Callable[[], Iterable[CallbackBlock]],
        owed: Owed,
        observer: Observer,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        """`listed`: as the config says now. `owed`: where it is written down who is still to be told. `clock` tells
        seconds since the epoch.
        """
        self._send = send
        self._listed = listed
        self._owed = owed
        self._observer = observer
        self._clock = clock
        self._sleep = sleep
        self._tasks: dict[asyncio.Task[None], bytes] = {}  # of each job

    async def tell(self, job: bytes, url: str | None, job_id: str, state: str) -> None:
        """Tell a URL that a job ended, if one is to be told; `job`: the key of its record. When this returns it is
        written down, where that may be.
        """
        if url is None:
            return
        held = await self._owed.begin(Callback(job, job_id, url, state, self._clock()), PATIENCE)
        if held is not None:
            self._start(held)

    async def look(self) -> None:
        """Go on with those that another process left. Raises StoreError."""
        for held in await self._owed.passed(set(self._tasks.values()), PATIENCE):
            self._start(held)

    async def drain(self) -> None:
        """Wait until all that are under way are taken, or given up."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def stop(self) -> None:
        """Let go of those under way: what is written down, another process goes on with."""
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, held: Held) -> None:
        if len(self._tasks) >= MOST_UNDER_WAY:
            if held.note is None:
                self._observer.callback("dropped")
            return  # else its turn passes, and somebody has room then
        task = asyncio.create_task(self._told(held))
        self._tasks[task] = held.callback.job
        task.add_done_callback(lambda done: self._tasks.pop(done, None))

    async def _told(self, held: Held) -> None:
        """Try until it is heard; the first time now."""
        callback, outcome = held.callback, "given-up"
        body = message(callback.id, callback.state, callback.at)
        for tries in range(held.turn.tries, len(WAITS)):
            status = await self._attempt(callback.url, f"job_{callback.id}", body)
            if status is None or status == _GONE or 200 <= status < 300:
                outcome = _OUTCOMES.get(status, "taken")
                break
            if tries + 1 < len(WAITS):
                mine = await self._owed.go_on(held, tries + 1, WAITS[tries + 1] + PATIENCE)
                if mine is None:
                    return  # another process goes on with it
                held = mine
                await self._sleep(WAITS[tries + 1])
        self._observer.callback(outcome)
        await self._owed.over(held)

    async def _attempt(self, url: str, message_id: str, body: bytes) -> int | None:
        """The status of the answer; 0: none came; None: the config does not list this URL any more."""
        block = next((one for one in self._listed() if one.url == url), None)
        if block is None:
            return None
        fields = signed(block.secret, message_id, int(self._clock()), body)
        outgoing = Outgoing("POST", url, fields, body, is_safe=False, decode=False)
        try:
            reply = await self._send(outgoing, PATIENCE, lambda _status, _headers: 0)
        except TransportError:
            return 0
        if reply.stream is not None:
            await reply.stream.close()
        return reply.status


def message(job_id: str, state: str, now: float) -> bytes:
    """What is told, in the shape that Standard Webhooks recommend."""
    timestamp = datetime.fromtimestamp(now, UTC).isoformat()
    return msgspec.json.encode({"type": "job.ended", "timestamp": timestamp, "data": {"id": job_id, "status": state}})


def signed(secret: str, message_id: str, timestamp: int, body: bytes) -> Fields:
    """The header fields of a message: signed over its id, its time (seconds since the epoch) and its body."""
    text = f"{message_id}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.digest(secret_bytes(secret), text, "sha256")).decode()
    return (
        ("Content-Type", "application/json"),
        ("webhook-id", message_id),
        ("webhook-timestamp", str(timestamp)),
        ("webhook-signature", f"v1,{signature}"),
    )
