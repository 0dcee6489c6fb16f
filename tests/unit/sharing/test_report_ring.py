"""The report ring: everybody hears of everything, in one order, unless it looks too late."""

from contextlib import nullcontext

from hypothesis import given
from hypothesis import strategies as st

from proxy.sharing.report_ring import SLOT_BYTES, Report, ReportRing
from tests.unit.sharing.dying import Life, Mortal
from tests.unit.sharing.pages import cells, memory, name

REPORTS = 8


def a_report_ring(life=None):
    life = life or Life()
    return ReportRing(Mortal(cells(1), life), Mortal(memory(REPORTS, SLOT_BYTES), life), nullcontext)


def publish(ring, number, process=1):
    ring.publish(name(1), number, 0.5, 1.5, name(2), process)


def kinds(reports):
    return [report.kind for report in reports]


def test_a_report_says_what_was_published_and_by_whom():
    ring = a_report_ring()
    ring.publish(name(1), 7, 0.5, -1.5, name(2), 3)
    assert ring.since(0) == ([Report(name(1), name(2), 7, 3, 0.5, -1.5)], 1)
    assert ring.position == 1


def test_a_reader_reads_on_where_it_was():
    ring = a_report_ring()
    publish(ring, 1)
    _, position = ring.since(0)
    publish(ring, 2)
    reports, position = ring.since(position)
    assert kinds(reports) == [2]
    assert ring.since(position) == ([], position)


@given(st.lists(st.integers(0, 12), max_size=10))
def test_who_looks_too_late_misses_the_oldest_and_nothing_else(bursts):
    ring, position, published = a_report_ring(), 0, 0
    for burst in bursts:
        for number in range(published, published + burst):
            publish(ring, number)
        published += burst
        reports, position = ring.since(position)
        assert kinds(reports) == list(range(published - min(burst, REPORTS), published))
        assert position == published


@given(st.integers(0, 20), st.integers(0, 1), st.floats(0, 0.99))
def test_a_report_that_its_writer_did_not_end_is_not_read_and_keeps_nobody_from_writing(before, writes, half):
    life = Life()
    ring = a_report_ring(life)
    for number in range(before):
        publish(ring, number)
    with life.of(writes, half):
        publish(ring, 999)
    assert 999 not in kinds(ring.since(0)[0])

    publish(ring, before)
    assert kinds(ring.since(0)[0]) == list(range(max(0, before + 1 - REPORTS), before + 1))
