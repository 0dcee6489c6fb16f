"""Deferring: whether a request becomes a job, and what its caller is told then (RFC 7240 §4.1, §4.3).

respond-async? ─▶ may it? is there room? ─▶ begun ─▶ over within `wait`? its answer, and nothing is written down
                                                  └▶ request sealed ─▶ record ─▶ 202
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from secrets import token_urlsafe
from typing import NamedTuple

from policies import DAY
from proxy.answers import Answer
from proxy.flights.flights import seen
from proxy.jobs.book import Held
from proxy.jobs.means import Means
from proxy.jobs.preferring import wait_of
from proxy.jobs.record import Record
from proxy.jobs.record import begun as first
from proxy.jobs.requests import Pairs, Request
from proxy.jobs.room import Place
from proxy.jobs.running import Job, Runner, unhurried
from proxy.jobs.telling import document
from proxy.settings import CallbackBlock
from proxy.store.contract import StoreError
from proxy.typed.errands import CALLBACK, Errand
from proxy.typed.errors import FieldError, InvalidFields
from proxy.typed.visitors import Visitor

ID_BYTES = 16

_READ = frozenset({"cache-control", "content-type", "if-none-match", "pragma"})  # beside credentials, by a route


class _Begun(NamedTuple):
    """A request that may become a job."""

    errand: Errand
    callback: str | None
    place: Place
    fence: int  # when it was begun
    runs: asyncio.Event


class Deferred:
    """Makes jobs of requests that would like to be answered later."""

    def __init__(self, means: Means, runner: Runner, is_possible: Callable[[], bool]) -> None:
        """`is_possible`: what is begun here can be asked for wherever the same callers come in, and will be seen to."""
        self._means = means
        self._runner = runner
        self._is_possible = is_possible

    async def answer(self, errand: Errand) -> Answer:
        """An errand's answer, or that it is under way. Raises LarderError."""
        wait = wait_of(errand.wish.visitor.headers)
        callback = self._callback(errand.wish.visitor, is_job=wait is not None)
        if wait is None or not self._is_possible() or errand.wish.visitor.wants_nothing_stored:
            return await errand.handler(errand.wish)
        room, caller = self._runner.room, errand.wish.visitor.caller.name
        place = room.take(caller, len(errand.body), self._means.settings)
        begun = _Begun(errand, callback, place, self._means.fences().number, asyncio.Event())
        job = None
        try:
            task = asyncio.create_task(self._runner.perform(errand, begun.runs))
            job = await self._job(begun, task, wait)
            if job is None:
                return await (_waited_for(task) if task.done() else _at_once(errand, task))
            return document(job.id, job.held.record, errand, self._means.clock())
        finally:
            if job is None:
                room.leave(place)

    def _callback(self, visitor: Visitor, *, is_job: bool) -> str | None:
        """The URL that is to be told, if one is. Raises InvalidFields: it is not one of those that may be."""
        url = visitor.headers.get(CALLBACK)
        if url is None:
            return None
        if not is_job:
            raise InvalidFields([FieldError(CALLBACK, "goes with `Prefer: respond-async`")])
        allowed = [block.url for block in self._means.settings.callbacks if _is_for(block, visitor.caller.name)]
        if url not in allowed:
            right = f"has to be one that the config lists for this caller: {', '.join(allowed) or 'there is none'}"
            raise InvalidFields([FieldError(CALLBACK, right)])
        return url

    async def _job(self, begun: _Begun, task: asyncio.Task[Answer], wait: float) -> Job | None:
        """The job of a task; None: it is over, or nothing can be written down of it just now."""
        try:
            if wait > 0:
                await asyncio.wait({task}, timeout=wait)
            else:
                await asyncio.sleep(0)  # what is wrong with it is known by then, if its turn comes at once
            is_over = task.done() and (wait > 0 or task.exception() is not None)
            return None if is_over else await self._written(begun, task)
        except BaseException:
            task.cancel()  # nobody waits for it any more
            raise

    async def _written(self, begun: _Begun, task: asyncio.Task[Answer]) -> Job | None:
        errand, visitor, now = begun.errand, begun.errand.wish.visitor, self._means.clock()
        job_id = token_urlsafe(ID_BYTES)
        key, limits = self._means.names.job(visitor, job_id), self._means.settings
        request = request_of(key, job_id, errand, begun.callback, now)
        partition, ends = self._means.names.partition(visitor), now + limits.keep + max(DAY, 2 * limits.longest)
        is_kept = await self._means.requests.keep(request, partition, ends)
        route, work = errand.route.name, errand.wish.work
        await self._means.register.add(self._means.names.owner(visitor), job_id, ends)
        if not self._is_possible():
            await self._means.requests.drop(key)
            return None
        held = await self._recorded(key, first(route, work.total, self._runner.process, now, limits.keep))
        if held is None:
            return None
        job = Job(job_id, key, route, begun.place, task, work, begun.fence, held, begun.callback, is_kept, begun.runs)
        self._runner.follow(job)
        self._means.observer.job(route, "begun")
        return job

    async def _recorded(self, key: bytes, record: Record) -> Held | None:
        """Write a first record down; None: it cannot be. Of a job whose caller leaves meanwhile and never hears its id
        nothing stays that anybody would take up.
        """
        try:
            return await self._means.book.begin(key, record)
        except StoreError:
            await self._means.requests.drop(key)
            return None
        except asyncio.CancelledError:
            await self._means.requests.drop(key)
            with suppress(StoreError):
                await self._means.book.drop(key)
            raise


async def _at_once(errand: Errand, task: asyncio.Task[Answer]) -> Answer:
    """Nothing can be written down of it: it is answered as if no job were preferred, in the time its caller has and
    behind no job. What `task` has asked for already is joined.
    """
    task.add_done_callback(seen)
    task.cancel()
    return await errand.handler(unhurried(errand).wish)


async def _waited_for(task: asyncio.Task[Answer]) -> Answer:
    try:
        return await task
    except asyncio.CancelledError:
        task.cancel()
        raise


def _is_for(block: CallbackBlock, caller: str) -> bool:
    return block.callers is None or caller in block.callers


def request_of(key: bytes, job_id: str, errand: Errand, callback: str | None, now: float) -> Request:
    """Everything of an errand that it takes to carry it out again. `now`: seconds since the epoch."""
    visitor = errand.wish.visitor
    places = {place.name.lower() for one in visitor.plans.upstreams.values() for place in one.adapter.credential_places}
    read = _READ | places
    headers: Pairs = tuple((name.lower(), value) for name, value in visitor.headers.items() if name.lower() in read)
    return Request(
        key,
        job_id,
        errand.route.name,
        visitor.caller.name,
        visitor.way.value,
        headers,
        tuple(visitor.query),
        dict(errand.wish.params),
        errand.body,
        visitor.base,
        now,
        callback,
    )
