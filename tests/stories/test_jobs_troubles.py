"""Jobs while the store fails, callers leave and listeners are away: nothing hangs, nothing is lost that need not be."""

import asyncio
import json

import pytest

from proxy.jobs import callbacks, running
from proxy.jobs.record import decode
from proxy.store.contract import StoreError
from proxy.store.sealing import new_master_key
from tests.house import ADA, bearer
from tests.stories.gated_smarty import gated_smarty
from tests.stories.test_instances import until
from tests.stories.test_jobs import ASYNC, ONLY_SMARTY, VERIFY, begin, ended, numbered, result, verify
from tests.stories.test_jobs_callbacks import Listener, listed, listening

KEYS = {"store": {"encryption_keys": new_master_key()}}


def failing(monkeypatch, durable, name, times=1, *, after=False):
    """Let a method of the store fail so often; `after` it was carried out: only its answer is lost."""
    real, left = getattr(durable, name), [times]

    async def method(*args):
        if left[0] <= 0:
            return await real(*args)
        left[0] -= 1
        if after:
            await real(*args)
        raise StoreError("away")

    monkeypatch.setattr(durable, name, method)


@pytest.mark.parametrize("after", [False, True])
async def test_an_end_that_could_not_be_recorded_is_recorded_later(larder, monkeypatch, after):
    monkeypatch.setattr(running, "BEAT", 0.01)
    async with gated_smarty() as (gate, upstreams), larder(upstreams=upstreams, **ONLY_SMARTY) as home:
        begun = await begin(home, 1)
        await gate.called()
        failing(monkeypatch, home.larder.durable, "exchange", 2, after=after)
        gate.open()

        assert (await ended(home, begun)).json["status"] == "succeeded"
        assert len((await result(home, begun)).json["results"]) == 1


async def test_a_stop_does_not_wait_for_a_store_that_is_away(larder, monkeypatch):
    monkeypatch.setattr(running, "BEAT", 0.2)
    async with gated_smarty() as (gate, upstreams), larder(upstreams=upstreams, **ONLY_SMARTY, **KEYS) as home:
        await begin(home, 1)
        await begin(home, 2)
        await gate.called()
        failing(monkeypatch, home.larder.durable, "exchange", 1_000)
        gate.open()
        await until(lambda: all(job.lock.locked() for job in home.larder.jobs.runner.jobs.values()))

        async with asyncio.timeout(3):  # a beat, and what comes of it; to write their ends is tried for thirty
            await home.larder.jobs.drain(0.1)
            await home.larder.jobs.stop()

        assert not home.larder.jobs.runner.jobs


async def test_a_word_that_could_not_be_recorded_ends_no_job(larder, monkeypatch):
    async with gated_smarty() as (gate, upstreams), larder(upstreams=upstreams, **ONLY_SMARTY) as home:
        begun = await begin(home, 1)
        await gate.called()
        failing(monkeypatch, home.larder.durable, "exchange")
        await home.larder.jobs.runner.beat()
        gate.open()

        assert (await ended(home, begun)).json["status"] == "succeeded"


@pytest.mark.parametrize("more", [{}, KEYS])
async def test_a_job_is_not_given_up_by_the_process_that_is_at_it(larder, more):
    async with gated_smarty() as (gate, upstreams), larder(upstreams=upstreams, **ONLY_SMARTY, **more) as home:
        begun = await begin(home, 1)
        await gate.called()
        home.clock.advance(20)  # its word is late: the store was away for so long, say
        assert (await home.get(begun.headers["Location"])).json["status"] == "running"
        await home.larder.jobs.runner.beat()
        gate.open()

        assert (await ended(home, begun)).json["status"] == "succeeded"
        assert len(gate.asked) == 1


async def test_what_can_be_no_job_is_answered_in_the_time_that_its_caller_has_and_behind_no_job(larder, monkeypatch):
    jobs = {"jobs": {"at_once": 1}, **ONLY_SMARTY["v1"]}
    async with gated_smarty() as (gate, upstreams), larder(upstreams=upstreams, v1=jobs) as home:
        await begin(home, 1)
        await gate.called()
        failing(monkeypatch, home.larder.durable, "note", 2)

        async with asyncio.timeout(3):  # behind the job it would take ten
            late = await verify(home, 2, **ASYNC, **{"X-Request-Timeout": "0.2"})
        waiting = asyncio.create_task(verify(home, 3, **ASYNC))
        await gate.called(3)
        gate.open()

        assert (late.status, "Preference-Applied" in late.headers) == (503, False)
        assert (await waiting).status == 200
        assert gate.asked == [["1 Sample St"], ["2 Sample St"], ["3 Sample St"]]


