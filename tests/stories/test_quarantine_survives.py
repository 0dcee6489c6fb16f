"""What was refused waits for its operator: over a restart, on whichever machine he asks, until its data has to go."""

import asyncio

import aiohttp
import pytest

from proxy.clocks import Clocks
from proxy.doubts.sightings import Fate
from proxy.doubts.stored import QUARANTINED
from proxy.erasing import Eraser
from proxy.operating.admin_desk import ward_of
from proxy.store.contract import Filter
from proxy.store.fences import Mode
from proxy.store.sealing import new_master_key
from tests.house import ADA, BEN, CY, Clock, House, bearer, config_for, running_larder, running_sandbox

COURSE = "/courseworks/api/v1/courses/565"
SEARCH = "/courseworks/api/v1/courses/565/search_users?per_page=100"
LIVE = {"Cache-Control": "no-cache"}
CANARY = "canary-77e0"
PLAIN = {"store": {"compress_above": "1GiB"}}  # so that what is on disk can be searched


@pytest.fixture
async def place(tmp_path):
    """A sandbox, a config and a clock, for one Larder after another."""
    async with running_sandbox() as (sandbox, url), aiohttp.ClientSession() as session:
        yield House(None, sandbox, url, session, None, Clock(), config_for(url, tmp_path, **PLAIN))


@pytest.fixture
def machines(place, redis):
    """Starts a Larder of several that share a Redis. What tells whether that is heard of goes on by itself."""
    config = {**place.config, "store": {"durable": redis.url, "secret": "s" * 40}}
    return lambda: running_larder(config, Clocks(place.clock))


async def refused(house, path=COURSE, body=None, token=ADA):
    """A good answer is kept, then another one comes that nobody believes."""
    assert (await house.get(path, headers=bearer(token))).status == 200
    where = path.partition("?")[0].removeprefix("/courseworks")
    await house.fail(status=200, body=body or {"id": 566, "name": CANARY}, path=where)
    cache = (await house.get(path, headers=bearer(token, **LIVE))).cache
    assert "detail=" in cache
    await house.heal()
    await house.settled()


async def listed(larder):
    return (await ward_of(larder).listed()).answers


async def accept(larder):
    [held] = await listed(larder)
    return await ward_of(larder).accept(held)


async def erased(larder, who="user:20064"):
    eraser = Eraser(larder.erasing, larder.purger, larder.durable, larder.observing.store_failed)
    return await eraser.erase("courseworks", larder.plans.upstreams["courseworks"].adapter.person(who))


async def in_store(larder):
    return await larder.durable.count(Filter(tag=f"courseworks/{QUARANTINED}"))


def on_disk(folder):
    return b"".join(path.read_bytes() for path in sorted(folder.glob("larder.db*")) if path.suffix != ".lock")


async def test_a_restart_loses_nothing_that_an_operator_was_about_to_accept(place):
    house = place
    async with running_larder(house.config, house.clock.clocks) as (house.larder, _):
        await refused(house)
        before = await listed(house.larder)

    async with running_larder(house.config, house.clock.clocks) as (house.larder, log):
        assert await listed(house.larder) == before
        assert (await accept(house.larder)).fate is Fate.STORED
        answer = await house.get(COURSE, headers=bearer(ADA))
        assert await listed(house.larder) == []

    assert (answer.json["name"], "hit" in answer.cache) == (CANARY, True)
    assert CANARY not in log.getvalue()
    async with running_larder(house.config, house.clock.clocks) as (house.larder, _):
        assert (await house.get(COURSE, headers=bearer(ADA))).json["name"] == CANARY


async def test_what_was_discarded_stays_so_after_a_restart(place):
    house = place
    async with running_larder(house.config, house.clock.clocks) as (house.larder, _):
        await refused(house)
        [held] = await listed(house.larder)
        assert (await ward_of(house.larder).discard(held)).fate is Fate.DISCARDED

    async with running_larder(house.config, house.clock.clocks) as (house.larder, _):
        assert await listed(house.larder) == []
        assert (await house.get(COURSE, headers=bearer(ADA))).json["id"] == 565


