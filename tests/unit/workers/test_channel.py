"""The channel: whole messages in their order, both ways, until the other side is gone; questions that get answers."""

import asyncio
import socket
from contextlib import asynccontextmanager

import pytest

from proxy.config.file import ConfigProblem
from proxy.store.contract import Filter, Summary
from proxy.workers import channel
from proxy.workers.asking import Line, WorkerGone, WorkerSilent, ask_all
from proxy.workers.channel import to_supervisor, to_worker
from proxy.workers.control import (
    Answer,
    Ask,
    Begin,
    CannotStart,
    ConfigText,
    Count,
    Done,
    Drain,
    Failed,
    Inherited,
    Measure,
    Measured,
    Ready,
    Refused,
    Remove,
    Several,
    Wanted,
    told,
)

CONFIG = ConfigText("config.yaml", "server: {}\n")
BEGIN = Begin(1, 2, CONFIG, CONFIG, "secret", "machine", Inherited(4, (5, 6), (7, 8), 9))


def a_summary(number, tags=("courseworks/course:565",)):
    return Summary(f"{number:032x}", "courseworks", "GET /", "shared", tags, 1.0, 2, 3, 200, 4.0, 5.0)


@asynccontextmanager
async def two_ends():
    """A worker's end and a supervisor's."""
    ours, theirs = socket.socketpair()
    supervisor, worker = await to_worker(ours), await to_supervisor(theirs)
    try:
        yield supervisor, worker
    finally:
        await worker.close()
        await supervisor.close()


@asynccontextmanager
async def a_line():
    """A supervisor's line, and the worker's end of it."""
    async with two_ends() as (supervisor, worker):
        line = Line(supervisor)
        listening = asyncio.create_task(line.listen())
        yield line, worker
        await worker.close()
        await listening


@pytest.mark.parametrize(
    "order",
    [
        BEGIN,
        Drain(hands_over=True),
        Ask(7, Count(Wanted.of(Filter("courseworks/caf\udce9", None, "GET /", 5)))),
        Ask(8, Remove("courseworks/caf\udce9".encode("utf-8", "surrogatepass"))),
    ],
)
async def test_an_order_arrives_as_it_was_said(order):
    async with two_ends() as (supervisor, worker):
        assert await supervisor.say(order)

        assert await worker.hear() == order


@pytest.mark.parametrize(
    "word",
    [
        Ready(),
        CannotStart("the disk is full"),
        Measured(b"larder_fence 1.0\n"),
        Answer(3, Refused((ConfigProblem("config.yaml", 3, "server.prot", "did you mean port?"),))),
    ],
)
async def test_a_word_arrives_as_it_was_said(word):
    async with two_ends() as (supervisor, worker):
        assert await worker.say(word)

        assert await supervisor.hear() == word


async def test_messages_arrive_in_their_order_however_large():
    async with two_ends() as (supervisor, worker):
        words = [Measured(bytes([number]) * size) for number, size in enumerate((1, 3_000_000, 0, 70_000))]

        async def speak():
            for word in words:
                await worker.say(word)

        speaking = asyncio.create_task(speak())
        heard = [await supervisor.hear() for _ in words]
        await speaking

    assert heard == words


async def test_who_is_gone_is_not_heard_and_not_spoken_to():
    async with two_ends() as (supervisor, worker):
        await worker.close()

        assert await supervisor.hear() is None
        await supervisor.close()
        assert not await supervisor.say(Drain(hands_over=False))


@pytest.mark.parametrize("data", [b"\0\0\0\2\xc1\xc1", b"\xff\xff\xff\xff", b"\0\0\0\5ab", b"\0\0", b"\0\0\0\1\xa1"])
async def test_what_nobody_understands_ends_the_talk(data):
    ours, theirs = socket.socketpair()
    supervisor = await to_worker(ours)
    with theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)

        assert await supervisor.hear() is None
    await supervisor.close()