async def test_a_job_whose_result_is_slow_to_keep_is_not_given_up(larder, monkeypatch):
    async with gated_smarty() as (gate, upstreams), larder(upstreams=upstreams, **ONLY_SMARTY) as home:
        runner, slow = home.larder.jobs.runner, Slow(home.larder.jobs.means.results.keep)
        monkeypatch.setattr(home.larder.jobs.means.results, "keep", slow)
        begun = await begin(home, 1)
        gate.open()
        await slow.began.wait()
        [job] = runner.jobs.values()
        home.clock.advance(14)
        await runner.beat()

        assert job.held.record.leased_until > home.clock() + 14
        slow.goes_on.set()
        assert (await ended(home, begun)).json["status"] == "succeeded"
        assert (await result(home, begun)).status == 200


async def test_what_a_caller_began_that_left_before_it_heard_so_is_taken_up_by_nobody(larder, monkeypatch):
    async with gated_smarty() as (gate, upstreams), larder(upstreams=upstreams, **ONLY_SMARTY, **KEYS) as home:
        durable, deferred, seen = home.larder.durable, home.larder.jobs.deferred, []
        monkeypatch.setattr(home.larder.app._desk, "_deferring", Spy(deferred, seen))
        await begin(home, 1)
        slow = Slow(durable.note, before=False)
        monkeypatch.setattr(durable, "note", slow)
        leaving = asyncio.create_task(deferred.answer(seen[0]))
        await slow.began.wait()
        assert len(await home.larder.jobs.means.requests.listed()) == 2
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving

        assert len(await home.larder.jobs.means.requests.listed()) == 1
        assert len([note async for _, note, _ in durable.notes() if decode(note) is not None]) == 1
        assert len((await home.get("/v1/jobs")).json["data"]) == 1
        gate.open()


class Spy:
    """Sees what may be deferred."""

    def __init__(self, deferred, seen):
        self._deferred, self._seen = deferred, seen

    async def answer(self, errand):
        self._seen.append(errand)
        return await self._deferred.answer(errand)


class Slow:
    """A method that waits until it may go on, before it is carried out or behind."""

    def __init__(self, real, *, before=True):
        self._real, self._before = real, before
        self.began, self.goes_on = asyncio.Event(), asyncio.Event()

    async def __call__(self, *args):
        found = None if self._before else await self._real(*args)
        self.began.set()
        await self.goes_on.wait()
        return await self._real(*args) if self._before else found


async def test_a_cancel_that_cannot_be_recorded_says_so(larder, monkeypatch):
    async with gated_smarty() as (gate, upstreams), larder(upstreams=upstreams, **ONLY_SMARTY) as home:
        begun = await begin(home, 1)
        failing(monkeypatch, home.larder.durable, "exchange")

        refused = await home.ask("DELETE", begun.headers["Location"])
        again = await home.ask("DELETE", begun.headers["Location"])

        assert (refused.status, refused.json["type"]) == (503, "tag:larder,2026:job-unreadable")
        assert again.json["status"] == "cancelled"
        gate.open()


async def test_a_result_that_cannot_be_read_just_now_is_asked_for_again(larder, monkeypatch):
    async with larder() as home:
        begun = await begin(home, 1)
        await ended(home, begun)
        failing(monkeypatch, home.larder.durable, "get")

        assert (await result(home, begun)).json["type"] == "tag:larder,2026:job-unreadable"
        assert (await result(home, begun)).status == 200


async def test_a_request_that_could_not_be_written_down_makes_a_job_of_this_process_alone(larder, monkeypatch):
    async with larder(**KEYS) as home:
        failing(monkeypatch, home.larder.durable, "flush")
        begun = await begin(home, 1)

        assert (await ended(home, begun)).json["status"] == "succeeded"


