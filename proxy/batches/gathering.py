"""Gathering: asks that have to go upstream and can go together are sent in as few calls as there can be.

It waits for those who may yet come, but not for long: one whose turn is with another process may take as long as that
one's call.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from proxy.asking import Ask
from proxy.upstream.failures import UpstreamFailure
from proxy.upstream.messages import ReadUpTo, Reply

LONGEST_WAIT = 0.02  # seconds in which somebody has to come, else nobody else is waited for
MOST_WAITS = 25  # of them, however many come

Send = Callable[[list[Ask], ReadUpTo | None], AsyncIterator[tuple[Ask, Reply | UpstreamFailure]]]
"""What is said to each, as soon as it is known. Raises UpstreamFailure, which is then that of all who heard nothing."""
Fill = Callable[[list[Ask]], list[list[Ask]]]
"""How asks are spread over calls."""


class _Arrival(NamedTuple):
    ask: Ask
    read_up_to: ReadUpTo | None
    reply: asyncio.Future[Reply]


class Gathering:
    """The asks of one request for many things, or those that are behind it."""

    def __init__(self, fill: Fill, send: Send, linger: float = 0.0) -> None:
        """`linger`: seconds in which those may come whom nobody expects."""
        self._fill = fill
        self._send = send
        self._linger = linger
        self._expected: set[Ask] = set()
        self._arrivals: list[_Arrival] = []
        self._complete = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_waiting = False
        self._moves = 0  # how many came or were released

    def __repr__(self) -> str:
        return f"<Gathering of {len(self._arrivals)}, {len(self._expected)} may yet come>"

    def expect(self, ask: Ask) -> None:
        """This one may yet come."""
        self._expected.add(ask)
        self._complete.clear()

    def release(self, ask: Ask) -> None:
        """It will not come, or has."""
        self._moves += 1
        self._expected.discard(ask)
        if not self._expected:
            self._complete.set()

    async def reply(self, ask: Ask, read_up_to: ReadUpTo | None = None) -> Reply:
        """What the upstream says to one that has come. `read_up_to` is asked at the headers of what is everybody's
        answer. Raises UpstreamFailure.
        """
        arrival = _Arrival(ask, read_up_to, asyncio.get_running_loop().create_future())
        self._arrivals.append(arrival)
        self.release(ask)
        if not self._is_waiting:
            self._is_waiting = True
            self._keep(self._leave())
        return await arrival.reply

    async def _leave(self) -> None:
        """Send all who are here, once all are or may not be waited for."""
        if self._linger:
            await asyncio.sleep(self._linger)
        for _ in range(MOST_WAITS):
            if self._complete.is_set() or not await self._somebody_moves():
                break
        self._expected.clear()  # those who come later go by themselves
        self._is_waiting = False
        arrivals, self._arrivals = {one.ask: one for one in self._arrivals if not one.reply.done()}, []
        with _answering(arrivals.values()):
            for asks in self._fill(list(arrivals)):
                self._keep(self._sent([arrivals[ask] for ask in asks]))

    async def _somebody_moves(self) -> bool:
        """Wait a while for all to be here; whether anybody came in it."""
        before = self._moves
        try:
            async with asyncio.timeout(LONGEST_WAIT):
                await self._complete.wait()
        except TimeoutError:
            return self._moves > before
        return True

    async def _sent(self, arrivals: list[_Arrival]) -> None:
        waiting = {one.ask: one.reply for one in arrivals}
        with _answering(arrivals):
            async for ask, said in self._send([one.ask for one in arrivals], _for_all(arrivals)):
                reply = waiting[ask]
                if not reply.done():
                    reply.set_exception(said) if isinstance(said, Exception) else reply.set_result(said)
            if not all(reply.done() for reply in waiting.values()):
                raise ValueError("a call said nothing to some that it was for")

    def _keep(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@contextmanager
def _answering(arrivals: Collection[_Arrival]) -> Iterator[None]:
    """Whatever goes wrong is told to all who have no reply yet: nobody waits for ever."""
    try:
        yield
    except BaseException as error:
        waiting = [one.reply for one in arrivals if not one.reply.done()]
        for reply in waiting:
            reply.set_exception(error) if isinstance(error, Exception) else reply.cancel()
        if not waiting or not isinstance(error, Exception):
            raise


def _for_all(arrivals: list[_Arrival]) -> ReadUpTo | None:
    """What each of them wants to know at the headers, as one; the most that any of them wants of the body is read."""
    each = [one.read_up_to for one in arrivals if one.read_up_to is not None]
    return (lambda status, headers: max(one(status, headers) for one in each)) if each else None
