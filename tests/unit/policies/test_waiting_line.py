"""The waiting line: who is next, and who is shed when there are too many."""

import math

import pytest

from policies import Demand, Priority
from policies.waiting_line import WaitingLine


class Waiter:
    """One who waits, with a name for the eye."""

    def __init__(self, name, priority=Priority.INTERACTIVE, deadline=math.inf):
        self.name, self.demand = name, Demand(priority, deadline)

    def __repr__(self):
        return self.name


def line_of(*waiters, most=100):
    line = WaitingLine(most)
    for waiter in waiters:
        line.join(waiter)
    return line


def names(waiters):
    return "".join(waiter.name for waiter in waiters)


def test_of_equals_the_first_to_come_is_the_first():
    assert names(line_of(*map(Waiter, "abc")).in_order()) == "abc"


def test_the_more_urgent_come_before_those_who_came_before():
    waiters = [Waiter(name, priority) for name, priority in zip("wbni", reversed(Priority), strict=True)]

    assert names(line_of(*waiters).in_order()) == "inbw"


def test_who_becomes_more_urgent_while_it_waits_goes_before_the_less_urgent_and_behind_its_equals_of_before():
    first, second, third = Waiter("a"), Waiter("b", Priority.BEHIND), Waiter("c", Priority.BEHIND)
    line = line_of(second, first, third)
    assert names(line.in_order()) == "abc"

    third.demand.joined(Demand(Priority.INTERACTIVE))

    assert names(line.in_order()) == "acb"


def test_anybody_may_leave_while_the_line_is_looked_at():
    line = line_of(*map(Waiter, "abc"))
    for waiter in line.in_order():
        line.leave(waiter)

    assert len(line) == 0


def test_who_has_left_may_leave_again():
    waiter = Waiter("a")
    line = line_of(waiter)
    line.leave(waiter)
    line.leave(waiter)

    assert (len(line), names(line.in_order())) == (0, "")


def test_nobody_is_shed_while_there_is_room_not_even_who_is_too_late():
    line = line_of(Waiter("a"), Waiter("b", deadline=5), most=2)

    assert line.shed(now=10) == []


@pytest.mark.parametrize("newcomer", [Priority.INTERACTIVE, Priority.NOTIFIED, Priority.BEHIND])
def test_the_least_urgent_is_shed_whoever_comes(newcomer):
    line = line_of(Waiter("w", Priority.WATCH, 90), Waiter("i", deadline=10), Waiter("n", newcomer, 5), most=2)

    assert names(line.shed(now=1)) == "w"
    assert len(line) == 2


def test_the_newcomer_is_shed_when_it_is_the_least_urgent_itself():
    line = line_of(Waiter("a", Priority.NOTIFIED, 5), Waiter("b", Priority.BEHIND, 90), most=1)

    assert names(line.shed(now=1)) == "b"


def test_of_the_least_urgent_the_one_whose_deadline_ends_first_is_shed():
    deadlines = {"a": 30, "b": 10, "c": 20}
    waiters = [Waiter(name, Priority.BEHIND, deadline) for name, deadline in deadlines.items()]

    assert names(line_of(Waiter("i", deadline=5), *waiters, most=3).shed(now=1)) == "b"


def test_of_equals_the_last_to_come_is_shed():
    assert names(line_of(*map(Waiter, "abc"), most=2).shed(now=1)) == "c"


def test_who_became_more_urgent_while_it_waited_is_not_shed_for_what_it_was():
    first, second = Waiter("a", Priority.WATCH, 10), Waiter("b", Priority.BEHIND, 20)
    line = line_of(first, second, most=1)
    first.demand.joined(Demand(Priority.NOTIFIED, 5))

    assert names(line.shed(now=1)) == "b"


def test_who_is_too_late_is_shed_in_place_of_those_who_may_still_be_served():
    line = line_of(Waiter("a", deadline=5), Waiter("b", deadline=5), Waiter("w", Priority.WATCH, 90), most=2)

    assert names(line.shed(now=5)) == "ab"
    assert names(line.in_order()) == "w"


def test_as_many_are_shed_as_there_are_too_many():
    line = line_of(*map(Waiter, "abcd"), most=1)

    assert names(line.shed(now=1)) == "dcb"


def test_a_line_without_room_sheds_everybody():
    assert names(line_of(Waiter("a"), most=0).shed(now=1)) == "a"


def test_it_tells_how_many_wait_of_each_priority():
    line = line_of(Waiter("a"), Waiter("b", Priority.WATCH), Waiter("c", Priority.WATCH))

    assert line.by_priority == {"interactive": 1, "notified": 0, "behind": 0, "watch": 2}
    assert repr(line) == "<WaitingLine 3 of 100>"


@pytest.mark.parametrize("deadline", [3.0, 5.0, 7.0, float("inf")])
@pytest.mark.parametrize("priority", list(Priority))
@pytest.mark.parametrize("waiting", [[], [(0, 5.0)], [(2, 5.0), (1, 9.0)], [(3, 5.0), (3, 9.0)], [(0, 0.5), (0, 9.0)]])
def test_there_is_room_for_exactly_those_who_would_not_be_shed(waiting, priority, deadline):
    line = WaitingLine(len(waiting))
    for one in waiting:
        line.join(Waiter("w", Priority(one[0]), one[1]))
    newcomer = Waiter("n", priority, deadline)

    has_room = line.has_room_for(newcomer.demand, now=1.0)

    line.join(newcomer)
    assert has_room is (newcomer not in line.shed(1.0))
