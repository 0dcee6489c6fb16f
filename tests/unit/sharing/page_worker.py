"""A process of its own at an inherited page: `page_worker.py FD PROCESS TASK`, told by the page's first cell to begin.

`all` and `sequences` say as JSON what came of it. `work` goes on until it is killed: it writes to everything, and says
the number of each purge when that is published.
"""

import json
import os
import sys
import time

from proxy.sharing.fence_ring import Kind
from proxy.sharing.page import Page
from tests.unit.sharing.pages import name

BEGIN, IN_FLIGHT, HOLDER, LAST_TOKEN = 0, 1, 8, 9  # cells; of those from IN_FLIGHT on each process has its own
PROCESSES, PURGES, TIMES, LIMIT = 3, 400, 150, 2
TAGS = 3  # of each purge
SAID_BYTES = 64  # about each purge: who is not listened to is soon held up, so that no reader is overrun
THING, CALLS = name(1), name(2)
CLOCK, TTL = 10.0, 3600.0  # a clock that stands still: nothing lapses


def publish(page: Page) -> int:
    return page.fences.publish([name(page.process * 10 + tag) for tag in range(TAGS)], Kind.SOFT, 1.0, 2.0)


def purges(page: Page) -> object:
    """Purges, and what this process reads of all purges."""
    numbers, notes, position = [], [], 0
    deadline = time.monotonic() + 30
    while len(notes) < PROCESSES * PURGES * TAGS and time.monotonic() < deadline:
        if len(numbers) < PURGES:
            numbers.append(publish(page))
        upto = page.fences.number
        read, position = page.fences.since(position)
        notes += [(note.number, note.tag.hex()) for note in read]
        known = len({number for number, _ in notes if number <= upto})
        assert known == upto, "a number is not seen before its notes"
    return numbers, notes


def sequences(page: Page) -> object:
    return [page.fences.next_sequence() for _ in range(PURGES)]


def leases(page: Page) -> object:
    """Have the lease so many times; how often another process had it as well."""
    clashes = times = 0
    while times < TIMES:
        token = page.leases.take(THING, CLOCK, TTL, page.process)
        if isinstance(token, int):
            times += 1
            clashes += page.cell(HOLDER) != 0 or token <= page.cell(LAST_TOKEN)
            page.set_cell(HOLDER, page.process)
            page.set_cell(LAST_TOKEN, token)
            os.sched_yield()
            clashes += page.cell(HOLDER) != page.process or not page.leases.renew(THING, token, CLOCK, TTL)
            page.set_cell(HOLDER, 0)
            page.leases.release(THING, token)
    return clashes


def slots(page: Page) -> object:
    """Take a slot so many times; how often more than LIMIT were taken."""
    clashes = times = 0
    while times < TIMES:
        if page.slots.try_take(CALLS, LIMIT, page.process):
            times += 1
            page.set_cell(IN_FLIGHT + page.process, 1)
            os.sched_yield()
            clashes += sum(page.cell(IN_FLIGHT + process) for process in range(1, PROCESSES + 1)) > LIMIT
            page.set_cell(IN_FLIGHT + page.process, 0)
            page.slots.give_back(CALLS, page.process)
    return clashes


def work(page: Page) -> None:
    while True:
        token = page.leases.take(THING, CLOCK, TTL, page.process)
        counted = page.slots.try_take(CALLS, LIMIT, page.process)
        os.write(1, publish(page).to_bytes(SAID_BYTES, "little"))
        page.reports.publish(name(1), page.process, 0.0, 0.0, name(2), page.process)
        if isinstance(token, int):
            page.leases.renew(THING, token, CLOCK, TTL)
            page.leases.release(THING, token)
        if counted:
            page.slots.give_back(CALLS, page.process)


def main() -> None:
    page = Page.attach(int(sys.argv[1]), int(sys.argv[2]))
    os.write(1, b"!")
    while not page.cell(BEGIN):
        time.sleep(0.001)
    if sys.argv[3] == "work":
        work(page)
    print(json.dumps([task(page) for task in (purges, sequences, leases, slots)]))


if __name__ == "__main__":
    main()
