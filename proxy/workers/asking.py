"""Asking: a supervisor's questions to its workers. Nobody is waited for who is gone, or longer than was said."""

import asyncio
from collections.abc import Iterable
from itertools import count
from typing import Any, NamedTuple, Protocol

from proxy.workers.channel import Channel
from proxy.workers.control import Answer, Ask, CannotStart, Drain, Failed, Measured, Question, Reply, Several, Word


class WorkerGone(Exception):
    """The worker ended before it answered: what it held is gone with it."""


class WorkerSilent(Exception):
    """The worker did not answer in time. It may still do what it was asked, as soon as it can."""


class Asked(Protocol):
    """Who can be asked: a worker."""

    async def ask(self, question: Question, within: float) -> list[Reply]:
        """Its replies, all of them, within so many seconds. Raises WorkerGone, WorkerSilent."""


class Gathered(NamedTuple):
    """What several workers replied."""

    replies: list[Reply]
    silent: int  # workers that live and did not answer in time, or failed


async def ask_all(workers: Iterable[Asked], question: Question, within: float) -> Gathered:
    """Ask all at once. Who is gone by then does not count: nothing is left of what it held."""
    asked = [worker.ask(question, within) for worker in workers]
    answered = await asyncio.gather(*asked, return_exceptions=True)
    replies: list[Reply] = []
    silent = 0
    for one in answered:
        if isinstance(one, WorkerSilent) or (isinstance(one, list) and any(isinstance(part, Failed) for part in one)):
            silent += 1
        elif isinstance(one, list):
            replies += one
        elif not isinstance(one, WorkerGone):
            raise one
    return Gathered(replies, silent)


class Line:
    """The supervisor's side of the talk with one worker."""

    def __init__(self, channel: Channel[Word]) -> None:
        self._channel = channel
        self._numbers = count()
        self._open: dict[int, _Replies] = {}  # questions that are not answered yet
        self._started: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self.last_measured: bytes | None = None  # its metrics, as its last word

    async def listen(self) -> None:
        """Take in what the worker says, until it is gone."""
        while (word := await self._channel.hear()) is not None:
            self._take(word)
        _fail(self._started)
        for replies in self._open.values():
            _fail(replies.whole)
        await self._channel.close()

    async def started(self) -> str | None:
        """None as soon as it serves; else why it cannot. Raises WorkerGone."""
        return await asyncio.shield(self._started)

    async def drain(self, *, hands_over: bool) -> None:
        """Tell it to end."""
        await self._channel.say(Drain(hands_over))

    async def ask(self, question: Question, within: float) -> list[Reply]:
        """Its replies, all of them, within so many seconds. Raises WorkerGone, WorkerSilent."""
        number = next(self._numbers)
        replies = self._open[number] = _Replies()
        try:
            async with asyncio.timeout(within):
                if not await self._channel.say(Ask(number, question)):
                    raise WorkerGone("it is gone")
                return await replies.whole
        except TimeoutError:
            raise WorkerSilent("no answer in time") from None
        finally:
            del self._open[number]

    def _take(self, word: Word) -> None:
        if isinstance(word, Answer):
            replies = self._open.get(word.number)
            if replies is not None:  # else nobody waits for it any more
                replies.add(word.reply)
        elif isinstance(word, Measured):
            self.last_measured = word.text
        elif not self._started.done():
            self._started.set_result(word.reason if isinstance(word, CannotStart) else None)


class _Replies:
    """What a worker has replied to one question so far."""

    def __init__(self) -> None:
        self._parts: list[Reply] = []
        self.whole: asyncio.Future[list[Reply]] = asyncio.get_running_loop().create_future()

    def add(self, reply: Reply) -> None:
        self._parts.append(reply)
        if not (isinstance(reply, Several) and reply.more) and not self.whole.done():
            self.whole.set_result(self._parts)


def _fail(future: "asyncio.Future[Any]") -> None:
    if not future.done():
        future.set_exception(WorkerGone("it ended before it answered"))
        future.exception()  # looked at: it may be that nobody waits
