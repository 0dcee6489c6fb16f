"""What all tests share: a real Redis, started when the first test asks for it; how far properties are tried; and that
nothing but this machine is connected to.
"""

import gc
import os
import shutil
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import settings

from tests.loopback_only import refuse_others
from tests.redis_cluster import redis_cluster
from tests.redis_server import redis_server

MEMORY, ROOM = "/dev/shm", 1024**3  # bytes; of a suite 25 MiB were there at a time

# The suite tries the same examples every time, so that it tells of the change and not of the day's luck.
# HYPOTHESIS_PROFILE=far looks for what nobody has seen yet.
settings.register_profile("suite", max_examples=25, deadline=None, derandomize=True)
settings.register_profile(
    "far", max_examples=int(os.environ.get("LARDER_EXAMPLES", "1000")), deadline=None, print_blob=True
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))


def pytest_configure(config):
    """Processes that collect the same tests begin each with another folder: so each folder is compiled by one of them,
    and the others find it compiled.
    """
    _lie_in_memory()
    name = os.environ.get("PYTEST_XDIST_WORKER", "")  # "gw2"
    if name and config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        folders = sorted(str(path) for path in Path(__file__).parent.glob("[!_]*/"))
        begun = int(name[2:]) * len(folders) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
        config.args = [*folders[begun:], *folders[:begun]]


def _lie_in_memory():
    """Folders of tests lie in memory where there is room: each commit of a database waits for the disk otherwise."""
    with suppress(OSError):
        if shutil.disk_usage(MEMORY).free >= ROOM and os.access(MEMORY, os.W_OK):
            os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", MEMORY)


def pytest_collection_modifyitems(config, items):
    """In one order again, wherever a process began."""
    if config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        items.sort(key=lambda item: item.path)


gc.disable()  # until all tests are collected: of what is made until then nearly everything stays


def pytest_collection_finish():
    """Eleven thousand tests are many objects: the garbage collector does not look at them again and again."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def this_machine_only():
    """Whatever a test does, it connects to nothing but this machine."""
    with pytest.MonkeyPatch.context() as patch:
        refuse_others(patch)
        yield


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def redis_of_session():
    async with redis_server() as server:
        yield server


@pytest.fixture
async def redis(redis_of_session):
    """A running RedisServer with nothing in it. Not to be stopped or changed: others come after."""
    await redis_of_session.flush()
    return redis_of_session


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cluster_of_session():
    async with redis_cluster(replicas=1) as cluster:
        yield cluster


@pytest.fixture
async def cluster(cluster_of_session):
    """A running RedisCluster of three masters, a replica each, with nothing in it. Who fails it over lets the former
    master rejoin.
    """
    await cluster_of_session.flush()
    return cluster_of_session
