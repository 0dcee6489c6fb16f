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
from proxy.settings import CallbackBlock
from proxy.upstream.messages import Outgoing, ReadUpTo, Reply, TransportError

PATIENCE = 10.0  # seconds for each attempt
WAITS = (0.0, 5.0, 30.0, 300.0, 1800.0)  # seconds before each attempt
MOST_UNDER_WAY = 1000
_GONE = 410  # Standard Webhooks: whoever answers so wants no more of them

Send = Callable[[Outgoing, float, ReadUpTo], Awaitable[Reply]]


class Observer(Protocol):
    """Who wants to know."""

    def callback(self, outcome: str) -> None:
        """One was taken, or given up. `outcome`: a fixed word."""


class Callbacks:
    """Tells of jobs that ended. Nothing waits for it."""

    def __init__(
        self,
        send: Send,
        listed: Callable[[], Iterable[CallbackBlock]],
        observer: Observer,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        """`listed`: as the config says now. `clock` tells seconds since the epoch."""
        self._send = send
        self._listed = listed
        self._observer = observer
        self._clock = clock
        self._sleep = sleep
        self._tasks: set[asyncio.Task[None]] = set()

    def tell(self, url: str | None, job_id: str, state: str) -> None:
        """Tell a URL that a job ended, if one is to be told."""
        if url is None:
            return
        if len(self._tasks) >= MOST_UNDER_WAY:
            self._observer.callback("dropped")
            return
        task = asyncio.create_task(self._told(url, job_id, state))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self) -> None:
        """Wait until all that are under way are taken, or given up."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def stop(self) -> None:
        """Give up those under way."""
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _told(self, url: str, job_id: str, state: str) -> None:
        body = message(job_id, state, self._clock())
        for wait in WAITS:
            await self._sleep(wait)
            status = await self._attempt(url, f"job_{job_id}", body)
            if status is None or status == _GONE:
                self._observer.callback("unlisted" if status is None else "unwanted")
                return
            if 200 <= status < 300:
                self._observer.callback("taken")
                return
        self._observer.callback("given-up")

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
