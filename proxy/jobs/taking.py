"""Taking up: jobs at which nobody is any more, since their process ended: carried out again, or interrupted.

What was fetched for them is in the cache, so to begin again costs only what was not.
"""

import asyncio

from multidict import CIMultiDict

from proxy.answers import Answer
from proxy.callers.identify import Way
from proxy.errors import UnknownCaller
from proxy.jobs.book import Held
from proxy.jobs.errors import UnknownJob
from proxy.jobs.means import Means
from proxy.jobs.record import LEASE, MOST_ATTEMPTS, Record
from proxy.jobs.requests import Request
from proxy.jobs.running import Job, Runner
from proxy.store.contract import StoreError
from proxy.typed.errands import Errand, Errands
from proxy.typed.visitors import Visitor
from proxy.typed.work import Work

LOOK_EVERY = 10.0  # seconds between two looks for such jobs


class Taker:
    """Takes up jobs."""

    def __init__(self, means: Means, runner: Runner, *, is_alone: bool) -> None:
        """`is_alone`: no other process uses the same durable store; so what another one began is over."""
        self.errands: Errands  # set when the table of routes is there
        self.is_stopping = False  # nothing is taken up any more
        self._means = means
        self._runner = runner
        self._is_alone = is_alone
        self._jobs: dict[bytes, bytes | None] = {}  # of each request that was seen; None: nobody here can open it

    def is_gone(self, holder: bytes) -> bool:
        """Whether a process is known to have ended."""
        return self._is_alone and holder != self._runner.process

    def is_lapsed(self, record: Record) -> bool:
        """Whether nobody is at a job any more."""
        return not record.is_over and (record.is_lapsed(self._means.clock()) or self.is_gone(record.holder))

    async def look(self) -> None:
        """Take up what can be."""
        try:
            await self._looked()
            if not self.is_stopping:
                await self._means.callbacks.look()
        except StoreError as error:
            self._means.observer.store_failed("job", error)

    async def _looked(self) -> None:
        listed = await self._means.requests.listed()
        self._jobs = {one.key: self._jobs[one.key] for one in listed if one.key in self._jobs}
        for one in listed:
            if one.key not in self._jobs:  # a request is large: it is read once
                request = await self._means.requests.read(one.key)
                self._jobs[one.key] = None if request is None else request.job
            job = self._jobs[one.key]
            if job is not None and job not in self._runner.jobs:
                await self._looked_at(job, one.at)

    async def _looked_at(self, job: bytes, at: float) -> None:
        held = await self._means.book.read(job)
        if held is None and self._means.clock() < at + LEASE:
            return  # its record is about to be written
        if held is None:
            await self._means.requests.drop(job)
        elif held.record.is_over:  # and its process ended before it could say so, or is about to
            request = await self._means.requests.fetch(job)
            if request is not None:
                await self._means.callbacks.tell(job, request.callback, request.id, held.record.state)
            await self._means.requests.drop(job)
        elif self.is_lapsed(held.record):
            request = await self._means.requests.fetch(job)
            if request is not None:
                await self._taken(request, held)

    async def seen_to(self, key: bytes, held: Held) -> Held | None:
        """The record of a lapsed job, when it was taken up or ended. Raises StoreError."""
        request = await self._means.requests.fetch(key)
        if request is not None:
            await self._taken(request, held)
        else:
            await self._interrupted(key, held)
        found = await self._means.book.read(key)
        if found is not None and self.is_lapsed(found.record):  # there is no room for it now
            return found._replace(record=found.record.put_back())
        return found

    async def _taken(self, request: Request, held: Held) -> None:
        """Take a job up; whoever else does has it then."""
        if held.record.attempts >= MOST_ATTEMPTS:
            if await self._interrupted(request.job, held):
                await self._means.callbacks.tell(request.job, request.callback, request.id, "interrupted")
            await self._means.requests.drop(request.job)
            return
        settings = self._means.settings
        if self.is_stopping or not self._runner.room.has_room(len(request.body), settings):
            return  # another process has room, or this one later
        taken = await self._means.book.change(
            request.job, held, held.record.taken_by(self._runner.process, self._means.clock(), settings.keep)
        )
        if taken is not None and request.job not in self._runner.jobs:
            self._runner.follow(self._resumed(request, taken))
            self._means.observer.job(request.route, "resumed")

    async def _interrupted(self, key: bytes, held: Held) -> bool:
        """Write down that it is over; whether nobody else wrote anything before."""
        record = held.record.ended("interrupted", self._means.clock(), self._means.settings.keep)
        is_written = await self._means.book.change(key, held, record) is not None
        if is_written:
            self._means.observer.job(record.route, "interrupted")
        return is_written

    def _resumed(self, request: Request, taken: Held) -> Job:
        runs = asyncio.Event()
        work = Work(total=taken.record.total)
        task = asyncio.create_task(self._performed(request, work, runs))
        return Job(
            request.id,
            request.job,
            request.route,
            self._runner.room.given(request.caller, len(request.body)),
            task,
            work,
            self._means.fences().number,
            taken,
            request.callback,
            is_kept=True,
            runs=runs,
        )

    async def _performed(self, request: Request, work: Work, runs: asyncio.Event) -> Answer:
        return await self._runner.perform(self._errand(request, work), runs)

    def _errand(self, request: Request, work: Work) -> Errand:
        """The errand that a request was. Raises LarderError: its caller may not come in any more, say."""
        runtime = self._means.runtime()
        caller, route = runtime.callers.named(request.caller), self.errands.named(request.route)
        if route is None:
            raise UnknownJob
        if caller is None:
            raise UnknownCaller("The caller that began it is not in the config any more.")
        headers = CIMultiDict(request.headers)
        visitor = Visitor(caller, Way(request.way), headers, request.query, runtime, request.base)
        return self.errands.errand(route, visitor, request.params, request.body, work)
