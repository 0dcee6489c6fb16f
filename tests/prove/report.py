"""The report: how much was seen, how long purges took, and of what was broken the least that shows it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from math import ceil, inf

from tests.prove.checker import UPSTREAM, Violation, check, detail_of
from tests.prove.history import Call, Herd, History, Purge, Read, Scope, Trouble
from tests.prove.rounds import Observed

_SHOWN = 5  # violations of a round, in full
_LATE = 0.1  # seconds: an answer that took longer


def summary(observed: Sequence[Observed]) -> str:
    """One block of figures over all rounds."""
    histories = [one.history for one in observed]
    purges = [purge for history in histories for purge in history.purges]
    told = [purge for purge in purges if purge.scope is Scope.EVERYWHERE]
    reads = [read for history in histories for read in history.reads]
    calm = [purge for history in histories for purge in undisturbed(history)]
    seen = [seconds for history in histories for seconds in seen_elsewhere(history)]
    strict = [check(one.history, one.terms._replace(unsure_may_stand_in=False)) for one in observed]
    unsure = sum(map(len, strict)) - sum(len(violations(one)) for one in observed)
    rows = [
        ("reads", f"{len(reads)}, {sum('hit' in read.said for read in reads)} of them hits"),
        ("reads without an answer", f"{sum(history.unanswered for history in histories)}"),
        ("stood in for failures", _counted(detail_of(read) for read in reads)),
        ("upstream calls", f"{sum(len(history.calls) for history in histories)}"),
        ("purges", f"{len(purges)}: {_counted(purge.how for purge in purges)}"),
        ("acknowledged", f"{len(told)}; {_counted(purge.scope.value for purge in purges)}"),
        ("processes killed", f"{sum(history.kills for history in histories)}"),
        ("what went wrong", _counted(one.what for history in histories for one in history.troubles)),
        ("slowest acknowledgement", f"{_slowest(told)}; {_slowest(calm)} where nothing was wrong"),
        ("purge seen elsewhere, p99", f"{1000 * percentile(seen, 0.99):.0f} ms after it began, {len(seen)} watched"),
        ("hard-purged, unknowingly", f"{unsure}"),
        ("violations", f"{sum(len(violations(one)) for one in observed)}"),
    ]
    return "\n".join(f"  {name:<26} {figure}" for name, figure in rows)


def violations(one: Observed) -> list[Violation]:
    """What was broken in a round."""
    return check(one.history, one.terms)


def shown(one: Observed) -> str:
    """The violations of a round: how many of which kind, and the first few in full."""
    found = violations(one)
    lines = [f"{one.round.store}, seed {one.round.seed}: {_counted(violation.rule.value for violation in found)}"]
    for violation in list({_cause(violation): violation for violation in reversed(found)}.values())[: -_SHOWN - 1 : -1]:
        lines += ["", *slice_of(violation)]
    return "\n".join(lines)


def _cause(violation: Violation) -> tuple[object, ...]:
    """What violations have in common that are one: they are shown once."""
    purges = tuple(event.number for event in violation.because if isinstance(event, Purge))
    return violation.rule, purges or violation.event


def slice_of(violation: Violation) -> list[str]:
    """What shows a violation, in lines; instants in seconds before it was seen."""
    end = violation.event.end
    return [violation.rule.value, *(f"  {_line(event, end)}" for event in (*violation.because, violation.event))]


def undisturbed(history: History) -> list[Purge]:
    """Acknowledged purges while which, and shortly before, no process of Larder's or Redis's was made to fail."""
    others = [trouble for trouble in history.troubles if not trouble.what.startswith(UPSTREAM)]
    told = [purge for purge in history.purges if purge.scope is Scope.EVERYWHERE]
    return [purge for purge in told if not any(trouble.touches(purge.start - 1, purge.end) for trouble in others)]


def seen_elsewhere(history: History) -> list[float]:
    """Seconds from when an undisturbed purge began until another instance was asked for what it reaches, and gave
    something new.
    """
    begun = {purge.number: purge.start for purge in undisturbed(history)}
    return [max(0.0, one.at - begun[one.purge]) for one in history.sightings if one.purge in begun]


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so large a share does not exceed; 0 where there are none."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else 0.0


def _slowest(purges: Iterable[Purge]) -> str:
    return f"{1000 * max((purge.end - purge.start for purge in purges), default=0.0):.0f} ms"


def _line(event: Call | Purge | Read | Trouble | Herd, end: float) -> str:
    match event:
        case Call():
            late = f", left at {event.sent - end:+.3f}" if event.sent - event.at > _LATE else ""
            what = f"upstream's answer {event.number} to {event.key}: version {event.version}{late}"
            return f"{event.at - end:+9.3f}  {what}, token {event.token or '-'}"
        case Purge():
            kind, tags = "hard" if event.hard else "soft", ", ".join(sorted(event.tags))
            told = f"{event.scope.value} at {event.end - end:+.3f}"
            return f"{event.start - end:+9.3f}  {kind} {event.how} {event.number} on {event.instance} of {tags}: {told}"
        case Read():
            what = f"read of {event.key} on {event.instance} by {event.token or '-'}, done at {event.end - end:+.3f}"
            got = f"answer {event.call}, version {event.version}, made for {event.seen_token or '-'}"
            return f"{event.start - end:+9.3f}  {what}: {got}; {event.said}"
        case Trouble():
            until = f" until {event.end - end:+.3f}" if event.end < inf else ""
            return f"{event.start - end:+9.3f}  {event.what} {event.who}{until}"
        case Herd():
            return f"{event.start - end:+9.3f}  {event.callers} ask for {event.key}: {event.answered} are answered"


def _counted(words: Iterable[str]) -> str:
    """How often each word comes, but for empty ones."""
    counts = Counter(word for word in words if word)
    return ", ".join(f"{count} {word}" for word, count in counts.most_common()) or "none"
