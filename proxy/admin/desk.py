"""The desk: everything the admin listener shows and works, handed to it by whoever puts Larder together."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from proxy.config_file import ConfigProblem
from proxy.plan import Plans
from proxy.purging import Purger
from proxy.store.contract import DurableStore, StoreError
from proxy.store.fences import Fences, Mode
from proxy.store.memory import MemoryStore
from proxy.upstream.call import Upstream


class ReloadReport(NamedTuple):
    """What a reload came to. Any problem means that the old config still holds, as a whole."""

    changed: tuple[str, ...] = ()  # fields that hold from the next request on, such as "upstreams.courseworks.breaker"
    needs_restart: tuple[str, ...] = ()  # fields that were changed, but hold only after a restart, such as a port
    problems: tuple[ConfigProblem, ...] = ()


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
    upstreams: Iterable[Upstream]  # asked anew each time: a reload may change them
    plans: Callable[[], Plans]
    reload: Callable[[], Awaitable[ReloadReport]]
    exposition: Callable[[], tuple[str, bytes]]  # content type and body of the metrics
    on_error: Callable[[str, StoreError], None]  # the operation that the durable store could not do, and why
    on_failure: Callable[[Exception], None]  # what nobody foresaw; its text may hold data
    on_flush: Callable[[Mode], None] = lambda _: None
    payloads_refused: Callable[[str], int] | None = None  # by upstream; None: nobody counts

    def routes(self) -> dict[str, Sequence[str]]:
        """The endpoints of each upstream, as entries name them; "*" for what nobody declared."""
        return {
            name: (*(plan.name for plan in upstream.endpoints), upstream.unknown.name)
            for name, upstream in self.plans().upstreams.items()
        }