async def test_a_result_that_could_not_be_written_down_is_had_from_memory(larder, monkeypatch):
    async with gated_smarty() as (gate, upstreams), larder(upstreams=upstreams, **ONLY_SMARTY) as home:
        begun = await begin(home, 1)
        await gate.called()
        failing(monkeypatch, home.larder.durable, "flush")
        gate.open()

        assert (await ended(home, begun)).json["status"] == "succeeded"
        assert (await result(home, begun)).status == 200
        await home.ask("DELETE", begun.headers["Location"])
        assert (await result(home, begun)).status == 404


async def test_a_look_that_the_store_refuses_is_said_and_repeated(larder, monkeypatch):
    async with larder(**KEYS) as home:
        failing(monkeypatch, home.larder.durable, "summaries")
        await home.larder.jobs.taker.look()
        await home.larder.jobs.taker.look()

        _, metrics = home.larder.observing.metrics.exposition()
        assert b'larder_store_errors_total{operation="job"} 1.0' in metrics


async def test_of_results_in_memory_the_oldest_make_room(larder):
    async with larder(store={"durable": "none"}, v1={"jobs": {"max_bytes": 2000}}) as home:
        begun = [await begin(home, number) for number in range(6)]
        for one in begun:
            await ended(home, one)

        statuses = [(await result(home, one)).status for one in begun]

        assert statuses[0] == 410
        assert statuses[-1] == 200


async def test_a_caller_who_leaves_while_it_waits_leaves_nothing_behind(larder):
    async with gated_smarty() as (gate, upstreams), larder(upstreams=upstreams, **ONLY_SMARTY) as home:
        seen = []
        home.larder.app._desk._deferring = Spy(home.larder.jobs.deferred, seen)
        waiting = asyncio.create_task(verify(home, 1, Prefer="respond-async, wait=30"))
        await gate.called()
        leaving = asyncio.create_task(home.larder.jobs.deferred.answer(seen[0]))
        await until(lambda: len(home.larder.jobs.runner.room) == 2)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving

        assert len(home.larder.jobs.runner.room) == 1
        gate.open()
        assert (await waiting).status == 200
        assert not home.larder.jobs.runner.room


async def test_who_has_gone_for_good_is_told_no_more(larder):
    listener = Listener()
    listener.answer = 410
    async with listening(listener) as url, larder(**listed({"url": url})) as home:
        await begin(home, 1, **{"Larder-Callback": url})
        await home.larder.jobs.means.callbacks.drain()
        await until(lambda: listener.told)
        await home.larder.jobs.means.callbacks.drain()

        assert len(listener.told) == 1


async def test_a_url_that_is_listed_no_more_is_told_nothing(larder):
    listener = Listener()
    async with gated_smarty() as (gate, upstreams), listening(listener) as url:
        async with larder(upstreams=upstreams, **listed({"url": url})) as home:
            begun = await begin(home, 1, **{"Larder-Callback": url})
            home.reload(v1={"jobs": {"callbacks": []}})
            gate.open()
            await ended(home, begun)
            await home.larder.jobs.means.callbacks.drain()

            assert listener.told == []


async def test_callbacks_are_bounded_and_what_is_too_much_is_counted(larder, monkeypatch):
    monkeypatch.setattr(callbacks, "MOST_UNDER_WAY", 0)
    listener = Listener()
    async with listening(listener) as url, larder(**listed({"url": url})) as home:
        begun = await begin(home, 1, **{"Larder-Callback": url})
        await ended(home, begun)
        await until(lambda: not home.larder.jobs.runner.jobs)

        _, metrics = home.larder.observing.metrics.exposition()
        assert b'larder_job_callbacks_total{outcome="dropped"} 1.0' in metrics


async def test_a_job_beside_another_of_the_same_things_asks_once(larder):
    async with gated_smarty() as (gate, upstreams), larder(upstreams=upstreams, **ONLY_SMARTY) as home:
        body = {"addresses": [numbered(number) for number in range(5)]}
        first = await home.ask("POST", VERIFY, json=body, headers=ASYNC)
        await gate.called()
        second = await home.ask("POST", VERIFY, json=body, headers=bearer(ADA, **ASYNC))
        gate.open()

        await ended(home, first)
        await ended(home, second, **bearer(ADA))
        assert len(gate.asked) == 1
        assert json.loads((await result(home, first)).body)["results"]
