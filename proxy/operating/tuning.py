"""Tuning: all by which operators change a Larder that runs; every change on record, the latest undone by one call."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from proxy.clocks import Clocks
from proxy.observing import Observing
from proxy.operating.audit import FILE, PROCESS, SIGNAL, Audit, audit_file
from proxy.operating.config_changes import ConfigChanges, Holder
from proxy.operating.config_watch import ConfigWatch
from proxy.operating.given_orders import GivenOrders, OrderBook
from proxy.operating.undoing import Steps, Undoing
from proxy.telemetry.traces import current_trace
from proxy.workers.accepted import Accepted


class Tuning(NamedTuple):
    """What changes, and what tells of it."""

    audit: Audit
    steps: Steps[Any]
    configs: ConfigChanges
    orders: GivenOrders
    undoing: Undoing
    watch: ConfigWatch

    def begin(self) -> None:
        """The process serves: from now on its config file is watched."""
        self.audit.note("start", PROCESS)
        self.watch.start()

    async def end(self) -> None:
        """The process was told to end."""
        await self.watch.stop()
        self.audit.note("end", SIGNAL)


def tuning_of(
    accepted: Accepted,
    holder: Holder,
    book: OrderBook,
    environment: Mapping[str, str],
    observing: Observing,
    clocks: Clocks = Clocks(),  # noqa: B008 - frozen
) -> Tuning:
    """For a Larder that runs by a config. `holder` lets other configs hold, `book` has the orders on upstreams.

    Reads what is on record already.
    """
    audit = Audit(audit_file(accepted.plans.settings), observing, clocks.wall)
    steps: Steps[Any] = Steps()
    configs = ConfigChanges(holder, accepted, environment, observing, audit, steps)
    orders = GivenOrders(book, audit, steps, clocks.monotonic)
    watch = ConfigWatch(
        Path(accepted.config.name),
        lambda: configs.follow(FILE),
        is_on=lambda: holder.settings.server.watch_config,
        sleep=clocks.sleep,
        on_failure=lambda error: observing.failed(current_trace.get(), error),
    )
    audit.open()
    observing.noticed(accepted.plans.notices)
    return Tuning(audit, steps, configs, orders, Undoing(audit, steps, configs.undo, orders.undo), watch)
