"""The quarantines of all workers are one to operators, and a person goes from all of them: what is not sure is said."""

import pytest

from proxy.doubts.sightings import Decided, Fate, Quarantined
from proxy.erasing import ErasedHere, Erasure
from proxy.workers.answering_wards import warded
from proxy.workers.asking import WorkerGone, WorkerSilent
from proxy.workers.erasing import CrewProcesses
from proxy.workers.tiers import NotAllAnswered, WorkersMemory
from proxy.workers.ward_words import (
    AcceptHeld,
    DecidedHeld,
    DiscardHeld,
    Erase,
    Erased,
    FindPrincipals,
    Held,
    ListHeld,
    Principals,
)
from proxy.workers.wards import CrewWard
from tests.house import running_larder
from tests.unit.store.samples import an_entry

CONFIG = {
    "server": {"port": 0},
    "store": {"durable": "none"},
    "upstreams": {"courseworks": {"base_url": "http://127.0.0.1:9"}},
}


def one(seen=1, *, last=2.0, first=1.0, acceptable=True, change="a"):
    return Quarantined(
        change, "courseworks", "GET /", "shared", "other-id", acceptable, first, last, seen, None, None, None, 2
    )


class Worker:
    """Holds something, has its fates for words on it, and hears them."""

    def __init__(self, *held, fate=Fate.UNKNOWN, fails=None, process=1, order=(0, 0)):
        self.held, self.fate, self.fails, self.process, self.order = held, fate, fails, process, order
        self.heard = []

    async def ask(self, question, within):
        self.heard.append(question)
        if self.fails is not None:
            raise self.fails
        match question:
            case ListHeld():
                return [Held(self.held)]
            case AcceptHeld() | DiscardHeld():
                return [DecidedHeld(self.fate.value, order=self.order)]
            case FindPrincipals():
                return [Principals((f"principal:{self.process}",))]
            case Erase():
                return [Erased(ErasedHere(self.process, 1, 100, 0))]


def crew_of(*workers):
    said = []
    return WorkersMemory(lambda: workers, said.append), said


async def test_the_same_change_in_two_workers_is_one():
    memory, _ = crew_of(Worker(one(2, last=5.0, acceptable=False)), Worker(one(3, first=0.5)), Worker(one(change="b")))

    listed = (await CrewWard(memory).listed()).answers

    assert [(told.id, told.seen, told.first_seen, told.last_seen) for told in listed] == [
        ("a", 5, 0.5, 5.0),
        ("b", 1, 1.0, 2.0),
    ]
    assert listed[0].acceptable


async def test_who_does_not_answer_may_hold_something():
    memory, said = crew_of(Worker(one()), Worker(fails=WorkerSilent("")))

    with pytest.raises(NotAllAnswered):
        await CrewWard(memory).listed()
    assert said == ["quarantine"]


async def test_where_a_store_has_what_they_hold_the_others_answers_do():
    memory, _ = crew_of(Worker(one()), Worker(fails=WorkerSilent("")))

    assert await CrewWard(memory, has_store=True).listed() == ([one()], False)


async def test_who_is_gone_holds_nothing_any_more():
    memory, _ = crew_of(Worker(one()), Worker(fails=WorkerGone("")))

    assert len((await CrewWard(memory).listed()).answers) == 1


@pytest.mark.parametrize(
    ("fates", "expected"),
    [
        ([Fate.STORED, Fate.UNKNOWN], Fate.STORED),
        ([Fate.NEWER, Fate.STORED], Fate.STORED),
        ([Fate.UNKNOWN, Fate.PURGED], Fate.PURGED),
        ([Fate.UNKNOWN, Fate.UNKNOWN], Fate.UNKNOWN),
        ([], Fate.UNKNOWN),
    ],
)
async def test_the_best_that_happened_is_told(fates, expected):
    workers = [Worker(fate=fate) for fate in fates]
    memory, _ = crew_of(*workers)

    assert await CrewWard(memory).accept("a") == Decided(expected)
    assert all(worker.heard == [AcceptHeld("a")] for worker in workers)


async def test_the_latest_that_any_decided_on_is_told():
    fates = [(Fate.UNKNOWN, (0, 0)), (Fate.STORED, (3, 9)), (Fate.NEWER, (3, 7))]
    memory, _ = crew_of(*(Worker(fate=fate, order=order) for fate, order in fates))

    assert await CrewWard(memory).accept("a") == Decided(Fate.STORED, order=(3, 9))


async def test_a_word_that_not_all_heard_says_so():
    memory, said = crew_of(Worker(fate=Fate.DISCARDED), Worker(fails=WorkerSilent("")))

    assert await CrewWard(memory).discard("a") == Decided(Fate.DISCARDED, everywhere=False)
    assert said == ["discard"]


async def test_what_the_silent_one_may_know_is_not_said_to_be_unknown():
    memory, _ = crew_of(Worker(fate=Fate.UNKNOWN), Worker(fails=WorkerSilent("")))

    with pytest.raises(NotAllAnswered):
        await CrewWard(memory).accept("a")


async def test_a_worker_that_could_not_ask_the_store_did_not_hear():
    memory, _ = crew_of(Worker(fate=Fate.STORED), Worker(fate=Fate.UNREADABLE))

    assert await CrewWard(memory).accept("a") == Decided(Fate.STORED, everywhere=False)


async def test_a_person_goes_from_all_workers_and_each_says_what_went():
    workers = [Worker(process=2), Worker(process=1), Worker(fails=WorkerSilent(""))]
    memory, _ = crew_of(*workers)
    processes = CrewProcesses(memory)

    assert await processes.principals({"7"}) == ({"principal:1", "principal:2"}, False)
    erased, everywhere = await processes.erase(Erasure("courseworks", ("7",), ("courseworks/user:7",), 3))

    assert ([here.process for here in erased], everywhere) == ([1, 2], False)
    assert workers[0].heard[-1] == Erase("courseworks", (b"7",), (b"courseworks/user:7",), 3)


async def test_a_worker_does_as_it_is_told():
    async with running_larder(CONFIG) as (larder, _):
        larder.memory.put(an_entry(1, tags=("courseworks/user:7",), order=(0, 1), lives=1e9))
        larder.memory.put(an_entry(2, lives=1e9))
        await larder.durable.bind("principal:a", "7")
        await larder.works.learner.open()

        assert await warded(larder, ListHeld()) == Held(())
        assert await warded(larder, DiscardHeld("a")) == DecidedHeld("unknown")
        assert await warded(larder, AcceptHeld("a")) == DecidedHeld("unknown")
        assert larder.quarantine.is_believed("a")
        assert await warded(larder, FindPrincipals((b"7",))) == Principals(("principal:a",))
        erased = await warded(larder, Erase("courseworks", (b"7",), (b"courseworks/user:7",), 1))
        assert (erased.here.entries, erased.here.principals, erased.here.left) == (1, 1, 0)
        assert len(larder.memory) == 1
