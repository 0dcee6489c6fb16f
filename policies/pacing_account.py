"""Pacing accounts: what is known of one credential's calls, and when the next of them may go out.

Buckets are kept by virtual scheduling (the GCRA of ITU-T I.371): as the one instant at which they are full again. So in
any t seconds no more than rate × t + burst calls go out.
"""

import math

from pydantic import Field
from pydantic.dataclasses import dataclass

from policies.declaring import MINUTE, SECOND, STRICT, Rate

FIRST_PAUSE = 1 * SECOND
LONGEST_PAUSE = 30 * SECOND  # of the pauses that double
LONGEST_ASKED = 300 * SECOND  # a Retry-After is believed no longer, as for failed refreshes
BELIEVED = 1 * MINUTE  # what is left, where nothing tells how it grows: then a call goes out and hears anew
NEWEST = 0.25  # the part that the newest call has in what a call costs

PACED, QUOTA_LOW, PAUSED = "paced", "quota-low", "paused"  # what holds a call back


@dataclass(frozen=True, kw_only=True, config=STRICT)
class PacingPolicy:
    """How one credential's calls are spread. What is left, `low`, `reserve` and `charge` are in the upstream's unit."""

    rate: Rate = 0.0  # calls a second; 0: no limit of Larder's own
    burst: int = Field(default=10, ge=1)  # calls that may go out at once, after a quiet time
    low: float = Field(default=0.0, ge=0)  # with less left than this, background work yields
    reserve: float = Field(default=0.0, ge=0)  # with less left, stale is served, and who has none waits for it
    refill: Rate = 0.0  # units a second by which what is left grows again; 0: not known
    charge: float = Field(default=0.0, ge=0)  # units that a call under way holds (Canvas: 50)

    @property
    def floor(self) -> float:
        """Units below which little is left."""
        return max(self.low, self.reserve)


class Account:
    """What is known of one credential. Instants are seconds of the pacer's clock."""

    def __init__(self, policy: PacingPolicy) -> None:
        self._policy = policy
        self._full_at = -math.inf  # when the bucket is full again
        self._left = (0.0, -math.inf)  # units, and when the upstream said so
        self._most_left = max(policy.floor, policy.charge)  # what is left grows no further than was ever seen, or this
        self._cost: float | None = None  # units of a call, lately
        self._next_at = -math.inf  # when the next one may go out of those that are spread
        self.paused_until = -math.inf
        self.back_off = 0.0  # seconds that the last pause took at least; 0: a call was answered since

    def left(self, at: float) -> float | None:
        """Units left then, with what refilled since the upstream said; None when it did not, or too long ago."""
        left, said_at = self._left
        if self._policy.refill:
            grown = left + self._policy.refill * max(0.0, at - said_at)
            return None if said_at == -math.inf else min(grown, self._most_left)
        return left if at < said_at + BELIEVED else None

    def is_low(self, at: float) -> bool:
        """Whether little is left."""
        return self._enough_at(at, self._policy.floor) > at

    def is_counting(self, at: float) -> bool:
        """Whether a call makes a difference to those after it."""
        return self._policy.rate > 0 or self._is_spread(at)

    @property
    def needed(self) -> float:
        """Units that have to be left for a call that somebody waits for: the reserve, if it is known to come back."""
        return self._policy.reserve if self._policy.refill else -math.inf

    def opens(self, at: float, units: float, calls: float = 1.0) -> tuple[float, str]:
        """When so many units are left, and as many calls could go out at once, or one; and the word for what holds a
        call back until then.
        """
        policy = self._policy
        paced = self._full_at - (policy.burst - max(calls, 1.0)) / policy.rate if policy.rate else -math.inf
        low = max(self._enough_at(at, units), self._next_at if self._is_spread(at) else at)
        until, word = max((paced, PACED), (low, QUOTA_LOW), (self.paused_until, PAUSED))
        return max(at, until), word

    def take(self, at: float, latest: float) -> float | None:
        """When the call goes out, whose place is taken; None, with nothing taken, if that is too late for it."""
        departs, _ = self.opens(at, self.needed)
        if departs > latest:
            return None
        if self._policy.rate:
            self._full_at = max(self._full_at, departs) + 1 / self._policy.rate
        if self._is_spread(at) and self._cost is not None:
            self._next_at = max(self._next_at, departs) + self._cost / self._policy.refill
        return departs

    def say_left(self, units: float, at: float) -> None:
        """The upstream said that so many are left. What it said later, as heard earlier, holds."""
        if at >= self._left[1]:
            self._left = (units, at)
            self._most_left = max(self._most_left, units)

    def say_cost(self, units: float) -> None:
        """A call cost so much."""
        self._cost = units if self._cost is None else self._cost + NEWEST * (units - self._cost)

    def pause(self, asked: float, at: float) -> None:
        """No calls for as many seconds, and until there is room for one; longer if this follows a pause. Calls that
        were under way when it began do not make it longer each.
        """
        if at >= self.paused_until:
            self.back_off = min(max(FIRST_PAUSE, 2 * self.back_off), LONGEST_PAUSE)
        room = 0.0
        if self._policy.refill:
            room = (self._policy.charge - (self.left(at) or 0.0)) / self._policy.refill
        self.paused_until = max(self.paused_until, at + max(self.back_off, min(max(asked, room), LONGEST_ASKED)))

    def _enough_at(self, at: float, units: float) -> float:
        """From when on so much is left again, as far as is known: `at`, if it is now."""
        left = self.left(at)
        if left is None or left >= units:
            return at
        refill = self._policy.refill
        if not refill:
            return self._left[1] + BELIEVED
        return min(at + (units - left) / refill, max(at, self._left[1] + LONGEST_ASKED))  # then it is heard anew

    def _is_spread(self, at: float) -> bool:
        """Whether calls go out no faster than what they cost refills."""
        return self._policy.refill > 0 and self._cost is not None and self._cost > 0 and self.is_low(at)
