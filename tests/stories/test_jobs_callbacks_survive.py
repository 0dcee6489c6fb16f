"""A callback that nobody took before its process ended is not lost: another process goes on, where keys seal it."""

import asyncio
import json

import pytest

from policies import DAY
from proxy.clocks import Clocks
from proxy.jobs.callbacks import WAITS
from proxy.store.contract import StoreError
from tests.stories.gated_smarty import gated_smarty
from tests.stories.test_erasing_a_person import erased
from tests.stories.test_instances import until
from tests.stories.test_jobs import begin, ended
from tests.stories.test_jobs_callbacks import Listener, listed, listening
from tests.stories.test_jobs_survive import KEYS, building

PASSED = 5 + 10 + 30 + 1  # seconds until the turn of who waits for its second try has passed


class Patient:
    """Lets nobody try again before its process ends."""

    def __init__(self, clock):
        self.clocks = Clocks(clock, clock, self.sleep, lambda: 0.0)
        self.waits = asyncio.Event()  # somebody for the next try

    async def sleep(self, seconds):
        if seconds in WAITS[1:]:
            self.waits.set()
            await asyncio.Event().wait()


async def stopped_after_a_try(house, listener, url):
    """A process told of a job's end, was not heard, and stopped: the job, and the clock of those that come after."""
    async with house(**listed({"url": url})) as home:
        patient = Patient(home.clock)
        home.larder.jobs.means.callbacks._sleep = patient.sleep
        begun = await begin(home, 1, **{"Larder-Callback": url})
        await asyncio.wait_for(patient.waits.wait(), timeout=10)
    assert len(listener.told) == 1
    return begun, home.clock


async def looked(home):
    """It has looked for what others left, as it does from its start on, and is done with all of that."""
    await home.larder.jobs.taker.look()
    await home.larder.jobs.means.callbacks.drain()


def counted(home, outcome):
    exposition = home.larder.observing.metrics.exposition()[1].decode()
    return f'larder_job_callbacks_total{{outcome="{outcome}"}} 1.0' in exposition


async def test_the_next_process_goes_on_where_the_last_one_stopped(tmp_path):
    listener = Listener(refusals=1)
    async with building(tmp_path, {}, **KEYS) as house, listening(listener) as url:
        begun, clock = await stopped_after_a_try(house, listener, url)
        on_disk = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert begun.json["id"].encode() not in on_disk
        assert url.encode() not in on_disk

        async with house(**listed({"url": url})) as home:
            await looked(home)
            assert len(listener.told) == 1, "its turn has not passed"
            clock.advance(PASSED)
            await looked(home)

            assert len(listener.told) == 2
            assert {headers["webhook-id"] for headers, _ in listener.told} == {f"job_{begun.json['id']}"}
            assert listener.told[0][1] == listener.told[1][1]
            assert json.loads(listener.told[1][1])["data"]["status"] == "succeeded"
            assert counted(home, "taken")

            clock.advance(PASSED)
            await looked(home)
            assert len(listener.told) == 2, "it is told once"


async def test_one_that_stops_over_a_try_each_time_is_given_up_all_the_same(tmp_path):
    listener = Listener(refusals=100)
    async with building(tmp_path, {}, **KEYS) as house, listening(listener) as url:
        _, clock = await stopped_after_a_try(house, listener, url)
        for tries in range(2, len(WAITS) + 1):
            clock.advance(max(WAITS) + PASSED)
            patient = Patient(clock)
            async with house(patient.clocks, **listed({"url": url})) as home:
                await until(lambda: patient.waits.is_set() or counted(home, "given-up"))  # noqa: B023 - at once
            assert len(listener.told) == tries
        clock.advance(max(WAITS) + PASSED)
        async with house(**listed({"url": url})) as home:
            await looked(home)

            assert len(listener.told) == len(WAITS)


async def test_that_a_person_is_erased_loses_nobodys_callback(tmp_path):
    """The requests of jobs go with anybody, and with the key that they were sealed with."""
    listener, more = Listener(refusals=1), {"encrypt": "all", **KEYS}
    async with gated_smarty() as (gate, upstreams), building(tmp_path, upstreams, **more) as house:
        async with listening(listener) as url:
            async with house(**listed({"url": url})) as home:
                patient = Patient(home.clock)
                home.larder.jobs.means.callbacks._sleep = patient.sleep
                gate.open(1)
                begun = await begin(home, 1, **{"Larder-Callback": url})
                await asyncio.wait_for(patient.waits.wait(), timeout=10)
                await begin(home, 2)
                await gate.called(2)
                assert await home.larder.jobs.means.requests.listed()

                assert (await erased(home.larder)).is_complete
            home.clock.advance(PASSED)
            async with house(**listed({"url": url})) as home:
                await looked(home)

                assert [json.loads(body)["data"]["id"] for _, body in listener.told] == [begun.json["id"]] * 2


