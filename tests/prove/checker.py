"""The checker: every way in which a history breaks a promise (DESIGN.md §1, §5). Pure: reads a history, asks no clock.

The upstream numbers its answers and knows when it made each up, so one that was made up before a purge began is known
for what it is, wherever and however late it turns up:

    made up ───── purge begins ── acknowledged ── (another instance: a window) ── read begins ──▶ not as current
"""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from tests.prove.history import Call, Herd, History, Purge, Read, Scope, Trouble

UPSTREAM = "upstream"  # how troubles of upstreams begin
# What says that an answer stands in for one that could not be had, and why it is not current.
COHERENCE_LOST = "coherence-lost"
STAND_INS = frozenset({"purged", COHERENCE_LOST})


class Rule(StrEnum):
    """What was broken."""

    PURGED = "served as current after its purge was acknowledged"
    LATE = "a late fill won over an acknowledged purge"
    LOST = "an acknowledged purge was forgotten in a restart"
    HARD = "served after it was purged for good"
    NEEDLESS = "a purged answer stood in although the upstream worked"
    CROSSED = "got what was fetched with another's credential"
    MIXED = "got what is not an answer to the question"
    BACKWARDS = "older than what was read before an acknowledged purge"
    TOO_MANY_CALLS = "the upstream was called too often for one thing"
    UNANSWERED = "a caller of a living process got no answer"


class Violation(NamedTuple):
    """A broken promise, and the least that shows it, in the order of the instants."""

    rule: Rule
    event: Read | Herd
    because: tuple[Call | Purge | Read | Trouble, ...]


class Terms(NamedTuple):
    """What was promised. In seconds."""

    window: float  # coherence window: how much later another instance may know of a purge
    grace: float = 6.0  # for how long a failure of the upstream is remembered, and circuits stay open, after its end
    writes_tell: bool = True  # a write that is answered well has its purge recorded, whatever else goes wrong
    before: float = 1.5  # if not: for how long what went wrong may still keep one from being recorded
    unsure_may_stand_in: bool = False  # who has lost coherence, and says so, cannot know of a hard purge (edge 8)


