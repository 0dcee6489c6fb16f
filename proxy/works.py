"""The works: the engine, put together, and who gathers, walks and pages in front of it."""

import random
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from proxy.answers import Answer
from proxy.asker import Asker
from proxy.asking import Ask, Incoming
from proxy.batches.batching import Batching
from proxy.calling import Calling, CallTools
from proxy.clocks import Clocks
from proxy.doubts.doubting import Doubting
from proxy.doubts.quarantine import Quarantine
from proxy.engine import Engine
from proxy.flights.fetching import Fetcher
from proxy.jobs.making import Where
from proxy.kept.finding import Finder
from proxy.kept.keeping import Keeper
from proxy.kept.purging import Purger
from proxy.kept.shelf import Shelf
from proxy.kept.tier import Tier
from proxy.learning import Learner
from proxy.lists.paging import Paging
from proxy.lists.walking import Walker
from proxy.observing import Observing
from proxy.outgoing import credential_query
from proxy.plan import Plans
from proxy.telemetry.traces import current_trace
from proxy.upstream.registry import Upstreams
from proxy.writes.idempotency import Idempotency
from proxy.writes.preconditions import Preconditions
from proxy.writes.writing import Writer


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the works are made of: what is open already."""

    plans: Callable[[], Plans]  # those of now
    tier: Tier
    shelf: Shelf
    purger: Purger
    quarantine: Quarantine
    upstreams: Upstreams
    asker: Asker
    observing: Observing
    clocks: Clocks
    where: Where


class Works:
    """Answers asks of every kind."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        clocks, shelf, failures = parts.clocks, parts.shelf, parts.tier.guards.failures
        wall, monotonic = clocks.wall, clocks.monotonic
        self.learner = Learner(parts.tier.durable, failures, parts.observing)
        self.learner.answer, self.learner.derive = self._answered, self._derived
        calling = Calling(parts.purger, parts.observing, self._call_tools())
        keeper = Keeper(shelf, parts.purger, clocks.random, self._max_entry)
        fetcher, writer = self._fetcher(calling, keeper), self._writer(calling, keeper)
        self.engine = Engine(shelf, fetcher, writer, failures, wall, parts.tier.leases, monotonic=monotonic)
        self.batching = Batching(self.engine, parts.asker, calling)
        self.walker = Walker(calling, shelf, self._max_entry, wall, monotonic)
        self.paging = Paging(
            self.engine,
            self.batching,
            self.walker,
            shelf,
            clock=wall,
            monotonic=monotonic,
            is_alone=parts.where.is_alone,
        )

    def _call_tools(self) -> CallTools:
        return CallTools(
            upstream=self._parts.upstreams.under,
            max_entry=self._max_entry,
            trace_fields=lambda: (("traceparent", current_trace.get().child(random.getrandbits)),),
        )

    def _max_entry(self) -> int:
        return self._parts.plans().settings.store.max_entry

    def _fetcher(self, calling: Calling, keeper: Keeper) -> Fetcher:
        wall = self._parts.clocks.wall
        return Fetcher(
            calling,
            keeper,
            self._parts.tier.guards.failures,
            self.learner,
            Doubting(self._parts.quarantine, keeper, lambda: self._parts.tier.fences, self._parts.observing, wall),
            self._parts.observing,
            max_entry=self._max_entry,
            clock=wall,
        )

    def _writer(self, calling: Calling, keeper: Keeper) -> Writer:
        wall = self._parts.clocks.wall
        return Writer(
            calling.call,
            self._parts.purger,
            keeper,
            lambda ask: ask.plan.upstream.settle,
            Preconditions(self._parts.asker, Finder(self._parts.shelf, wall), self._answered, wall).settle,
            self._idempotency().once,
            self._refresh_hot,
        )

    def _refresh_hot(self, tags: AbstractSet[str], within: float) -> None:
        self.engine.refresh_hot(tags, within)  # made after the writer

    async def _answered(self, ask: Ask) -> Answer:
        """What a caller would get, for what Larder itself has to know."""
        return self.paging.at_once(ask) or await self.paging.answer(ask)

    def _idempotency(self) -> Idempotency:
        return Idempotency(
            self._parts.shelf,
            self._parts.observing.store_failed,
            self._parts.clocks.wall,
            **self._parts.where._asdict(),
        )

    def _derived(self, ask: Ask, path: str) -> Ask:
        """The same caller with the same credential, asking for another path."""
        before = ask.incoming
        incoming = Incoming("GET", path, credential_query(ask), before.headers, b"", before.caller)
        plan, params = ask.upstream.match("GET", path)
        return self._parts.asker.ask(ask.upstream, plan, params, incoming)
