"""What the SDKs are pointed at."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.house import House, house

Open = Callable[..., AbstractAsyncContextManager[House]]


@pytest.fixture
def larder(tmp_path: Path) -> Open:
    """Opens a whole house; more config may be said."""

    def opened(**more: Any) -> AbstractAsyncContextManager[House]:
        return house(tmp_path, **more)

    return opened


@pytest.fixture
async def home(larder: Open) -> AsyncIterator[House]:
    """A whole house, with the credentials of Smarty and Google held by Larder."""
    async with larder() as built:
        yield built