async def test_a_message_that_is_longer_than_any_of_ours_is_not_read(monkeypatch):
    monkeypatch.setattr(channel, "MOST", 100)
    async with two_ends() as (supervisor, worker):
        await worker.say(Measured(b"x" * 101))

        assert await supervisor.hear() is None


async def test_summaries_come_back_as_they_were_tags_that_are_no_utf_8_too():
    summaries = [a_summary(number, tags=("courseworks/caf\udce9",)) for number in range(5)]
    parts = told(summaries, at_once=2)

    assert [part.more for part in parts] == [True, True, False]
    assert [one.summary for part in parts for one in part.entries] == summaries
    assert told([], at_once=2) == [Several((), more=False)]


async def test_a_question_gets_its_own_answer():
    async with a_line() as (line, worker):
        first = asyncio.create_task(line.ask(Measure(), 5))
        second = asyncio.create_task(line.ask(Measure(), 5))
        asked = [await worker.hear(), await worker.hear()]
        await worker.say(Answer(asked[1].number, Done(2)))
        await worker.say(Answer(asked[0].number, Done(1)))

        assert await first == [Done(1)]
        assert await second == [Done(2)]


async def test_an_answer_in_parts_is_whole_when_no_more_follow():
    parts = told([a_summary(number) for number in range(3)], at_once=2)
    async with a_line() as (line, worker):
        asking = asyncio.create_task(line.ask(Measure(), 5))
        ask = await worker.hear()
        for part in parts:
            await worker.say(Answer(ask.number, part))

        assert await asking == parts


async def test_a_worker_that_ends_is_waited_for_no_longer():
    async with a_line() as (line, worker):
        asking = asyncio.create_task(line.ask(Measure(), 60))
        await worker.hear()
        await worker.close()

        with pytest.raises(WorkerGone):
            await asking
        with pytest.raises(WorkerGone):
            await line.ask(Measure(), 60)


async def test_a_worker_that_does_not_answer_is_waited_for_no_longer_than_was_said():
    async with a_line() as (line, worker):
        with pytest.raises(WorkerSilent):
            await line.ask(Measure(), 0.01)

        late = await worker.hear()
        await worker.say(Answer(late.number, Done()))  # nobody minds
        again = asyncio.create_task(line.ask(Measure(), 5))
        await worker.say(Answer((await worker.hear()).number, Done(9)))
        assert await again == [Done(9)]


async def test_a_worker_says_when_it_serves_or_why_it_cannot():
    async with a_line() as (line, worker):
        await worker.say(Ready())
        assert await line.started() is None
    async with a_line() as (line, worker):
        await worker.say(CannotStart("the disk is full"))
        assert await line.started() == "the disk is full"
    async with a_line() as (line, worker):
        await worker.close()
        with pytest.raises(WorkerGone):
            await line.started()


async def test_the_last_word_of_a_worker_is_kept():
    async with a_line() as (line, worker):
        await worker.say(Ready())
        await worker.say(Measured(b"metrics"))
        await worker.close()
        while line.last_measured is None:
            await asyncio.sleep(0)

        assert line.last_measured == b"metrics"


class Worker:
    """Answers as it is told."""

    def __init__(self, *replies):
        self._replies = replies

    async def ask(self, question, within):
        if isinstance(self._replies[0], Exception):
            raise self._replies[0]
        return list(self._replies)


async def test_of_several_the_silent_and_the_failing_are_counted_and_the_dead_are_not():
    workers = [
        Worker(Done(1)),
        Worker(WorkerGone("")),
        Worker(WorkerSilent("")),
        Worker(Failed("ValueError")),
        Worker(Done(2), Done(3)),
    ]

    assert await ask_all(workers, Measure(), 1) == ([Done(1), Done(2), Done(3)], 2)


async def test_what_nobody_foresaw_is_not_swallowed():
    with pytest.raises(ZeroDivisionError):
        await ask_all([Worker(ZeroDivisionError())], Measure(), 1)
