"""Running: the jobs of one process, each a task, each with a lease on its record that is renewed until it is over.

begun ──▶ its turn ──▶ the route's handler ──▶ the result kept ──▶ the record says so ──▶ the callback
beat: every record renewed; whoever finds that somebody else wrote it (a cancel, another process) lets go
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from secrets import token_bytes

from multidict import CIMultiDict

from adapters import Problem
from proxy.answers import Answer
from proxy.errors import LarderError, by_itself
from proxy.jobs.book import Held
from proxy.jobs.errors import JobTooLong
from proxy.jobs.means import Means
from proxy.jobs.names import result_of
from proxy.jobs.record import Record
from proxy.jobs.results import told
from proxy.jobs.room import Place, Room
from proxy.jobs.turns import Turns
from proxy.store.contract import StoreError
from proxy.typed.errands import Errand
from proxy.typed.work import Work

BEAT = 2.0  # seconds between two words of a process that it is at its jobs
MOST_TRIES = 30  # to record an end, a beat apart
_OUR_FAULT = Problem(500, "Internal error", "Larder failed on this job; its log says where.")
_ENDED_EARLY = frozenset({"cancelled", "interrupted"})
SLACK = 10.0  # seconds beyond `longest`, after which a handler that does not mind its deadline is stopped


@dataclass(eq=False)
class Job:
    """One that this process is at."""

    id: str
    key: bytes
    route: str
    place: Place
    task: asyncio.Task[Answer]
    work: Work
    fence: int  # when it was begun
    held: Held  # its record, as this process wrote it last
    callback: str | None = None
    is_kept: bool = False  # its request is on disk: another process can take it up
    runs: asyncio.Event = field(default_factory=asyncio.Event)  # its turn has come
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)  # one writes its record at a time
    left_as: str = ""  # why it was let go of before its end
    is_counted: bool = False  # whoever ended it before its time has said so


class Runner:
    """Runs jobs."""

    def __init__(self, means: Means) -> None:
        self.jobs: dict[bytes, Job] = {}
        self.process = token_bytes(8)
        self.room = Room()
        self._means = means
        self._turns = Turns(lambda: means.settings.at_once)
        self._ends: set[asyncio.Task[None]] = set()

    async def perform(self, errand: Errand, runs: asyncio.Event) -> Answer:
        """An errand's answer, when its turn has come. Raises LarderError: JobTooLong, too."""
        async with self._turns.taken():
            runs.set()
            longest = self._means.settings.longest
            try:
                async with asyncio.timeout(longest + SLACK):
                    return await errand.handler(patient(errand, longest).wish)
            except TimeoutError:
                raise JobTooLong(longest) from None

    def follow(self, job: Job) -> None:
        """See a job to its end."""
        self.jobs[job.key] = job
        end = asyncio.create_task(self._followed(job))
        self._ends.add(end)
        end.add_done_callback(self._ends.discard)

    async def beat(self) -> None:
        """Say that this process is at its jobs, and hear which of them it is to let go of."""
        for job in list(self.jobs.values()):
            if job.lock.locked():
                continue  # its end is being written down
            async with job.lock:
                with suppress(StoreError):  # said already; another word comes before the lease is over
                    await self._renewed(job)

    async def cancel(self, key: bytes, held: Held) -> Held | None:
        """End a job, whichever process is at it: at once here, with its next beat elsewhere. None: somebody else wrote
        its record meanwhile. Raises StoreError.
        """
        changed = await self._means.book.change(
            key, held, held.record.ended("cancelled", self._means.clock(), self._keep)
        )
        if changed is None:
            return None
        self._tell(held.record, "cancelled", 0)
        job = self.jobs.get(key)
        if job is not None:
            job.is_counted = True
            self._let_go(job, "cancelled")
        else:
            await self._means.requests.drop(key)
        return changed

    async def drain(self, seconds: float) -> None:
        """Put back what another process can take up; give the others so long to end. What has not is interrupted.

        What the store does not take within a beat more is left as it is: the leases lapse.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds + BEAT):
                await self._leave_all([one for one in self._at_work() if one.is_kept], "put-back")
                if self.jobs and seconds > 0:
                    await asyncio.wait({one.task for one in self.jobs.values()}, timeout=seconds)
                await self._leave_all(self._at_work(), "interrupted")
                if self._ends:
                    await asyncio.wait(set(self._ends))

    async def stop(self) -> None:
        """See to nothing any more."""
        ends = set(self._ends)
        for end in ends:
            end.cancel()
        await asyncio.gather(*ends, return_exceptions=True)

    @property
    def _keep(self) -> float:
        return self._means.settings.keep

    async def _renewed(self, job: Job) -> None:
        record = job.held.record.at(job.work.done, job.work.total, runs=job.runs.is_set())
        held = await self._means.book.change(job.key, job.held, record.leased(self._means.clock(), self._keep))
        if held is not None:
            job.held = held
            return
        await self._heard(job)

    async def _heard(self, job: Job) -> None:
        """Somebody else wrote its record: it was ended, and that is counted, or is theirs now. Raises StoreError."""
        found = await self._means.book.read(job.key)
        is_ended = found is not None and found.record.state in _ENDED_EARLY
        job.is_counted = job.is_counted or is_ended
        self._let_go(job, found.record.state if found is not None and is_ended else "lost")

    def _at_work(self) -> list[Job]:
        return [one for one in self.jobs.values() if not one.task.done()]

    async def _leave_all(self, jobs: Iterable[Job], how: str) -> None:
        await asyncio.gather(*(self._leave(job, how) for job in jobs))

    async def _leave(self, job: Job, how: str) -> None:
        """Let go of a job before its end, and write down that nobody is at it."""
        async with job.lock:
            if job.held.record.is_over or job.left_as:
                return
            record = job.held.record.at(job.work.done, job.work.total, runs=job.runs.is_set())
            ended = record.put_back() if how == "put-back" else record.ended(how, self._means.clock(), self._keep)
            try:
                held = await self._means.book.change(job.key, job.held, ended)
            except StoreError:
                held = None  # its lease lapses: then others know as much
            self._let_go(job, how if held is not None else "lost")

    def _let_go(self, job: Job, why: str) -> None:
        job.left_as = job.left_as or why
        job.task.cancel()
        self.room.leave(job.place)

    async def _followed(self, job: Job) -> None:
        try:
            await asyncio.wait({job.task})
            if job.task.cancelled():
                await self._leave(job, "interrupted")  # unless it was let go of for another reason already
                await self._left(job)
            else:
                await self._ended(job)
        except Exception as error:  # noqa: BLE001 - said in the log; the lease lapses, and others know as much
            self._means.observer.broke(error)
        finally:
            self.jobs.pop(job.key, None)
            self.room.leave(job.place)

    async def _left(self, job: Job) -> None:
        """It was let go of."""
        if not job.is_counted:
            self._tell(job.held.record, job.left_as or "lost", 0)
        if job.left_as in _ENDED_EARLY:
            await self._means.callbacks.tell(job.key, job.callback, job.id, job.left_as)
            await self._means.requests.drop(job.key)

    async def _ended(self, job: Job) -> None:
        """It came to its end: keep its result, then say so. The lease is renewed: to look at a thousand sources
        may take longer than it lasts.
        """
        outcome = self._outcome(job.task)
        state = "failed" if isinstance(outcome, LarderError) else "succeeded"
        now = self._means.clock()
        result = result_of(job.key, job.held.record)
        shares = await self._means.results.keep(result, told(outcome), job.work, job.fence, now, now + self._keep)
        if await self._recorded(job, state, shares):
            self._tell(job.held.record, state, told(outcome).calls)
            await self._means.callbacks.tell(job.key, job.callback, job.id, state)
            await self._means.requests.drop(job.key)
            return
        await self._means.results.drop(result, shares)  # cancelled, or taken up by another that believed this one gone
        with suppress(StoreError):  # said already
            await self._heard(job)
        await self._left(job)

    async def _recorded(self, job: Job, state: str, shares: int) -> bool:
        """Write down that it is over; whether it is, and nobody else wrote its record before."""
        async with job.lock:
            record = job.held.record.ended(state, self._means.clock(), self._keep, shares=shares)
            for _ in range(MOST_TRIES):
                try:
                    held = await self._means.book.change(job.key, job.held, record)
                except StoreError:
                    await asyncio.sleep(BEAT)
                    continue
                job.held = held or job.held
                return held is not None
            return False

    def _tell(self, record: Record, state: str, calls: int) -> None:
        seconds = round(max(0.0, self._means.clock() - record.created_at), 3)
        self._means.observer.job(record.route, state, seconds=seconds, upstream_calls=calls)

    def _outcome(self, task: asyncio.Task[Answer]) -> Answer | LarderError:
        error = task.exception()
        if error is None:
            return task.result()
        if isinstance(error, LarderError):
            return by_itself(error)
        self._means.observer.broke(error)
        return LarderError(_OUR_FAULT)


def patient(errand: Errand, longest: float) -> Errand:
    """The same errand of somebody who waits `longest` seconds from now on: what the caller's own header fields say is
    for how long the first answer is waited for.
    """
    return unhurried(errand, **{"X-Request-Timeout": f"{longest:.3f}"})


def unhurried(errand: Errand, **fields: str) -> Errand:
    """The same errand without its preferences, whose `wait` was for a job, and with these header fields."""
    headers = CIMultiDict(errand.wish.visitor.headers)
    headers.popall("Prefer", None)
    headers.update(fields)
    visitor = replace(errand.wish.visitor, headers=headers)
    return errand._replace(wish=replace(errand.wish, visitor=visitor))
