"""What is answered below /v1/jobs, by whichever process is asked."""

import asyncio

from proxy.answers import Answer, CacheStatus
from proxy.jobs.book import Held
from proxy.jobs.errors import JobUnderWay, JobUnreadable, NoResult, ResultElsewhere, ResultNotKept, UnknownJob
from proxy.jobs.means import Means
from proxy.jobs.names import result_of
from proxy.jobs.record import wait_for
from proxy.jobs.running import Runner
from proxy.jobs.taking import Taker
from proxy.jobs.telling import listing, status
from proxy.store.contract import StoreError
from proxy.typed.routes import Wish

MOST_TRIES = 10  # to write a record that others write, too


class JobDesk:
    """Tells of jobs, gives their results, and ends them."""

    def __init__(self, means: Means, runner: Runner, taker: Taker) -> None:
        self._means = means
        self._runner = runner
        self._taker = taker

    async def listed(self, wish: Wish) -> Answer:
        """Where all jobs of this caller with these credentials stand, the newest first. Raises JobUnreadable."""
        names = self._means.names
        try:
            ids = await self._means.register.ids(names.owner(wish.visitor))
            found = await asyncio.gather(*(self._stands(names.job(wish.visitor, job_id)) for job_id in ids))
        except StoreError as error:
            raise JobUnreadable from error
        known = [(job_id, held.record) for job_id, held in zip(ids, found, strict=True) if held is not None]
        return listing(known, wish.visitor)

    async def status(self, wish: Wish) -> Answer:
        """Where a job stands. Raises UnknownJob, JobUnreadable."""
        _, held = await self._found(wish)
        return status(wish.params["id"], held.record, wish.visitor, self._means.clock())

    async def result(self, wish: Wish) -> Answer:
        """A job's result. Raises UnknownJob, JobUnreadable, JobUnderWay, NoResult, ResultNotKept, ResultElsewhere,
        CallerNotAllowed.
        """
        key, held = await self._found(wish)
        record, now = held.record, self._means.clock()
        if not record.is_over:
            raise JobUnderWay(record.state, wait_for(record, now))
        if record.state in ("cancelled", "interrupted"):
            raise NoResult(record.state)
        try:
            answer = await self._means.results.get(result_of(key, record), record.shares, now, wish.visitor)
        except StoreError as error:
            raise JobUnreadable from error
        if answer is None:
            if record.shares or self._taker.is_gone(record.holder) or record.holder == self._runner.process:
                raise ResultNotKept
            raise ResultElsewhere
        return answer

    async def end(self, wish: Wish) -> Answer:
        """Cancel a job; one that is over is forgotten. Raises UnknownJob, JobUnreadable."""
        for _ in range(MOST_TRIES):
            key, held = await self._found(wish)
            try:
                if held.record.is_over:
                    await self._forget(key, held)
                    return Answer(204, (("Cache-Control", "no-store"),), b"", CacheStatus(), tier="none")
                ended = await self._runner.cancel(key, held)
            except StoreError as error:
                raise JobUnreadable from error
            if ended is not None:
                return status(wish.params["id"], ended.record, wish.visitor, self._means.clock())
        raise JobUnreadable

    async def _forget(self, key: bytes, held: Held) -> None:
        await self._means.results.drop(result_of(key, held.record), held.record.shares)
        await self._means.book.drop(key)

    async def _found(self, wish: Wish) -> tuple[bytes, Held]:
        """The record of the job that is asked for. Raises UnknownJob, JobUnreadable."""
        key = self._means.names.job(wish.visitor, wish.params["id"])
        try:
            held = await self._stands(key)
        except StoreError as error:
            raise JobUnreadable from error
        if held is None:
            raise UnknownJob
        return key, held

    async def _stands(self, key: bytes) -> Held | None:
        """A job's record, as it stands: with nobody at it any more, it is taken up or over. Raises StoreError.

        One that this process is at is not given up for a word that is late: the store was away, or the machine slept.
        """
        held = await self._means.book.read(key)
        if held is not None and key not in self._runner.jobs and self._taker.is_lapsed(held.record):
            held = await self._taker.seen_to(key, held)
        local = self._runner.jobs.get(key)
        if held is not None and local is not None and not held.record.is_over:  # more is known than was written down
            held = held._replace(record=held.record.at(local.work.done, local.work.total, runs=local.runs.is_set()))
        return held
