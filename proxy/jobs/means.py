"""Means: what all parts of jobs work with."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from proxy.jobs.book import Book
from proxy.jobs.callbacks import Callbacks
from proxy.jobs.names import Names
from proxy.jobs.register import Register
from proxy.jobs.requests import Requests
from proxy.jobs.results import Results
from proxy.settings import JobsBlock
from proxy.store.contract import StoreError
from proxy.store.fences import Fences
from proxy.visits import Runtime


class Observer(Protocol):
    """Who wants to know of jobs."""

    def job(self, route: str, state: str, **facts: float) -> None:
        """One was begun, resumed, put back or lost, or ended as `state` says; `facts` of it, in numbers."""

    def broke(self, error: BaseException) -> None:
        """Larder itself failed on one."""

    def callback(self, outcome: str) -> None:
        """A callback was taken, or given up. `outcome`: a fixed word."""

    def store_failed(self, operation: str, error: StoreError) -> None:
        """The durable store could not do something."""


class Means(NamedTuple):
    """Where things are kept, who is told, and what holds now."""

    book: Book
    register: Register
    requests: Requests
    results: Results
    callbacks: Callbacks
    names: Names
    observer: Observer
    fences: Callable[[], Fences]
    runtime: Callable[[], Runtime]
    clock: Callable[[], float]  # seconds since the epoch

    @property
    def settings(self) -> JobsBlock:
        """As the config says now."""
        return self.runtime().plans.settings.v1.jobs
