"""What stories act on."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.house import House, house, merged
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
async def served() -> AsyncIterator[Callable[..., Awaitable[str]]]:
    """Starts an origin that answers every request by a handler; its URL."""
    runners: list[web.AppRunner] = []

    async def started(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> str:
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", handler)
        runners.append(web.AppRunner(app, access_log=None))
        await runners[-1].setup()
        await web.TCPSite(runners[-1], "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runners[-1].addresses[0][1]}"

    yield started
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
def marked_smarty(served: Callable[..., Awaitable[str]]) -> Callable[..., Awaitable[dict[str, Any]]]:
    """Starts a marked Smarty; what a config says of it."""

    async def started(marked: Marked, more: dict[str, Any] | None = None) -> dict[str, Any]:
        return {"smartystreets": {"base_url": await served(marked.answer), **(more or {})}}

    return started


@pytest.fixture
def at(served: Callable[..., Awaitable[str]]) -> Callable[..., Awaitable[dict[str, Any]]]:
    """Starts a Canvas of one long list (test_collections.Lists); what a config says of it."""

    async def started(lists: Any, **more: Any) -> dict[str, Any]:
        return {"courseworks": merged({"base_url": await served(lists.page)}, more)}

    return started
