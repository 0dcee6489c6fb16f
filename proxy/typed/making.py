"""Making the desk: each route of the table with what answers it."""

from collections.abc import Callable

from proxy.batching import Batching
from proxy.typed.completing import Completing
from proxy.typed.desk import Desk
from proxy.typed.table import AUTOCOMPLETE, ROUTES, VERIFY
from proxy.typed.verifying import Observer, Verifying


def desk_of(batching: Batching, observer: Observer, clock: Callable[[], float], monotonic: Callable[[], float]) -> Desk:
    """A desk that answers through this engine's batches. `clock` tells seconds since the epoch."""
    handlers = {
        VERIFY: Verifying(batching, observer, clock, monotonic).verify,
        AUTOCOMPLETE: Completing(batching, clock, monotonic).complete,
    }
    return Desk({route: handlers[route] for route in ROUTES})
