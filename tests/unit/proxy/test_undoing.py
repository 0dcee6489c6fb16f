"""Changes are taken back: the newest of each thing, once, for what was left of the time; and why others are not."""

from io import StringIO

import pytest

from proxy.observing import Observing
from proxy.operating.audit import Audit, By
from proxy.operating.given_orders import GivenOrders
from proxy.operating.undoing import CONFIG, CannotUndo, Steps, Undoing, UnknownChange
from proxy.telemetry.logs import configure_logs
from proxy.upstream.orders import Order, Orders
from tests.unit.store.samples import Clock

ALICE, BOB = By("alice", "admin"), By("bob", "admin")


class Book:
    """The orders on one upstream, and who heard of them."""

    def __init__(self, clock):
        self.orders, self.names, self.all_answer = Orders(clock), {"courseworks"}, True
        self.heard = []
        self.bases = ("http://there",)

    def __contains__(self, name):
        return name in self.names

    def place(self, _name):
        return self.bases

    def of(self, _name):
        return self.orders

    def take(self, _name, order):
        self.orders.take(order)

    async def tell(self, name, order):
        self.heard.append((name, order))
        return self.all_answer


class Scene:
    def __init__(self):
        self.clock, self.steps = Clock(), Steps()
        self.audit = Audit(None, Observing(configure_logs("error", "json", StringIO())), self.clock)
        self.book = Book(self.clock)
        self.orders = GivenOrders(self.book, self.audit, self.steps, self.clock)
        self.undoing = Undoing(self.audit, self.steps, self.undo_config, self.orders.undo)
        self.configs = []

    async def undo_config(self, step, by):
        self.configs.append((step.before, by))
        self.steps.undone(step.change)
        return {"what": "reload"}

    async def give(self, word, seconds=0.0):
        return (await self.orders.give("courseworks", Order(word, seconds), ALICE)).change

    async def undo(self, change=None):
        return await self.undoing.undo(change, BOB)


@pytest.fixture
def scene():
    return Scene()


async def test_an_order_is_given_told_and_put_on_record(scene):
    given = await scene.orders.give("courseworks", Order("open", 60.0), ALICE)

    assert (given.before, given.after, given.everywhere, given.audited) == (
        Order("auto"),
        Order("open", 60.0),
        True,
        True,
    )
    assert scene.book.heard == [("courseworks", Order("open", 60.0))]
    [record] = scene.audit.newest(9)
    assert (record.what, record.of, record.who) == ("breaker", "courseworks", "alice")
    assert (record.before, record.after) == ({"state": "auto"}, {"state": "open", "for": 60.0})


async def test_an_order_that_not_all_workers_took_is_told_as_such(scene):
    scene.book.all_answer = False

    assert not (await scene.orders.give("courseworks", Order("drain", 60.0), ALICE)).everywhere


async def test_an_order_undone_lets_the_one_before_hold_for_what_was_left_of_it(scene):
    await scene.give("closed", 600.0)
    scene.clock.advance(100)
    change = await scene.give("open", 3600.0)
    scene.clock.advance(50)

    undone = await scene.undo()

    assert scene.book.orders.of_circuit == Order("closed", 450.0)
    assert undone["undone"] == change
    assert (undone["what"], undone["of"]) == ("breaker", "courseworks")
    record = scene.audit.newest(1)[0]
    assert (record.what, record.undoes, record.who) == ("undo", change, "bob")
    assert record.after == {"state": "closed", "for": 450.0}


async def test_an_order_whose_time_would_be_over_by_now_comes_back_no_more(scene):
    await scene.give("drain", 60.0)
    await scene.give("drain", 3600.0)
    scene.clock.advance(61)

    await scene.undo()

    assert scene.book.orders.of_background == Order("resume")


async def test_one_call_after_the_other_takes_back_one_change_after_the_other(scene):
    await scene.give("open", 60.0)
    await scene.give("drain", 60.0)

    await scene.undo()
    assert (scene.book.orders.of_circuit.word, scene.book.orders.is_draining) == ("open", False)

    await scene.undo()
    assert scene.book.orders.of_circuit.word == "auto"

    with pytest.raises(CannotUndo, match="no change that can be undone"):
        await scene.undo()


async def test_a_change_that_is_not_the_newest_of_its_thing_is_undone_after_those(scene):
    first = await scene.give("open", 60.0)
    drain = await scene.give("drain", 60.0)
    second = await scene.give("closed", 60.0)

    with pytest.raises(CannotUndo, match=f"changed again since, by {second}; undo that first"):
        await scene.undo(first)
    assert set(scene.steps.open) == {drain, second}
    await scene.undo(drain)
    await scene.undo(second)
    await scene.undo(first)

    assert scene.book.orders.of_circuit == Order("auto")


async def test_an_order_that_changes_nothing_leaves_nothing_to_undo(scene):
    await scene.give("resume")

    assert scene.audit.newest(1)[0].what == "drain"
    with pytest.raises(CannotUndo):
        await scene.undo()


async def test_a_change_is_undone_once(scene):
    change = await scene.give("open", 60.0)
    await scene.undo(change)
    undo = scene.audit.newest(1)[0].id

    with pytest.raises(CannotUndo, match=f"undone already, by {undo}"):
        await scene.undo(change)
    with pytest.raises(CannotUndo, match="itself an undoing"):
        await scene.undo(undo)


async def test_an_order_on_an_upstream_that_is_gone_cannot_be_undone(scene):
    change = await scene.give("open", 60.0)
    scene.book.names = set()

    with pytest.raises(CannotUndo, match="no such upstream any more"):
        await scene.undo(change)


async def test_an_order_on_another_upstream_of_the_same_name_is_not_taken_back(scene):
    change = await scene.give("open", 60.0)
    scene.book.bases = ("http://elsewhere",)

    with pytest.raises(CannotUndo, match="at another place now"):
        await scene.undo(change)
    assert scene.book.orders.of_circuit.word == "open"


@pytest.mark.parametrize("what", ["flush", "start", "end"])
async def test_what_cannot_be_undone_says_so_and_is_never_the_latest(scene, what):
    config = scene.audit.note("reload", ALICE).change
    scene.steps.made(config, CONFIG, "the text before")
    change = scene.audit.note(what, ALICE).change

    with pytest.raises(CannotUndo, match="cannot be undone"):
        await scene.undo(change)
    assert (await scene.undo())["undone"] == config
    assert scene.configs == [("the text before", BOB)]


async def test_what_nobody_changed_is_not_known(scene):
    with pytest.raises(UnknownChange):
        await scene.undo("nothing")


async def test_of_what_was_changed_before_the_last_start_nothing_is_remembered(scene):
    change = scene.audit.note("reload", ALICE).change

    with pytest.raises(CannotUndo, match="not remembered"):
        await scene.undo(change)


async def test_of_each_thing_the_last_changes_are_remembered(scene):
    steps = Steps(kept=2)
    for number in range(3):
        steps.made(f"config {number}", CONFIG, number)
    steps.made("order", "breaker courseworks", None)

    with pytest.raises(CannotUndo, match="not remembered"):
        steps.find("config 0")
    assert steps.find("config 2").before == 2
    steps.undone("config 2")
    assert steps.find("config 1").before == 1
    assert steps.newest == "order"
