"""Carries notifications to whoever listens: once, twice, late, after the next one, or not at all, as asked."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import ClientError

if TYPE_CHECKING:
    from sandbox.state import Sandbox

RETRIES = 3  # UPSTREAMS.md §3.1
FIRST_PAUSE = 1.0  # seconds, doubled each time; Canvas spreads its tries over 10 to 20 minutes


@dataclass(frozen=True)
class Notification:
    """One payload for some targets; `copies`: how often it is sent."""

    payload: bytes
    content_type: str
    targets: tuple[str, ...]
    headers: dict[str, str] = field(default_factory=dict)
    copies: int = 1
    is_retried: bool = False


async def deliver(sandbox: "Sandbox", notification: Notification) -> list[dict[str, Any]]:
    """Sends it to every target; one row per try, with the status or the reason why there was none."""
    rows = []
    for _ in range(notification.copies):
        for url in notification.targets:
            rows += await _to_one(sandbox, url, notification)
    held, sandbox.canvas.held = sandbox.canvas.held, []
    for other in held:
        rows += await deliver(sandbox, other)
    return rows


async def _to_one(sandbox: "Sandbox", url: str, notification: Notification) -> list[dict[str, Any]]:
    rows = [await _try(sandbox, url, notification)]
    pause = FIRST_PAUSE
    while notification.is_retried and len(rows) <= RETRIES and not _is_taken(rows[-1]):
        await sandbox.sleep(pause)
        pause *= 2
        rows.append(await _try(sandbox, url, notification))
    return rows


def _is_taken(row: dict[str, Any]) -> bool:
    return row["status"] is not None and 200 <= row["status"] < 300


async def _try(sandbox: "Sandbox", url: str, notification: Notification) -> dict[str, Any]:
    headers = {"content-type": notification.content_type, **notification.headers}
    try:
        async with sandbox.http.post(url, data=notification.payload, headers=headers, allow_redirects=False) as answer:
            return {"url": url, "status": answer.status}
    except (ClientError, OSError, TimeoutError) as error:
        return {"url": url, "status": None, "error": type(error).__name__}


def in_background(sandbox: "Sandbox", work: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Starts it; a reset and the end of the application cancel it."""

    async def run() -> None:
        await work()

    task = asyncio.create_task(run())
    sandbox.running.add(task)
    task.add_done_callback(sandbox.running.discard)


async def finish_deliveries(sandbox: "Sandbox") -> None:
    """Ends those still under way: a delayed notification does not hold up a stop."""
    tasks = list(sandbox.running)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
