"""The desk: everything the admin listener shows and works, handed to it by whoever puts Larder together."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from proxy.config.file import ConfigProblem
from proxy.doubts.wards import Ward
from proxy.erasing import Eraser
from proxy.kept.purging import Purger
from proxy.operating.audit import Audit, By
from proxy.operating.given_orders import Given
from proxy.plan import Plans
from proxy.store.contract import DurableStore, StoreError
from proxy.store.fences import Fences, Mode
from proxy.store.memory import MemoryStore
from proxy.upstream.orders import Order
from proxy.upstream.view import UpstreamState


class ReloadReport(NamedTuple):
    """What a reload came to. Any problem means that the old config still holds, as a whole."""

    changed: tuple[str, ...] = ()  # fields that hold from the next request on, such as "upstreams.courseworks.breaker"
    needs_restart: tuple[str, ...] = ()  # fields that were changed, but hold only after a restart, such as a port
    problems: tuple[ConfigProblem, ...] = ()
    change: str | None = None  # under which it is on record; None: nothing was changed
    audited: bool = True  # whether the record is written
    notices: tuple[ConfigProblem, ...] = ()  # what holds, but may not be what was meant


def answered(report: ReloadReport) -> dict[str, Any]:
    """What a change of the config came to, as it is answered."""
    return {
        "changed": list(report.changed),
        "needs_restart": list(report.needs_restart),
        "change": report.change,
        "audited": report.audited,
        "notices": [str(notice) for notice in report.notices],
    }


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What `make_admin` needs. `clock` tells seconds since the epoch; `host` is the address that is listened on."""

    host: str
    token: str = field(repr=False)
    clock: Callable[[], float]
    fences: Fences
    purger: Purger
    memory: MemoryStore
    durable: DurableStore
    states: Callable[[], Iterable[UpstreamState]]
    plans: Callable[[], Plans]
    reload: Callable[[By], Awaitable[ReloadReport]]
    order: Callable[[str, Order, By], Awaitable[Given]]  # an order on an upstream that there is
    undo: Callable[[str | None, By], Awaitable[dict[str, Any]]]  # raises UnknownChange, CannotUndo, ConfigRefused
    undoable: Callable[[], Collection[str]]  # the changes that may be undone now
    audit: Audit
    ward: Ward  # what is in quarantine
    eraser: Eraser
    digest: Callable[[str, Iterable[str]], str]  # (purpose, parts), under the store's secret
    exposition: Callable[[], tuple[str, bytes]]  # content type and body of the metrics
    on_error: Callable[[str, StoreError], None]  # the operation that the durable store could not do, and why
    on_failure: Callable[[Exception], None]  # what nobody foresaw; its text may hold data
    on_flush: Callable[[Mode], None] = lambda _: None

    def routes(self) -> dict[str, Mapping[str, str]]:
        """The endpoints of each upstream, each with the one that its entries name; "*" for what nobody declared."""
        return {
            name: {plan.name: plan.kept_as for plan in (*upstream.endpoints, upstream.unknown)}
            for name, upstream in self.plans().upstreams.items()
        }
