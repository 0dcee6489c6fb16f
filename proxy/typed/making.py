"""Making the desk: each route of the table with what answers it."""

from collections.abc import Callable, Mapping

from proxy.batches.batching import Batching
from proxy.typed.completing import Completing
from proxy.typed.desk import Desk
from proxy.typed.errands import Deferring
from proxy.typed.lists import Reader
from proxy.typed.overview import Overviews
from proxy.typed.reads import Reads
from proxy.typed.routes import Handler, Route
from proxy.typed.table import AUTOCOMPLETE, COURSE, COURSES, ME, OVERVIEW, ROSTER, ROUTES, SECTIONS, VERIFY
from proxy.typed.verifying import Observer, Verifying


def desk_of(
    batching: Batching,
    reader: Reader,
    observer: Observer,
    clock: Callable[[], float],
    monotonic: Callable[[], float],
    jobs: Mapping[Route, Handler],
    deferring: Deferring,
) -> Desk:
    """A desk that answers through this engine's batches and lists. `jobs`: what answers below /v1/jobs. `clock` tells
    seconds since the epoch.
    """
    reads = Reads(reader, clock, monotonic)
    handlers: dict[Route, Handler] = {
        VERIFY: Verifying(batching, observer, clock, monotonic).verify,
        AUTOCOMPLETE: Completing(batching, clock, monotonic).complete,
        COURSES: reads.courses,
        COURSE: reads.course,
        ROSTER: reads.roster,
        SECTIONS: reads.sections,
        ME: reads.me,
        OVERVIEW: Overviews(reader, clock, monotonic).overview,
        **jobs,
    }
    return Desk({route: handlers[route] for route in ROUTES}, deferring)
