"""Pacing: how fast one credential may call: by the operator's rate, and by what its upstream says is left of a quota.

A call goes out when the last of these lets it, and each has a word for who is refused:
    paced       the operator's rate: a bucket of `burst` calls that fills by `rate`
    quota-low   what is left: below `low` calls are spread as it refills, below `reserve` they wait until it has
    paused      a pause: the upstream said that it was asked too often

Several processes may share a pacer. Then each has one of its own, and a journal hands every report to all of them in
one order, as for breakers: what they say follows from the reports alone, so they agree on whose call goes out when.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable

from policies.declaring import HOUR
from policies.demand import Demand
from policies.pacing_account import Account, PacingPolicy
from policies.pacing_reports import Journal, Report, Told

LONGEST_WAIT = 1 * HOUR  # nobody waits longer, whatever the deadline
SHORTEST_WAIT = 0.001  # seconds; what a refusal says at least


class Paced(Exception):
    """This call should not be made; one that is made in `retry_after` seconds may. `word` says why."""

    def __init__(self, retry_after: float, word: str) -> None:
        super().__init__(f"{word} for another {retry_after:.1f}s")
        self.retry_after = retry_after
        self.word = word


class Pacer:
    """One upstream's pacing. Does no I/O: asked before each call, it says how long that has to wait.

    What it knows of credentials is bounded, and the one that was out of use longest is forgotten first. After so long
    its bucket is full again; if it still had a pause or little left, it hears that anew from its next call.
    """

    def __init__(
        self,
        policy: PacingPolicy,
        clock: Callable[[], float],
        journal: Journal | None = None,
        *,
        most: int = 10_000,
    ) -> None:
        """`clock` tells monotonic seconds; `most` credentials are known at a time."""
        self.policy = policy
        self._clock = clock
        self._journal = journal
        self._most = most
        self._accounts: OrderedDict[Hashable, Account] = OrderedDict()  # the one used last is last

    def __repr__(self) -> str:
        return f"<Pacer of {len(self._accounts)} credentials, {self.paused} paused, least left {self.lowest_left}>"

    def take(self, credential: str, demand: Demand, *, may_wait: bool = True, lasts: float = 0.0) -> float:
        """Seconds until the call may go out, which has its place from now on. Raises Paced, with nothing taken; also
        where the call, which `lasts` at least so many seconds, could not end in time.

        Who slept meanwhile and meets a `rest` takes another place: else all who slept would go out as that ends.
        """
        now, name = self._now(), self._named(credential)
        account = self._accounts.get(name)
        if account is None:
            if not self.policy.rate:
                return 0.0  # nothing is known that holds it back, and it makes no difference to the next
            account = Account(self.policy)  # kept once there is something to know
        patience = min(max(0.0, demand.left(now) - lasts), LONGEST_WAIT) if demand.is_awaited and may_wait else 0.0
        latest = now + patience
        if patience and not lasts:  # who is let go as its time ends is too late
            latest = math.nextafter(latest, now)
        until, word = self._opens(account, demand, now)
        if until > latest:
            raise _paced(until - now, word)
        if account.is_counting(now):
            departs = self._report(Report(Told.TAKEN, name, latest, now))
        else:  # a call that makes no difference to the next: nobody needs to hear
            departs = account.take(now, latest)
        if departs is None:  # another process was quicker
            until, word = self._opens(account, demand, now)
            raise _paced(until - now, word)
        return departs - now

    def told(self, credential: str, left: float | None, cost: float | None) -> None:
        """An answer said how many units are left, or what it cost; None where it did not. Costs only count, and are
        only told to others, while little is left.
        """
        now, name = self._now(), self._named(credential)
        if left is not None:
            report = Report(Told.LEFT, name, left, now)
            if self.policy.floor or self.policy.charge:
                self._report(report)
            else:  # for who wants to know; no call depends on it
                self.hear(report)
        account = self._accounts.get(name)
        if cost is not None and account is not None and self.policy.refill and account.is_low(now):
            self._report(Report(Told.COST, name, cost, now))

    def throttled(self, credential: str, asked: float | None, at: float | None = None) -> None:
        """The upstream said, at that instant or now, that it was asked too often: nobody calls for as many seconds as
        it asked, and longer each time that this follows a pause. What it said of the rest should be `told` before.
        """
        now = self._now()
        self._report(Report(Told.THROTTLED, self._named(credential), asked or 0.0, now if at is None else at))

    def succeeded(self, credential: str) -> None:
        """A call was answered: the next pause is a first one. In a pause that says nothing, for it began before."""
        now, name = self._now(), self._named(credential)
        account = self._accounts.get(name)
        if account is not None and account.back_off and now >= account.paused_until:
            self._report(Report(Told.SUCCEEDED, name, 0.0, now))

    def rest(self, credential: str) -> float:
        """Seconds of a pause that are left; 0 when there is none."""
        now = self._now()
        account = self._accounts.get(self._named(credential))
        return 0.0 if account is None else max(0.0, account.paused_until - now)

    def left(self, credential: str) -> float | None:
        """Units left now; None when that is not known."""
        now = self._now()
        account = self._accounts.get(self._named(credential))
        return None if account is None else account.left(now)

    @property
    def lowest_left(self) -> float | None:
        """Units left of the credential that has fewest; None when nothing is known."""
        now = self._now()
        return min((left for one in self._accounts.values() if (left := one.left(now)) is not None), default=None)

    @property
    def paused(self) -> int:
        """How many credentials are."""
        now = self._now()
        return sum(now < account.paused_until for account in self._accounts.values())

    def hear(self, report: Report) -> float | None:
        """Count one report. For a journal to call. Of a call: when it goes out; None, with nothing taken, if that is
        too late for it.
        """
        account = self._used(report.credential)
        match report.what:
            case Told.TAKEN:
                return account.take(report.at, report.number)
            case Told.LEFT:
                account.say_left(report.number, report.at)
            case Told.COST:
                account.say_cost(report.number)
            case Told.THROTTLED:
                account.pause(report.number, report.at)
            case Told.SUCCEEDED:
                account.back_off = 0.0
        return report.at

    def _used(self, name: Hashable) -> Account:
        account = self._accounts.setdefault(name, Account(self.policy))
        self._accounts.move_to_end(name)
        if len(self._accounts) > self._most:
            self._accounts.popitem(last=False)
        return account

    def _opens(self, account: Account, demand: Demand, now: float) -> tuple[float, str]:
        """When this call may go out, and the word for what holds it back: it leaves to others what they need more."""
        policy = self.policy
        if demand.priority.is_background:
            return account.opens(now, policy.floor, policy.burst / 2)
        if demand.has_fallback:
            return account.opens(now, policy.reserve)
        return account.opens(now, account.needed)

    def _now(self) -> float:
        if self._journal is not None:
            self._journal.read()
        return self._clock()

    def _named(self, credential: str) -> Hashable:
        return credential if self._journal is None else self._journal.named(credential)

    def _report(self, report: Report) -> float | None:
        return self.hear(report) if self._journal is None else self._journal.write(report)


def _paced(seconds: float, word: str) -> Paced:
    return Paced(max(seconds, SHORTEST_WAIT), word)