class Checker:
    """Checks one history."""

    def __init__(self, history: History, terms: Terms) -> None:
        self._history = history
        self._terms = terms
        self._failures = [trouble for trouble in history.troubles if trouble.what.startswith(UPSTREAM)]
        self._others = [trouble for trouble in history.troubles if not trouble.what.startswith(UPSTREAM)]
        self._purges: dict[str, list[Purge]] = defaultdict(list)
        for purge in sorted(map(self._as_told, history.purges), key=lambda one: one.start):
            for tag in purge.tags:
                self._purges[tag].append(purge)
        self._starts = {tag: [purge.start for purge in purges] for tag, purges in self._purges.items()}

    def violations(self) -> list[Violation]:
        """All of them: at most one for each read, the gravest, and those of herds."""
        found = [violation for read in self._history.reads if (violation := self._of_read(read)) is not None]
        seen = {id(violation.event) for violation in found}
        found += [violation for violation in self._backwards() if id(violation.event) not in seen]
        return [*found, *(violation for herd in self._history.herds for violation in self._of_herd(herd))]

    def _as_told(self, purge: Purge) -> Purge:
        """A purge as its sender may rely on it: the answer to a write does not say whether Redis could be told."""
        if purge.how != "write" or self._terms.writes_tell or purge.scope is not Scope.EVERYWHERE:
            return purge
        is_disturbed = any(trouble.touches(purge.start - self._terms.before, purge.end) for trouble in self._others)
        return purge._replace(scope=Scope.HERE) if is_disturbed else purge

    # a read

    def _of_read(self, read: Read) -> Violation | None:
        call = self._history.calls.get(read.call)
        if call is None or read.seen_key != read.key or call.key != read.key or call.version != read.version:
            return Violation(Rule.MIXED, read, () if call is None else (call,))
        if read.seen_token != call.token or call.token not in ("", read.token):
            return Violation(Rule.CROSSED, read, (call,))
        return self._outlived(read, call) or self._needless(read, call)

    def _outlived(self, read: Read, call: Call) -> Violation | None:
        """A purge that the answer should not have outlived."""
        purges = list(self._ending(read, call))
        hard = next((purge for purge in purges if purge.hard), None)
        is_unsure = self._terms.unsure_may_stand_in and detail_of(read) == COHERENCE_LOST
        if hard is not None and not is_unsure:
            return Violation(Rule.HARD, read, self._shown(read, call, hard))
        if purges and detail_of(read) not in STAND_INS:
            return Violation(self._how(read, call, purges[0]), read, self._shown(read, call, purges[0]))
        return None

    def _ending(self, read: Read, call: Call) -> Iterator[Purge]:
        """The purges that end the answer, and that hold for this read."""
        for tag in call.tags & self._purges.keys():
            first = bisect_right(self._starts[tag], call.at)
            yield from (purge for purge in self._purges[tag][first:] if self._holds(purge, read))

    def _holds(self, purge: Purge, read: Read) -> bool:
        """Whether the reader may count on a purge."""
        is_here = purge.instance == read.instance
        if purge.scope is Scope.HERE:
            return is_here and purge.life is not None and purge.life == read.life and purge.end <= read.start
        wait = 0.0 if is_here else self._terms.window
        return purge.scope is Scope.EVERYWHERE and purge.end + wait <= read.start

    def _how(self, read: Read, call: Call, purge: Purge) -> Rule:
        """What went wrong, by what happened in between."""
        if call.sent > purge.start:
            return Rule.LATE
        is_lost = any(
            trouble.kills and trouble.start >= purge.end and trouble.end <= read.end for trouble in self._others
        )
        return Rule.LOST if is_lost else Rule.PURGED

    def _needless(self, read: Read, call: Call) -> Violation | None:
        """A purged answer is for when the upstream fails, and for nothing else."""
        if detail_of(read) not in STAND_INS:
            return None
        upstream, since = read.key.split("/")[1], read.start - self._terms.grace
        excused = any(trouble.who == upstream and trouble.touches(since, read.end) for trouble in self._failures)
        # An instance that is stopped or starved meets timeouts that are its own.
        excused = excused or any(
            trouble.who in ("", read.instance) and trouble.touches(since, read.end) for trouble in self._others
        )
        return None if excused else Violation(Rule.NEEDLESS, read, (call,))

    def _shown(self, read: Read, call: Call, purge: Purge) -> tuple[Call | Purge | Trouble, ...]:
        """The call, the purge and what was made to go wrong from then on, in order."""
        between = [trouble for trouble in self._history.troubles if trouble.touches(purge.start, read.end)]
        return tuple(sorted([call, purge, *between], key=_instant))

    # by what was read alone, whatever the upstream says of its instants

    def _backwards(self) -> Iterator[Violation]:
        by_key: dict[tuple[str, str], list[Read]] = defaultdict(list)
        for read in sorted(self._history.reads, key=lambda one: one.end):
            by_key[read.key, read.token].append(read)
        for reads in by_key.values():
            ends, newest = [read.end for read in reads], list(_newest(reads))
            for read in reads:
                purge = self._latest_before(read)
                before = bisect_right(ends, purge.start) if purge is not None else 0
                if purge is None or not before or detail_of(read) in STAND_INS:
                    continue
                if newest[before - 1].version > read.version:
                    yield Violation(Rule.BACKWARDS, read, (newest[before - 1], purge))

    def _latest_before(self, read: Read) -> Purge | None:
        """The latest purge of what was read that the reader may count on."""
        call = self._history.calls.get(read.call)
        tags = call.tags & self._purges.keys() if call is not None else ()
        held = [next((one for one in reversed(self._purges[tag]) if self._holds(one, read)), None) for tag in tags]
        return max((purge for purge in held if purge is not None), key=lambda one: one.start, default=None)

    # a herd

    def _of_herd(self, herd: Herd) -> Iterator[Violation]:
        calls = tuple(call for call in self._history.calls.values() if _is_of(call, herd))
        if len(calls) > herd.most_calls:
            yield Violation(Rule.TOO_MANY_CALLS, herd, calls)
        if herd.callers - herd.answered > herd.most_broken:
            yield Violation(Rule.UNANSWERED, herd, calls)


def check(history: History, terms: Terms) -> list[Violation]:
    """Every violation in a history."""
    return Checker(history, terms).violations()


def detail_of(read: Read) -> str:
    """What Cache-Status gives as the reason for an answer that is not the usual one."""
    found = re.search(r"detail=([a-z-]+)", read.said)
    return found[1] if found else ""


def _newest(reads: list[Read]) -> Iterator[Read]:
    """For each read the one with the highest version so far."""
    newest = reads[0]
    for read in reads:
        newest = read if read.version > newest.version else newest
        yield newest


def _instant(event: Call | Purge | Trouble) -> float:
    return event.at if isinstance(event, Call) else event.start


def _is_of(call: Call, herd: Herd) -> bool:
    return call.key == herd.key and herd.start <= call.at <= herd.end
