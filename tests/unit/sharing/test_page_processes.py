"""The page under real processes that write at once, and are killed at any moment."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from proxy.sharing.fence_ring import Overrun
from proxy.sharing.page import Page
from tests.unit.sharing import page_worker
from tests.unit.sharing.page_worker import BEGIN, CALLS, CLOCK, LIMIT, PROCESSES, PURGES, SAID_BYTES, TAGS, THING, TTL
from tests.unit.sharing.pages import name

ROOT = Path(__file__).parents[3]
KILLS = 20
PIPE_BYTES = 4096


@pytest.fixture
def page():
    page = Page.create()
    yield page
    page.close()


class Worker:
    """A process at the page, and what it said."""

    def __init__(self, page, process, task):
        self.process = process
        command = (sys.executable, "-m", page_worker.__name__, str(page.fd), str(process), task)
        self._child = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, pipesize=PIPE_BYTES, pass_fds=[page.fd]
        )
        self._said = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._child.kill()
        self._child.wait()
        self._child.stdout.close()

    def attached(self):
        assert os.read(self._child.stdout.fileno(), 1) == b"!"

    def listen(self, some_bytes):
        """Hear at least something, and not more than so much."""
        said = os.read(self._child.stdout.fileno(), some_bytes)
        self._said += said
        return bool(said)

    def kill(self):
        self._child.kill()
        self._child.wait()
        while self.listen(1 << 16):
            pass

    def result(self):
        said, _ = self._child.communicate(timeout=50)
        assert self._child.returncode == 0
        return json.loads(said)

    def numbers(self):
        """Of purges that it saw to their end."""
        said = range(0, len(self._said), SAID_BYTES)
        return [int.from_bytes(self._said[at : at + SAID_BYTES], "little") for at in said]


@pytest.fixture(scope="module")
def results():
    """What processes say that did everything at once; and the page they did it to."""
    page = Page.create()
    workers = [Worker(page, process, "all") for process in range(1, PROCESSES + 1)]
    try:
        for worker in workers:
            worker.attached()
        page.set_cell(BEGIN, 1)
        yield page, [worker.result() for worker in workers]
    finally:
        for worker in workers:
            worker.__exit__()
        page.close()


def test_processes_that_purge_at_once_lose_no_number_and_none_is_given_twice(results):
    page, said = results
    given = [number for (numbers, _), *_ in said for number in numbers]
    assert sorted(given) == list(range(1, PROCESSES * PURGES + 1))
    assert page.fences.number == PROCESSES * PURGES


def test_every_process_reads_every_note_in_the_same_order(results):
    page, said = results
    notes = [[note.number, note.tag.hex()] for note in page.fences.since(0)[0]]
    assert len(notes) == PROCESSES * PURGES * TAGS
    assert [read for (_, read), *_ in said] == [notes] * PROCESSES
    tags = {number: process for process, ((numbers, _), *_) in enumerate(said, 1) for number in numbers}
    assert all(name(tags[number] * 10 + place % TAGS).hex() == tag for place, (number, tag) in enumerate(notes))


def test_no_sequence_number_is_given_twice(results):
    _, said = results
    drawn = [number for _, sequences, *_ in said for number in sequences]
    assert len(set(drawn)) == PROCESSES * PURGES
    assert all(list(sequences) == sorted(sequences) for _, sequences, *_ in said)


def test_one_process_at_a_time_has_a_lease_and_later_ones_have_higher_tokens(results):
    _, said = results
    assert [clashes for *_, clashes, _ in said] == [0] * PROCESSES


def test_no_more_slots_are_taken_than_there_are(results):
    page, said = results
    assert [clashes for *_, clashes in said] == [0] * PROCESSES
    assert page.slots.in_flight(CALLS) == 0


def test_writers_that_are_killed_at_any_moment_leave_the_page_right(page):
    """Twenty of them. A reader follows all the while: its numbers are those that the writers say they published."""
    random, reader = Random(4), Reader(page)
    page.set_cell(BEGIN, 1)
    workers = [Worker(page, process, "work") for process in range(1, PROCESSES + 1)]
    gone = []
    try:
        for worker in workers:
            worker.attached()
        for kill in range(KILLS):
            for _ in range(random.randrange(1, 12)):
                for worker in workers:
                    worker.listen(random.randrange(1, 20 * SAID_BYTES))
                reader.look()
            killed = workers.pop(0)
            killed.kill()
            gone.append(killed)
            page.forget_process(killed.process)
            if kill < KILLS - PROCESSES:
                workers.append(Worker(page, killed.process, "work"))
                workers[-1].attached()
    finally:
        for worker in workers + gone:
            worker.__exit__()

    reader.look()
    published = [number for worker in gone for number in worker.numbers()]
    assert len(published) == len(set(published)), "no number is given twice"
    assert all(worker.numbers() for worker in gone)
    assert reader.misses == 0
    for worker in gone:
        assert all(
            reader.notes[number] == [(worker.process, tag) for tag in range(TAGS)] for number in worker.numbers()
        )
    assert all(len(notes) == TAGS for notes in reader.notes.values()), "a purge is noted as a whole or not at all"
    assert len(reader.notes) - len(published) <= KILLS, "at most one per kill was noted, and never acknowledged"

    assert max(reader.notes) in (page.fences.number, page.fences.number + 1)
    assert page.fences.publish([name(1)], 0, 1.0, 2.0) == max(reader.notes) + 1
    assert isinstance(page.leases.take(THING, CLOCK, TTL, 1), int), "the dead hold no lease"
    assert page.slots.in_flight(CALLS) == 0, "nor a slot"
    assert [page.slots.try_take(CALLS, LIMIT, 1) for _ in range(LIMIT + 1)] == [True] * LIMIT + [False]
    assert set(Counter(report.process for report in page.reports.since(0)[0])) <= set(range(1, PROCESSES + 1))


class Reader:
    """Follows the ring: by number, whose purge it was, and of which tags."""

    def __init__(self, page):
        self._ring = page.fences
        self._position = 0
        self.notes = {}
        self.misses = 0

    def look(self):
        try:
            notes, self._position = self._ring.since(self._position)
        except Overrun as overrun:
            self.misses += 1
            notes, self._position = [], overrun.position
        for note in notes:
            self.notes.setdefault(note.number, []).append(divmod(int.from_bytes(note.tag[:4], "little"), 10))
