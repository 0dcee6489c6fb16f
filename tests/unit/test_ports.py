"""Servers of tests never fight for a port."""

import socket
import subprocess
import sys

import pytest

from tests import redis_server as redis_servers
from tests.ports import free_port
from tests.redis_server import redis_server


def test_no_port_is_told_twice():
    assert len({free_port() for _ in range(300)}) == 300


@pytest.mark.parametrize("worker", ["gw1", "gw2"])
def test_each_process_of_a_suite_has_a_share_of_its_own(worker):
    command = [sys.executable, "-c", "from tests.ports import free_port; print(free_port())"]
    told = {int(subprocess.check_output(command, env={"PYTEST_XDIST_WORKER": worker})) for _ in range(2)}
    number = int(worker[2:])
    assert all((port - 11_000) // 1_250 == number for port in told)


async def test_a_server_of_a_cluster_whose_bus_port_is_taken_takes_another(monkeypatch):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        ports = iter([free_port(), other.getsockname()[1]])
        monkeypatch.setattr(redis_servers, "free_port", lambda: next(ports, None) or free_port())
        async with redis_server(cluster_enabled="yes") as server:
            assert server.is_up
