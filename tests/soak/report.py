"""The report: what was asked and done, and what of it broke a promise."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from tests.soak.course import SPARE, Soak
from tests.soak.house import OPERATOR
from tests.soak.kinds import BRIBE, PEOPLE, STRANGERS, STREET

MORE_MEMORY, MORE_MEGABYTES = 1.15, 12.0  # than with full caches: the share, and what fragments beside
CANARIES = (*PEOPLE, *STRANGERS, BRIBE, STREET, OPERATOR, "sandbox-token", "AIzaSandboxKey")
# Lines of the level `error` that are meant: an upstream refuses what Larder holds, a config cannot be read. And a disk
# may be slower than a caller is to wait for it: said, and then it is left alone for a second.
MEANT = frozenset({"config reload", "the credential Larder holds is refused"})
SLOW_DISK = {"event": "durable store failed", "error": "timeout"}
_LEFT_OUT = 0.3  # of the requests that may be on a busy machine, before the load is none


def breaches(soak: Soak) -> list[str]:
    """Everything that was not as it has to be."""
    found = [*soak.outcomes.strange, *soak.mischief.strange, *_of_levels(soak), *_of_the_log(soak.log)]
    for where, text in (("log", soak.log), ("audit log", soak.audit)):
        found += [f"the {where} has a secret in it: {canary}" for canary in CANARIES if canary in text]
    found += [
        f"metrics: {line}" for line in soak.metrics.splitlines() if re.match(r'larder_requests.*status="500"', line)
    ]
    if soak.status != 0:
        found.append(f"Larder ended with {soak.status}")
    if soak.outcomes.left_out > _LEFT_OUT * soak.outcomes.total:
        found.append(f"{soak.outcomes.left_out} requests were left out, as too many were under way")
    return found


def shown(soak: Soak, found: list[str]) -> str:
    """A short text."""
    outcomes = soak.outcomes
    statuses: Counter[int] = Counter()
    for (_, status), count in outcomes.answers.items():
        statuses[status] += count
    rows = [
        ("requests", f"{outcomes.total}; {outcomes.left} left, {outcomes.left_out} left out"),
        ("answers", _counted(statuses)),
        ("from", _counted(outcomes.caches)),
        ("deeds", _counted(soak.mischief.deeds)),
        ("log", _counted(Counter(f"{line.get('level')}: {line.get('event')}" for line in _lines(soak.log)))),
        ("with full caches", soak.before.shown),
        ("at the end", soak.after.shown),
        ("breaches", str(len(found))),
    ]
    return "\n".join([*(f"  {name:<17} {text}" for name, text in rows), *(f"    {one}" for one in found)])


def _of_levels(soak: Soak) -> Iterable[str]:
    before, after = soak.before, soak.after
    most = before.memory * MORE_MEMORY + MORE_MEGABYTES
    if after.memory > most:
        yield f"memory grew from {before.memory:.1f} to {after.memory:.1f} MB; {most:.1f} may be"
    for name in ("descriptors", "sockets", "threads"):
        if getattr(after, name) > getattr(before, name) + SPARE:
            yield f"{name} grew from {getattr(before, name)} to {getattr(after, name)}"
    if after.under_way:
        yield f"{after.under_way} calls are still under way"
    if after.processes != before.processes:
        yield f"there are {after.processes} processes, and were {before.processes}"


def _of_the_log(log: str) -> Iterable[str]:
    if "Traceback" in log:
        yield f"the log has a traceback: {log[log.index('Traceback') :][:1000]}"
    for line in _lines(log):
        is_meant = line.get("event") in MEANT or SLOW_DISK.items() <= line.items()
        if line.get("level") == "error" and not is_meant:
            yield f"the log: {line}"


def _lines(log: str) -> Iterable[dict[str, Any]]:
    for line in log.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            yield {"level": "error", "event": f"no JSON: {line[:200]}"}


def _counted(counts: Counter[Any]) -> str:
    return ", ".join(f"{count} {word}" for word, count in counts.most_common(16)) or "none"