async def test_without_a_durable_store_a_restart_forgets_it(place):
    house = place
    config = {**house.config, "store": {"durable": "none"}}
    async with running_larder(config, house.clock.clocks) as (house.larder, _):
        await refused(house)
        assert len(await listed(house.larder)) == 1

    async with running_larder(config, house.clock.clocks) as (house.larder, _):
        assert await listed(house.larder) == []


async def test_each_machine_lists_and_decides_what_any_of_them_refused(place, machines):
    house = place
    async with machines() as (one, _), machines() as (two, _):
        house.larder = one
        await refused(house)
        house.larder = two
        assert (await house.get(COURSE, headers=bearer(ADA))).json["id"] == 565
        assert await listed(one) == await listed(two)

        decided = await accept(two)
        served = await house.get(COURSE, headers=bearer(ADA))

        assert (decided.fate, decided.recorded) == (Fate.STORED, True)
        assert (served.json["name"], "hit" in served.cache) == (CANARY, True)
        assert await listed(one) == await listed(two) == []
    async with machines() as (house.larder, _):
        assert (await house.get(COURSE, headers=bearer(ADA))).json["name"] == CANARY


async def test_two_operators_on_two_machines_accept_it_once(place, machines):
    house = place
    async with machines() as (one, _), machines() as (two, _):
        house.larder = one
        await refused(house)
        [held] = await listed(two)

        fates = [
            decided.fate for decided in await asyncio.gather(*[ward_of(larder).accept(held) for larder in (one, two)])
        ]

        assert fates.count(Fate.STORED) == 1
        assert set(fates) - {Fate.STORED} <= {Fate.TAKEN, Fate.UNKNOWN}


async def test_a_person_is_erased_from_it_with_a_receipt(place, tmp_path):
    house = place
    async with running_larder(house.config, house.clock.clocks) as (house.larder, _):
        await refused(house, SEARCH, [{"id": 20064, "name": CANARY}], CY)
        assert CANARY.encode() in on_disk(tmp_path)

        receipt = await erased(house.larder)

        assert receipt.is_complete
        assert (receipt.processes[0].quarantined, receipt.store.quarantined, receipt.store.entries) == (1, 1, 1)
        assert await listed(house.larder) == []
        assert CANARY.encode() not in on_disk(tmp_path)


async def test_what_was_erased_while_a_machine_was_down_is_not_there_when_it_is_up_again(place, machines):
    house = place
    async with machines() as (house.larder, _):
        await refused(house, SEARCH, [{"id": 20064, "name": CANARY}], CY)
    async with machines() as (two, _):
        assert len(await listed(two)) == 1
        receipt = await erased(two)
        assert (receipt.is_complete, receipt.store.quarantined) == (True, 1)
    async with machines() as (house.larder, _):
        assert (await listed(house.larder), await in_store(house.larder)) == ([], 0)


class Line:
    """A machine's line to its Redis, that can be cut."""

    def __init__(self, port):
        self._to = port
        self._tasks, self._open, self.is_cut = set(), set(), False

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self.cut()
        self._server.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self):
        self.is_cut = True
        for writer in self._open:
            writer.close()

    async def _carry(self, reader, writer):
        if self.is_cut:
            writer.close()
            return
        there, back = await asyncio.open_connection("127.0.0.1", self._to)
        self._open |= {writer, back}
        for source, sink in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._pipe(source, sink))
            self._tasks.add(task)

    async def _pipe(self, source, sink):
        try:
            while data := await source.read(65536):
                sink.write(data)
        except OSError:
            pass
        finally:
            sink.close()


