"""The page: what one mapping writes, another one of the same file reads."""

import fcntl
import os
from math import inf

import pytest

from proxy.sharing.fence_ring import Kind
from proxy.sharing.lease_table import Taken
from proxy.sharing.page import CELLS, KEY_SLOTS, Page
from tests.unit.sharing.pages import name


@pytest.fixture
def page():
    page = Page.create()
    yield page
    page.close()


@pytest.fixture
def attached(page):
    attached = Page.attach(os.dup(page.fd), 1)
    yield attached
    attached.close()


def test_what_one_process_writes_another_reads(page, attached):
    page.fences.publish([name(1)], Kind.HARD, 1.0, 2.0)
    page.coherent_until = 12.5
    page.set_cell(3, 77)
    page.keys[5] = 1
    page.reports.publish(name(1), 2, 3.0, 4.0, name(2), page.process)
    token = page.leases.take(name(1), 10.0, 2.0, page.process)
    page.slots.try_take(name(1), 1, page.process)

    assert attached.fences.since(0) == page.fences.since(0)
    assert attached.fences.number == 1
    assert attached.fences.sequence == token
    assert attached.coherent_until == 12.5
    assert attached.cell(3) == 77
    assert attached.keys[5] == 1
    assert attached.reports.since(0) == page.reports.since(0)
    assert attached.leases.take(name(1), 10.0, 2.0, attached.process) is Taken.HELD
    assert not attached.slots.try_take(name(1), 1, attached.process)


def test_processes_are_known_by_their_numbers(page, attached):
    assert (page.process, attached.process, Page.anonymous().process) == (0, 1, 0)


def test_what_a_dead_process_held_is_free_again(page, attached):
    attached.leases.take(name(1), 10.0, 2.0, attached.process)
    attached.slots.try_take(name(1), 1, attached.process)
    page.forget_process(attached.process)
    assert page.leases.is_free(name(1), 10.0)
    assert page.slots.in_flight(name(1)) == 0


def test_a_page_that_follows_nobody_is_coherent_for_ever():
    assert Page.anonymous().coherent_until == inf
    page = Page.create()
    assert page.coherent_until == inf
    page.close()


def test_no_part_of_the_page_reaches_into_another():
    """Each part is filled as far as it goes; all others still say what they said."""
    page = Page.anonymous()
    for cell in range(CELLS):
        page.set_cell(cell, (1 << 64) - 1 - cell)
    page.keys[:] = b"\x01" * KEY_SLOTS
    page.fences.publish([name(tag) for tag in range(20_000)], Kind.SOFT, 1.0, 2.0)
    for number in range(9_000):
        page.reports.publish(name(number), 1, 0.0, 0.0, name(1), 1)
        page.slots.try_take(name(number), 1, number % 2)
        page.leases.take(name(number), 10.0, 2.0, number % 2)

    assert [page.cell(cell) for cell in range(CELLS)] == [(1 << 64) - 1 - cell for cell in range(CELLS)]
    assert page.coherent_until == inf
    assert (page.fences.number, page.fences.position, page.fences.sequence) == (1, 20_000, 9_000)
    assert [note.tag for note in page.fences.since(20_000 - 16_384)[0]] == [name(tag) for tag in range(3_616, 20_000)]
    assert [report.upstream for report in page.reports.since(0)[0]] == [name(n) for n in range(9_000 - 8_192, 9_000)]
    assert all(page.slots.in_flight(name(number)) == 1 for number in range(4_096))
    assert not any(page.leases.is_free(name(number), 10.0) for number in range(8_192))
    assert page.keys.tobytes() == b"\x01" * KEY_SLOTS


def test_a_new_page_takes_next_to_no_memory(page):
    assert os.fstat(page.fd).st_blocks * 512 < 64 * 1024
    page.fences.publish([name(1)], Kind.SOFT, 1.0, 2.0)
    page.slots.try_take(name(1), 1, 1)
    assert os.fstat(page.fd).st_blocks * 512 < 64 * 1024


def test_cells_end_where_they_end(page):
    with pytest.raises(IndexError):
        page.cell(CELLS)
    with pytest.raises(IndexError):
        page.set_cell(CELLS, 1)


def test_an_anonymous_page_has_nothing_to_inherit():
    with pytest.raises(RuntimeError, match="for one process"):
        _ = Page.anonymous().fd


def test_a_closed_page_is_read_but_not_written():
    page = Page.create()
    page.fences.publish([name(1)], Kind.SOFT, 1.0, 2.0)
    page.close()
    page.close()
    assert len(page.fences.since(0)[0]) == 1
    with pytest.raises(RuntimeError, match="closed"):
        page.fences.publish([name(2)], Kind.SOFT, 1.0, 2.0)


def test_a_descriptor_of_something_else_is_refused(tmp_path):
    path = tmp_path / "not a page"
    path.write_bytes(b"short")
    with path.open("r+b") as file, pytest.raises(ValueError, match="mmap length"):
        Page.attach(file.fileno(), 1)


def test_where_there_is_no_memfd_an_unlinked_file_is_mapped(monkeypatch):
    monkeypatch.delattr(os, "memfd_create")
    page = Page.create()
    attached = Page.attach(os.dup(page.fd), 1)
    page.fences.publish([name(1)], Kind.SOFT, 1.0, 2.0)
    assert attached.fences.number == 1
    assert os.fstat(page.fd).st_nlink == 0
    attached.close()
    page.close()


def test_a_reader_makes_no_system_call_and_a_lone_process_takes_no_lock(page, monkeypatch):
    def refuse(*_):
        raise AssertionError("a lock was taken")

    monkeypatch.setattr(fcntl, "lockf", refuse)
    assert (page.fences.number, page.fences.position, page.fences.sequence) == (0, 0, 0)
    assert page.fences.since(0) == ([], 0)
    assert page.leases.is_free(name(1), 1.0)
    assert page.slots.in_flight(name(1)) == 0
    assert page.reports.since(0) == ([], 0)
    assert Page.anonymous().fences.next_sequence() == 1
