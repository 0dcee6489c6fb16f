"""Idempotency keys among processes: what another one began is under way for as long as it may be, and then unknown."""

import asyncio

import pytest
from multidict import CIMultiDict

from proxy.answers import Answer, CacheStatus
from proxy.asker import Asker
from proxy.asking import Incoming
from proxy.config.loading import plans_of
from proxy.kept.shelf import Shelf
from proxy.store.fences import Fences
from proxy.store.memory import MemoryStore
from proxy.store.none import NoStore
from proxy.writes.errors import KeyReused, OutcomeUnknown, WriteUnderWay, WriteUnrecorded
from proxy.writes.idempotency import Idempotency
from proxy.writes.written import Outcome, Written
from tests.house import Clock, config_file

PATH = "/api/v1/courses/565/sections"
ASKER = Asker(b"a secret of these tests")
PLANS = plans_of(config_file({"upstreams": {"courseworks": {}}}))


class Machine:
    """Processes that write to one store."""

    def __init__(self):
        self.clock = Clock()
        self.durable = NoStore(self.clock)
        self.sent = 0
        self.hold = asyncio.Event()
        self.hold.set()

    def process(self, *, is_alone=False, **more):
        shelf = Shelf(MemoryStore(100_000), self.durable, Fences(self.clock), self.failed, monotonic=self.clock)
        return Idempotency(shelf, self.failed, self.clock, is_alone=is_alone, **more)

    def failed(self, operation, error):
        raise AssertionError((operation, error))

    async def write(self, ask):
        self.sent += 1
        await self.hold.wait()
        return Written(
            Outcome.DONE, Answer(200, (("Content-Type", "a/b"),), ask.incoming.body, CacheStatus(fwd="method"))
        )


def ask(body=b"one", *, key='"k"', caller="enrollment", path=PATH):
    upstream = PLANS.upstreams["courseworks"]
    plan, params = upstream.match("POST", path)
    headers = CIMultiDict({"Authorization": "Bearer t", "Idempotency-Key": key})
    return ASKER.ask(upstream, plan, params, Incoming("POST", path, "", headers, body, caller))


async def hold(machine, process):
    """A write that does not end, as of a process that is at it or was killed."""
    machine.hold.clear()
    task = asyncio.create_task(process.once(ask(), machine.write))
    while not machine.sent:
        await asyncio.sleep(0)
    return task


async def test_what_another_process_began_is_under_way_for_as_long_as_it_may_be_and_then_unknown():
    machine = Machine()
    task = await hold(machine, machine.process())
    other = machine.process()

    with pytest.raises(WriteUnderWay):
        await other.once(ask(), machine.write)
    machine.clock.advance(ask().plan.timeout.total + 11)
    with pytest.raises(WriteUnderWay):  # the live read that it began with may have taken as long
        await other.once(ask(), machine.write)
    machine.clock.advance(ask().plan.timeout.total)
    with pytest.raises(OutcomeUnknown):
        await other.once(ask(), machine.write)
    with pytest.raises(KeyReused):
        await other.once(ask(b"another"), machine.write)

    assert machine.sent == 1
    task.cancel()


async def test_who_is_alone_knows_that_what_an_earlier_process_began_is_over():
    machine = Machine()
    task = await hold(machine, machine.process(is_alone=True))

    with pytest.raises(OutcomeUnknown):
        await machine.process(is_alone=True).once(ask(), machine.write)

    task.cancel()


async def test_workers_who_have_nothing_in_common_send_nothing_that_they_could_not_remember():
    machine = Machine()

    with pytest.raises(WriteUnrecorded) as refused:
        await machine.process(has_common_store=False).once(ask(), machine.write)

    assert refused.value.problem.status == 503
    assert "store.durable: none" in refused.value.problem.detail
    assert machine.sent == 0


async def test_a_write_whose_task_ended_in_the_midst_of_it_is_unknown_to_its_own_process():
    machine = Machine()
    process = machine.process()
    task = await hold(machine, process)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    with pytest.raises(OutcomeUnknown):
        await process.once(ask(), machine.write)


async def test_a_key_is_of_its_caller_and_its_credential():
    machine = Machine()
    process = machine.process()

    await process.once(ask(), machine.write)
    await process.once(ask(caller="advising"), machine.write)

    assert machine.sent == 2


async def test_a_key_is_what_its_quotes_hold():
    machine = Machine()
    process = machine.process()

    for key in ('"a\\"b"', '"a\\"b";more=1', " k ", "k", '"k"'):
        await process.once(ask(key=key), machine.write)

    assert machine.sent == 2


@pytest.mark.parametrize("note", [b"", b"\xc1", b"\x93\x01"])
async def test_a_note_that_nobody_can_read_is_of_an_outcome_that_nobody_knows(note):
    machine = Machine()
    process = machine.process()
    keys = []
    claim = machine.durable.claim

    async def seen(key, *rest):
        keys.append(key)
        return await claim(key, *rest)

    machine.durable.claim = seen
    await process.once(ask(), machine.write)
    await machine.durable.note(keys[0], note, machine.clock() + 60)

    with pytest.raises(OutcomeUnknown):
        await process.once(ask(), machine.write)
