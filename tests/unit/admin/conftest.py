"""A listener and an operator for each test of the admin listener."""

import socket

import pytest

from tests.unit.admin.operators import a_store, a_world


@pytest.fixture
async def at_desk(tmp_path):
    async with a_world(a_store(tmp_path)) as (world, operator):
        yield world, operator


@pytest.fixture
def world(at_desk):
    return at_desk[0]


@pytest.fixture
def operator(at_desk):
    return at_desk[1]


@pytest.fixture
def unused_port():
    """A port that nobody listens on: bound, but not listening, for as long as the test runs."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]
