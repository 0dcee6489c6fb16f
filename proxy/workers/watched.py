"""Watched: what a supervisor tells of its workers, in fixed words to the log, and in numbers to the metrics."""

import time

from proxy.observing import Observing
from proxy.sharing.page import Page
from proxy.workers.aggregating import Totals
from proxy.workers.hired import Worker

SAID_EVERY = 10.0  # seconds


class Watched:
    """Hears of workers that end, and sees to what they leave behind."""

    def __init__(self, observing: Observing, page: Page, totals: Totals) -> None:
        self._observing = observing
        self._page = page
        self._totals = totals
        self._said_silent = -SAID_EVERY

    def ended(self, worker: Worker) -> None:
        """A worker is gone: what it counted stays counted, what it held on the page is free."""
        if worker.last_measured is not None:
            self._totals.heard(worker, worker.last_measured)
        self._totals.ended(worker)
        self._page.forget_process(worker.process)

    def lost(self, process: int, how: str, wait: float) -> None:
        """A worker is gone that nobody told to go."""
        self._observing.metrics.count("larder_worker_restarts_total")
        self._observing.log.say("error", "a worker ended", process=process, how=how, again_in=wait)

    def not_started(self, process: int, reason: str, wait: float) -> None:
        """A worker could not be replaced."""
        self._observing.metrics.count("larder_worker_restarts_total")
        self._observing.log.say("error", "a worker cannot start", process=process, reason=reason, again_in=wait)

    def restarted(self, process: int) -> None:
        """A worker that was lost is replaced."""
        self._observing.log.say("info", "a worker serves again", process=process)

    def not_drained(self, process: int) -> None:
        """A worker did not end in time."""
        self._observing.log.say("warning", "a worker did not end in time", process=process)

    def silent(self, operation: str) -> None:
        """A worker did not do something in time; said now and then."""
        now = time.monotonic()
        if now - self._said_silent >= SAID_EVERY:
            self._said_silent = now
            self._observing.log.say("error", "a worker does not answer", operation=operation)
