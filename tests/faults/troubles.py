"""Troubles: what goes wrong between an upstream's name and the last octet of its answer."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from unittest.mock import patch

from tests.faults.certificates import Authority
from tests.faults.places import Place
from tests.faults.playing import Trouble
from tests.faults.scene import Scene


def struck(kind: str, **more: Any) -> Trouble:
    """A fault of the sandbox, at its first place."""

    @asynccontextmanager
    async def trouble(there: Scene) -> AsyncIterator[None]:
        there.place.fail(there.provider.side, kind, **more)
        yield
        there.place.heal()

    return trouble


@asynccontextmanager
async def nobody_listens(there: Scene) -> AsyncIterator[None]:
    """Connections are refused."""
    await there.place.switch_off()
    yield
    await there.place.switch_on()


@asynccontextmanager
async def without_retry_info(there: Scene) -> AsyncIterator[None]:
    """Google throttles without a word on when."""
    url = f"{there.place.url}/_sandbox/settings"
    async with there.session.post(url, json={"google": {"retry_info": False}}) as response:
        assert response.status == 200
    async with struck("throttle")(there):
        yield


@asynccontextmanager
async def hangs_while_time_goes_on(there: Scene) -> AsyncIterator[None]:
    """No answer comes, and Larder's clock shows that each call took a while."""
    healed = asyncio.Event()

    async def sleep(_seconds: float) -> None:
        there.clock.advance(0.16)  # more than half of what all attempts may take
        await healed.wait()

    with patch.object(there.place.sandbox, "sleep", sleep):
        there.place.fail(there.provider.side, "latency")
        yield
        there.place.heal()
        healed.set()


@contextmanager
def by_name() -> Iterator[dict[str, Any]]:
    """The upstream is known by a name."""
    yield {"host": "localhost"}


@asynccontextmanager
async def no_such_name(there: Scene) -> AsyncIterator[None]:
    """Its name leads nowhere, what was known of it is forgotten, and its connections have ended."""

    async def lookup(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    await there.place.switch_off()
    await there.place.switch_on()
    there.larder.transport._reads._connector.clear_dns_cache()
    with patch.object(asyncio.get_running_loop(), "getaddrinfo", lookup):
        yield


AUTHORITY, STRANGER = Authority("one that is trusted"), Authority("one that nobody knows")
GOOD = {"address": "127.0.0.1", "days": 1}


@contextmanager
def encrypted() -> Iterator[dict[str, Any]]:
    """The upstream speaks TLS, under a certificate of an authority that is trusted."""
    with patch("aiohttp.connector._SSL_CONTEXT_VERIFIED", AUTHORITY.trusting()):
        yield {"places": (Place(AUTHORITY.certifies(**GOOD)),)}


def certificate(authority: Authority = AUTHORITY, **other: Any) -> Trouble:
    """It is under another certificate."""

    @asynccontextmanager
    async def trouble(there: Scene) -> AsyncIterator[None]:
        good = there.place.certificate
        await _under(there.place, authority.certifies(**{**GOOD, **other}))
        yield
        await _under(there.place, good)

    return trouble


async def _under(place: Place, certificate: Any) -> None:
    await place.switch_off()
    place.certificate = certificate
    await place.switch_on()
