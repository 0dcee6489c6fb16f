"""What stories act on."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.house import House, house

Open = Callable[..., AbstractAsyncContextManager[House]]


@pytest.fixture
def larder(tmp_path: Path) -> Open:
    """A whole house; more config may be said."""

    @asynccontextmanager
    async def opened(**more: Any) -> AsyncIterator[House]:
        async with house(tmp_path, **more) as built:
            yield built

    return opened
