"""Starting: what every process of Larder's does on its way up, whether it is the only one, a supervisor or a worker."""

import asyncio
import gc
from collections.abc import Coroutine
from typing import Any

from proxy.admin.listener import AdminListener
from proxy.settings import Admin

try:
    import uvloop
except ImportError:  # not made for every platform; asyncio's own loop serves too, if slower
    uvloop = None  # type: ignore[assignment,unused-ignore]


class StartError(Exception):
    """Larder cannot start; the text is one line that says why."""


def admin_listener(settings: Admin) -> AdminListener:
    """Bound, before anything serves. Raises StartError."""
    try:
        return AdminListener(settings)
    except OSError as error:
        raise StartError(f"cannot listen on {settings.host}:{settings.port} (admin): {error.strerror}") from None


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run until it is done, on the quickest event loop there is."""
    gc.freeze()  # what start-up made stays: no collection needs to look at it again
    gc.set_threshold(20_000, 50, 50)  # a cache holds many objects that live long; young ones are what is worth a look
    (asyncio.run if uvloop is None else uvloop.run)(work)