async def test_of_many_who_find_it_one_goes_on(tmp_path, redis):
    listener = Listener(refusals=1)
    store = {"durable": redis.url, "secret": "s" * 40, **KEYS}
    async with building(tmp_path, {}, **store) as house, listening(listener) as url:
        _, clock = await stopped_after_a_try(house, listener, url)
        clock.advance(PASSED)
        async with house(**listed({"url": url})) as first, house(**listed({"url": url})) as second:
            await listener.heard(2)
            for home in (first, second, first, second):
                await looked(home)

            assert len(listener.told) == 2


async def test_a_process_that_dies_between_a_jobs_end_and_its_callback_loses_nothing(tmp_path, monkeypatch):
    listener = Listener()
    async with building(tmp_path, {}, **KEYS) as house, listening(listener) as url:
        async with house(**listed({"url": url})) as home:

            async def dies(*_args):
                raise RuntimeError("killed")

            monkeypatch.setattr(home.larder.jobs.means.callbacks, "tell", dies)
            begun = await begin(home, 1, **{"Larder-Callback": url})
            await ended(home, begun)
            await until(lambda: not home.larder.jobs.runner.jobs)
        async with house(**listed({"url": url})) as home:
            await listener.heard(1)
            await looked(home)

            assert [json.loads(body)["data"]["id"] for _, body in listener.told] == [begun.json["id"]]
            assert not await home.larder.jobs.means.requests.listed()


async def test_that_a_stop_interrupted_a_job_is_told_by_the_next_process(tmp_path):
    listener = Listener(refusals=1)
    async with gated_smarty() as (gate, upstreams), building(tmp_path, upstreams, **KEYS) as house:
        async with listening(listener) as url:
            async with house(**listed({"url": url})) as home:
                begun = await begin(home, 1, **{"Larder-Callback": url})
                await gate.called()
                [job] = home.larder.jobs.runner.jobs.values()
                job.is_kept = False  # as if its request could not be written down: it ends with its process
                home.larder.jobs.means.callbacks._sleep = Patient(home.clock).sleep
            gate.open()
            listener.told.clear()
            home.clock.advance(PASSED)
            async with house(**listed({"url": url})):
                await listener.heard(1)

                assert json.loads(listener.told[-1][1])["data"] == {"id": begun.json["id"], "status": "interrupted"}


async def test_without_keys_nothing_is_written_down_and_nobody_goes_on(tmp_path):
    listener = Listener(refusals=1)
    async with building(tmp_path, {}) as house, listening(listener) as url:
        _, clock = await stopped_after_a_try(house, listener, url)
        clock.advance(PASSED)
        async with house(**listed({"url": url})) as home:
            await looked(home)

            assert len(listener.told) == 1


@pytest.mark.parametrize("why", ["late", "unlisted"])
async def test_what_nobody_is_to_be_told_any_more_is_not_told(tmp_path, why):
    listener = Listener(refusals=1)
    async with building(tmp_path, {}, **KEYS) as house, listening(listener) as url:
        _, clock = await stopped_after_a_try(house, listener, url)
        clock.advance(DAY + 1 if why == "late" else PASSED)
        async with house(**(listed({"url": url}) if why == "late" else {})) as home:
            await looked(home)
            await until(lambda: why == "late" or counted(home, "unlisted"))

            assert len(listener.told) == 1
            assert not counted(home, "taken")


@pytest.mark.parametrize("method", ["claim", "exchange"])
async def test_a_store_that_fails_costs_no_callback_of_a_process_that_lives(tmp_path, monkeypatch, method):
    listener = Listener(refusals=1)
    async with building(tmp_path, {}, **KEYS) as house, listening(listener) as url:
        async with house(**listed({"url": url})) as home:
            begun = await begin(home, 1, **{"Larder-Callback": url})

            async def away(*_args):
                raise StoreError("away")

            await ended(home, begun)
            monkeypatch.setattr(home.larder.durable, method, away)
            await listener.heard(2)
            await home.larder.jobs.means.callbacks.drain()

            assert counted(home, "taken")
