"""The table: every fault, whom it meets, and what has to be seen of it. `python -m tests.faults` prints what was."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.faults.playing import CALLERS, MOST, Fault, Seen
from tests.faults.providers import COURSEWORKS, GEOCODING, MIRROR, SMARTY, VALIDATION, Provider
from tests.faults.scene import COOLDOWN, CUT_OFF, ENOUGH, NOT_JSON
from tests.faults.troubles import (
    STRANGER,
    by_name,
    certificate,
    encrypted,
    hangs_while_time_goes_on,
    no_such_name,
    nobody_listens,
    struck,
    without_retry_info,
)

REMEMBERED, RESTING = "200 failure-remembered", "503 circuit-open"
PROVIDERS = (COURSEWORKS, SMARTY, GEOCODING, MIRROR)
JSON_ONLY = (COURSEWORKS, SMARTY, GEOCODING, VALIDATION)  # what has to be JSON there may be anything of the mirror's
DECODED = (COURSEWORKS, SMARTY, GEOCODING)  # the mirror's codings are its callers' to undo

HASTY = {"timeout": {"attempt": "150ms", "total": "5s"}}
BRIEF = {"egress": {"body_time": "150ms"}}
LATE = {"timeout": {"attempt": "5s", "total": "300ms"}}
WAITING = {"timeout": {"total": "12s"}}  # a caller waits so long at most for the end of a pause
MIB = 1024 * 1024


class Expected(NamedTuple):
    """What has to be seen."""

    warm: str  # by those with something stored; by some of them REMEMBERED, who came when that was known
    cold: tuple[str, ...]
    after: str = REMEMBERED
    calls: int = ENOUGH
    is_noticed: bool = True
    recover: float = COOLDOWN
    stale: int = 2 * CALLERS


def failing(status: int, word: str, **more: Any) -> Expected:
    """Stale for those who have it; an error for others, until the circuit opens."""
    return Expected(f"200 {word}", (f"{status} {word}", RESTING), **more)


def throttled(status: int, *, calls: int = 5, recover: float = 17, after: str = "200 paused") -> Expected:
    """Calls wait for one another, a second, two, four and eight, until nobody may wait so long."""
    return Expected("200 throttled", (f"{status} throttled", "503 paused"), after, calls, recover=recover)


# Its body goes to callers as it comes, so what they have begun to read breaks off.
STREAMED = Expected(f"200 {CUT_OFF}", (f"200 {CUT_OFF}", RESTING), stale=CALLERS)


@dataclass(frozen=True)
class Row:
    """A fault, whom it meets, and what has to be seen; `but`: by some of their callers."""

    fault: Fault
    expected: Expected
    but: Mapping[Provider, Expected] = field(default_factory=dict)
    meets: tuple[Provider, ...] = PROVIDERS


def _stalling(name: str, kind: str, **more: Any) -> tuple[Row, Row]:
    """Its head comes at once. Where bodies are read, it has to come as quickly as the head; else in its own time."""
    trouble = struck(kind, **more)
    return (
        Row(Fault(name, trouble, HASTY), failing(504, "timeout"), meets=DECODED),
        Row(Fault(name, trouble, BRIEF), STREAMED, meets=(MIRROR,)),
    )


CONNECTIONS = (
    Row(Fault("refused", nobody_listens), failing(502, "unreachable")),
    Row(Fault("closed before the head", struck("down")), failing(502, "connection-lost")),
    Row(Fault("reset before the head", struck("reset")), failing(502, "connection-lost")),
    Row(
        Fault("reset after the head", struck("reset_after_headers")), failing(502, "broken-answer"), {MIRROR: STREAMED}
    ),
    Row(Fault("reset in the body", struck("reset_mid_body")), failing(502, "broken-answer"), {MIRROR: STREAMED}),
    Row(Fault("hangs before the head", struck("hang"), HASTY), failing(504, "timeout")),
    Row(Fault("hangs past all attempts", hangs_while_time_goes_on, LATE), failing(504, "timeout")),
    *_stalling("hangs after the head", "hang_after_headers"),
    *_stalling("hangs in the body", "hang_mid_body"),
    *_stalling("a byte now and then", "drip", seconds=0.05),
)

HTML = {"status": 200, "body": "<html>Down for maintenance</html>", "headers": {"Content-Type": "text/html"}}
# It is passed on to who has nothing else, and kept from who has; it does not count as a failure of the upstream.
UNFIT = Expected("200 not-json", (f"200 not-json {NOT_JSON}",), calls=1 + MOST, is_noticed=False, recover=1)
# Who is tried for again does not notice; one call in two is too many for a circuit, one in three is not.
UNNOTICED = Expected("200", ("200",), after="200", is_noticed=False, recover=0, stale=0)
FLAPPING = Expected("200", ("200", RESTING), after="200", calls=7, recover=COOLDOWN, stale=0)
IN_TURNS = Expected("200 upstream-failed", ("200", "503 upstream-failed"), calls=1 + MOST, is_noticed=False, recover=1)
BURST = Expected("200 upstream-failed", ("502 upstream-failed", "200"), is_noticed=False, recover=1)

ANSWERS = (
    Row(Fault("500", struck("status", status=500)), failing(500, "upstream-failed"), meets=(*PROVIDERS, VALIDATION)),
    Row(Fault("503", struck("status", status=503)), failing(503, "upstream-failed"), meets=(*PROVIDERS, VALIDATION)),
    Row(
        Fault("503 and Retry-After", struck("status", status=503, headers={"Retry-After": "20"})),
        failing(503, "upstream-failed"),
    ),
    Row(Fault("504", struck("status", status=504)), failing(504, "upstream-failed")),
    Row(
        Fault("four times 502", struck("status", status=502, times=4)),
        BURST._replace(calls=2 + MOST + 1),
        {COURSEWORKS: BURST._replace(cold=("200",), calls=3 + MOST + 1), MIRROR: BURST._replace(calls=1 + MOST)},
    ),
    Row(
        Fault("down, up, down, up", struck("status", every=2)),
        FLAPPING,
        {MIRROR: IN_TURNS._replace(cold=(*IN_TURNS.cold, RESTING), calls=7, is_noticed=True, recover=COOLDOWN)},
    ),
    Row(
        Fault("down, up, up, down", struck("status", every=3)),
        UNNOTICED._replace(calls=(1 + MOST) * 3 // 2),
        {MIRROR: IN_TURNS},
    ),
    Row(Fault("502 in HTML", struck("html_502")), failing(502, "upstream-failed")),
    Row(Fault("200 in HTML", struck("status", **HTML)), UNFIT, meets=JSON_ONLY),
    Row(Fault("half of its JSON", struck("malformed")), UNFIT, meets=JSON_ONLY),
    Row(Fault("half a gzip", struck("truncated_gzip")), failing(502, "broken-answer"), meets=DECODED),
    Row(Fault("a decompression bomb", struck("bomb", size=4 * MIB)), failing(502, "too-large"), meets=DECODED),
    Row(Fault("a body without end", struck("endless")), failing(502, "too-large"), {MIRROR: STREAMED}),
)

LONG = throttled(429, calls=1, recover=21, after=REMEMBERED)._replace(cold=("503 paused",))
UNPAUSED = Expected("200 throttled", ("429 throttled",), calls=1 + MOST, is_noticed=False, recover=1)
THROTTLING = (
    Row(
        Fault("throttled", struck("throttle"), WAITING),
        throttled(429),
        {GEOCODING: throttled(200)},
        meets=(*PROVIDERS, VALIDATION),
    ),
    Row(Fault("throttled with 403", struck("throttle", status=403), WAITING), throttled(403), meets=(COURSEWORKS,)),
    # Where an API is whatever it is, a 429 that does not say until when is about this one answer.
    Row(
        Fault("throttled, without Retry-After", struck("throttle", headers={}), WAITING),
        throttled(429),
        {MIRROR: UNPAUSED},
        meets=(SMARTY, MIRROR),
    ),
    Row(Fault("throttled, without RetryInfo", without_retry_info, WAITING), throttled(429), meets=(VALIDATION,)),
    Row(
        Fault("throttled, Retry-After 20", struck("throttle", headers={"Retry-After": "20"}), WAITING),
        LONG,
        meets=(*PROVIDERS, VALIDATION),
    ),
)

NO_WAY = (COURSEWORKS, MIRROR)  # adapters have no part in it
WAYS = (
    Row(Fault("no such name", no_such_name, stage=by_name), failing(502, "unreachable"), meets=NO_WAY),
    Row(
        Fault("a stranger's certificate", certificate(STRANGER), stage=encrypted),
        failing(502, "unreachable"),
        meets=NO_WAY,
    ),
    Row(
        Fault("a certificate that expired", certificate(days=-1), stage=encrypted),
        failing(502, "unreachable"),
        meets=NO_WAY,
    ),
    Row(
        Fault("another one's certificate", certificate(address="127.0.0.2"), stage=encrypted),
        failing(502, "unreachable"),
        meets=NO_WAY,
    ),
)


def met(rows: tuple[Row, ...]) -> Iterator[tuple[Fault, Provider, Expected]]:
    """Each fault with each whom it meets, and what has to be seen."""
    for row in rows:
        for provider in row.meets:
            yield row.fault, provider, row.but.get(provider, row.expected)


def fitting(expected: Expected, seen: Seen) -> Seen:
    """How what was seen has to be. Who came when it was known already that an answer failed was told so."""
    told_so = set(seen.warm) == {expected.warm, REMEMBERED}
    return Seen(
        fault=seen.fault,
        upstream=seen.upstream,
        warm=seen.warm if told_so else (expected.warm,),
        cold=expected.cold,
        after=(expected.after,),
        calls=expected.calls,
        notice=expected.calls if expected.is_noticed else None,
        recover=expected.recover,
        stale=seen.stale if told_so and expected.stale == CALLERS else expected.stale,
        lost=(),
        unread=(),
    )
