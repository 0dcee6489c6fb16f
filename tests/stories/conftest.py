"""What stories act on."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.house import House, house
from tests.stories.marked_smarty import Marked

Open = Callable[..., AbstractAsyncContextManager[House]]


@pytest.fixture(autouse=True)
def slow_machines_miss_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stories count calls: a store that waited a moment for its turn on a busy machine is not one that is slow."""
    monkeypatch.setattr("proxy.kept.shelf.RECALL_TIMEOUT", 5.0)


@pytest.fixture
def larder(tmp_path: Path) -> Open:
    """A whole house; more config may be said."""

    @asynccontextmanager
    async def opened(**more: Any) -> AsyncIterator[House]:
        async with house(tmp_path, **more) as built:
            yield built

    return opened


@pytest.fixture
async def marked_smarty() -> AsyncIterator[Callable[..., Awaitable[dict[str, Any]]]]:
    """Starts a marked Smarty; what a config says of it."""
    runners: list[web.AppRunner] = []

    async def started(marked: Marked, more: dict[str, Any] | None = None) -> dict[str, Any]:
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", marked.answer)
        runners.append(web.AppRunner(app, access_log=None))
        await runners[-1].setup()
        await web.TCPSite(runners[-1], "127.0.0.1", 0).start()
        base_url = f"http://127.0.0.1:{runners[-1].addresses[0][1]}"
        return {"smartystreets": {"base_url": base_url, **(more or {})}}

    yield started
    for runner in runners:
        await runner.cleanup()