async def test_what_was_erased_while_a_machine_was_parted_is_not_accepted_there(place, redis):
    """It still holds it in memory, and cannot hear of the erasure before it is back."""
    house, clocks = place, Clocks(place.clock)
    store = {"durable": redis.url, "secret": "s" * 40}
    async with Line(redis.port) as line:
        far = {**store, "durable": redis.url.replace(str(redis.port), str(line.port))}
        async with (
            running_larder({**house.config, "store": far}, clocks) as (one, log),
            running_larder({**house.config, "store": store}, clocks) as (two, _),
        ):
            house.larder = one
            await refused(house, SEARCH, [{"id": 20064, "name": CANARY}], CY)
            [held] = await listed(two)
            line.cut()
            assert (await erased(two)).is_complete

            parted = await ward_of(one).listed()
            assert ([told.id for told in parted.answers], parted.is_complete) == ([held.id], False)
            assert (await ward_of(one).accept(held)).fate is Fate.UNREADABLE

            line.is_cut = False
            async with asyncio.timeout(20):
                while one.fences.number < two.fences.number or not one.fences.is_coherent:
                    await asyncio.sleep(0.01)
            await one._housekeeping.scrub()
            assert (await ward_of(one).listed(), len(one.quarantine)) == (([], True), 0)
            assert (await ward_of(one).accept(held)).fate is Fate.UNKNOWN
            assert await in_store(one) == 0
    assert "durable store failed" in log.getvalue()


async def test_what_is_erased_on_one_machine_goes_from_the_memory_of_the_others(place, machines):
    house = place
    async with machines() as (one, _), machines() as (two, _):
        house.larder = one
        await refused(house, SEARCH, [{"id": 20064, "name": CANARY}], CY)
        await erased(two)
        async with asyncio.timeout(10):
            while one.fences.number < two.fences.number:
                await asyncio.sleep(0.01)
        await one._housekeeping.scrub()

        assert (len(one.quarantine), await listed(one), await in_store(one)) == (0, [], 0)


async def test_it_ends_with_the_principal_whose_it_is(place):
    house = place
    async with running_larder(house.config, house.clock.clocks) as (house.larder, _):
        await refused(house)
        await refused(house, token=BEN)
        await house.fail(
            status=401, body={}, headers={"WWW-Authenticate": 'Bearer realm="canvas-lms"'}, path="/api/v1/courses/565"
        )
        await house.get(COURSE, headers=bearer(ADA, **LIVE))
        await house.settled()

        assert (len(await listed(house.larder)), await in_store(house.larder)) == (1, 1)


@pytest.mark.parametrize("target", ["course", "key"])
async def test_a_hard_flush_ends_it_on_disk_too(place, tmp_path, target):
    house = place
    async with running_larder(house.config, house.clock.clocks) as (house.larder, _):
        await refused(house)
        [good] = [one for one in await house.larder.durable.summaries(Filter()) if not str(one.tags).count(QUARANTINED)]
        tag = {"course": "courseworks/course:565", "key": f"@key:{good.key}"}[target]
        await house.larder.purger.purge([tag], Mode.HARD)
        assert await listed(house.larder) == []
        await house.larder._housekeeping.sweep()
        await house.larder._housekeeping.scrub()

        assert await in_store(house.larder) == 0
        assert CANARY.encode() not in on_disk(tmp_path)


async def test_it_is_sealed_as_the_answers_of_its_endpoint_are(place, tmp_path):
    house = place
    config = {**house.config, "store": {**house.config["store"], "encryption_keys": new_master_key()}}
    async with running_larder(config, house.clock.clocks) as (house.larder, _):
        await refused(house)
        assert len(await listed(house.larder)) == 1

    assert CANARY.encode() not in on_disk(tmp_path)
    async with running_larder(config, house.clock.clocks) as (house.larder, _):
        assert (await accept(house.larder)).fate is Fate.STORED
        assert (await house.get(COURSE, headers=bearer(ADA))).json["name"] == CANARY


async def test_of_a_provider_whose_answers_may_not_be_kept_nothing_is_written_down(place):
    house = place
    config = {**house.config, "upstreams": {**house.config["upstreams"]}}
    config["upstreams"]["google"] = {**config["upstreams"]["google"], "terms_accepted": []}
    async with running_larder(config, house.clock.clocks) as (house.larder, _):
        await house.fail("google", status=200, body="<html>", path="/maps/api/geocode/json")
        answer = await house.get("/google/maps/api/geocode/json?address=12%20Example%20Pl")
        await house.settled()

    assert "fwd=bypass" in answer.cache
    async with running_larder(config, house.clock.clocks) as (house.larder, _):
        assert await listed(house.larder) == []
        assert await house.larder.durable.count(Filter()) == 0
