"""The memory of all workers: looked at, counted and emptied as one, honest about who did not answer."""

import pytest

from proxy.store.contract import Filter
from proxy.store.memory import MemoryStore
from proxy.workers.asking import WorkerGone, WorkerSilent
from proxy.workers.control import Count, Done, Remove, Report, State, Summaries, told
from proxy.workers.tiers import NotAllAnswered, WorkersMemory
from tests.unit.store.samples import an_entry, key

TAG = "courseworks/course:565"


class Worker:
    """A memory that answers as a worker does, or does not."""

    def __init__(self, *entries, fails=None):
        self.memory = MemoryStore(10**6)
        for entry in entries:
            self.memory.put(entry)
        self.fails = fails

    async def ask(self, question, within):
        if self.fails is not None:
            raise self.fails
        match question:
            case Count(wanted):
                return [Done(await self.memory.count(wanted.filter))]
            case Summaries(wanted):
                return told(await self.memory.summaries(wanted.filter), at_once=2)
            case Remove(tag):
                return [Done(await self.memory.remove(tag.decode("utf-8", "surrogatepass")))]
            case Report():
                return [State(len(self.memory), self.memory.bytes)]


SILENT, GONE = Worker(fails=WorkerSilent("")), Worker(fails=WorkerGone(""))


def memory_of(*workers):
    silences = []
    return WorkersMemory(lambda: workers, silences.append), silences


async def test_entries_and_bytes_of_all_are_known_after_a_look():
    one, other = Worker(an_entry(1)), Worker(an_entry(1), an_entry(2))
    memory, silences = memory_of(one, other, GONE)

    assert (len(memory), memory.bytes) == (0, 0)
    await memory.look()

    assert (len(memory), memory.bytes) == (3, 3 * an_entry(1).size)
    assert silences == []


async def test_a_worker_that_does_not_answer_is_said():
    memory, silences = memory_of(Worker(an_entry(1)), SILENT)

    await memory.look()

    assert len(memory) == 1
    assert silences == ["look"]


async def test_a_count_is_at_least_what_the_fullest_memory_holds():
    memory, _ = memory_of(Worker(an_entry(1), an_entry(2)), Worker(an_entry(2)), Worker())

    assert await memory.count(Filter(TAG)) == 2
    assert await memory.count(Filter("courseworks/course:1")) == 0


async def test_a_count_without_the_silent_and_the_dead_is_a_lower_bound():
    memory, silences = memory_of(Worker(an_entry(1)), SILENT, GONE)

    assert await memory.count(Filter(TAG)) == 1
    assert silences == ["count"]
    assert await memory_of(GONE)[0].count(Filter(TAG)) == 0


async def test_an_entry_in_several_memories_is_told_once_with_its_latest_answer():
    old, new = an_entry(1, order=(1, 1)), an_entry(1, order=(2, 2), age=-5.0)
    memory, _ = memory_of(Worker(old, an_entry(2, age=3.0)), Worker(new), Worker(old, an_entry(3, age=9.0)))

    found = await memory.summaries(Filter(TAG))

    assert [summary.key for summary in found] == [key(number).hex() for number in (1, 2, 3)]
    assert found[0].fence == 2


async def test_no_more_entries_are_told_than_were_asked_for():
    memory, _ = memory_of(*[Worker(*[an_entry(number, age=float(number)) for number in range(9)])] * 2)

    found = await memory.summaries(Filter(TAG, limit=4))

    assert [summary.key for summary in found] == [key(number).hex() for number in range(4)]


async def test_less_than_the_truth_is_not_told_as_if_it_were_all():
    memory, silences = memory_of(Worker(an_entry(1)), SILENT)

    with pytest.raises(NotAllAnswered):
        await memory.summaries(Filter(TAG))
    assert silences == ["summaries"]


async def test_the_memory_of_a_dead_worker_is_gone_and_missed_by_nobody():
    memory, _ = memory_of(Worker(an_entry(1)), GONE)

    assert len(await memory.summaries(Filter(TAG))) == 1


async def test_bytes_are_removed_from_every_memory():
    workers = [Worker(an_entry(1), an_entry(2, tags=("courseworks/course:9",))) for _ in range(3)]
    memory, _ = memory_of(*workers)

    assert await memory.remove(TAG) == 3
    assert [len(worker.memory) for worker in workers] == [1, 1, 1]


async def test_a_worker_that_may_not_have_removed_anything_is_said():
    memory, silences = memory_of(Worker(an_entry(1)), SILENT)

    assert await memory.remove(TAG) == 1
    assert silences == ["remove"]
