"""Covering: a stored answer in place of one that could not be had, where it still may; and what is told where none may.

`Cache-Status` says why (RFC 9211): `detail` is the failure's word, or what bars the stored answer from being current.
"""

from collections.abc import Callable

from adapters import Kind
from policies.failure_memory import FailureMemory
from proxy.answers import Answer, CacheStatus, from_entry, from_reply
from proxy.asking import Ask
from proxy.errors import LarderError, UpstreamTimeout, ValidationFailed, perhaps_done
from proxy.flights.landing import Landing
from proxy.kept.finding import Finder, Found
from proxy.presenting import presented
from proxy.store.fences import Validity
from proxy.upstream.failures import UpstreamFailure


class Coverer:
    """Gives what is stored while the upstream fails, or does not answer in time."""

    def __init__(
        self,
        finder: Finder,
        failures: FailureMemory,
        covered: Callable[[str, str], None],
        clock: Callable[[], float],
    ) -> None:
        """`covered` hears of each: the upstream and the reason. `clock` tells seconds since the epoch."""
        self._finder = finder
        self._failures = failures
        self._tell = covered
        self._clock = clock

    def is_known_to_fail(self, ask: Ask, found: Found) -> bool:
        """Whether asking again so soon is pointless, and what is stored may stand in."""
        if self._failures.is_due(ask.key):
            return False
        return found.may_cover(disconnected=self._failures.is_disconnected(ask.key))

    def cover(self, ask: Ask, found: Found, status: CacheStatus, calls: int = 0) -> Answer:
        """What is stored, and why."""
        status.covers = True
        if found.validity is Validity.SOFT:
            status.detail = "purged"
        elif found.validity is Validity.UNSURE:
            status.detail = "coherence-lost"
        now = self._clock()
        answer = from_entry(found.entry, found.life, now, status, found.tier, calls)
        self._tell(ask.plan.upstream.name, status.detail)
        return presented(ask, answer, made_at=found.entry.stored_at, now=now)

    def covered(self, ask: Ask, found: Found, landing: Landing, status: CacheStatus) -> Answer | None:
        """What is stored in place of what could not be had, where it still may. Raises ValidationFailed."""
        disconnected, failure = landing.is_disconnected, landing.failure
        still = self._finder.usable(ask, found.entry, found.tier)
        if still is not None and still.may_cover(disconnected=disconnected):
            calls = landing.calls_for(collapsed=status.collapsed)
            return self.cover(ask, still, _covered_status(landing, status), calls)
        if disconnected and failure is not None and failure.calls and found.forbids_stale:
            raise ValidationFailed(ask.plan.upstream.name, failure.detail, failure.calls)
        return None

    def too_late(self, ask: Ask, found: Found | None, status: CacheStatus) -> Answer:
        """The caller waits no longer for a flight that goes on without it. Raises UpstreamTimeout."""
        still = self._finder.usable(ask, found.entry, found.tier) if found is not None else None
        if still is None or not still.may_cover(disconnected=True):
            raise out_of_time(ask)
        status.detail = "deadline"
        return self.cover(ask, still, status)


def out_of_time(ask: Ask) -> LarderError:
    """What a caller hears whose time is over."""
    error = UpstreamTimeout(ask.plan.upstream.name)
    error.word = "deadline"
    return perhaps_done(error) if ask.is_unsafe else error


def as_it_came(failure: UpstreamFailure, status: CacheStatus) -> Answer:
    """The upstream's own words on its failure, where it had any; else Larder's. Raises LarderError."""
    if failure.reply is None or failure.reply.verdict.kind not in (Kind.FAILED, Kind.THROTTLED):
        raise failure.problem
    status.detail = failure.detail
    answer = from_reply(failure.reply, status)
    answer.calls = failure.calls
    return answer


def _covered_status(landing: Landing, status: CacheStatus) -> CacheStatus:
    """Forwarded and failed, or (circuit open, queue full) not forwarded at all: then it is a hit (RFC 9211 §2.1)."""
    came = landing.failure or landing.reply
    if came is not None and not came.calls:
        return CacheStatus(hit=True, detail=landing.detail)
    status.detail = landing.detail
    status.fwd_status = landing.status
    return status
