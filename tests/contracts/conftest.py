"""A real Redis of a test's own, to be stopped and changed at will."""

import pytest

from tests.contracts.fence_machines import client_of
from tests.redis_server import redis_server


@pytest.fixture
async def server():
    async with redis_server() as server:
        yield server


@pytest.fixture
def connect(server):
    return client_of(server)
