"""What the parts of the proxy report comes out as fixed words: canaries planted in it never do."""

import json
from dataclasses import dataclass

import pytest

from proxy.answers import Answer, CacheStatus
from proxy.doubts.sightings import Sighting
from proxy.observing import Observing
from proxy.telemetry.traces import Trace

CANARY = "canary"
TRACE = Trace("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", "01")
FIELDS = [
    "caller",
    "upstream",
    "endpoint",
    "status",
    "cache",
    "tier",
    "age",
    "duration_ms",
    "upstream_calls",
    "trace_id",
]  # DESIGN.md §6


@dataclass
class Told:
    trace: Trace = TRACE
    caller: str = "enrollment"
    upstream: str = "courseworks"
    endpoint: str = "GET /api/v1/courses/{course}"
    answer: Answer | None = None
    word: str = "refused"
    calls: int = 0


def sighting(**facts: str) -> Sighting:
    """An answer that was refused."""
    return Sighting(
        **{"id": "0a", "key": b"k", "partition": "shared", "reason": "not-json", "at": 0.0, "keep": 1.0} | facts
    )


def answer_full_of_canaries() -> Answer:
    fields = (("Set-Cookie", CANARY), ("Link", f"<https://api.example/?token={CANARY}>"))
    return Answer(200, fields, CANARY.encode(), CacheStatus(hit=True, ttl=5), age=3)


@pytest.fixture
def observing(written) -> Observing:
    return Observing(written.log)


async def test_the_line_of_an_answered_request_has_exactly_the_fields_of_the_design(
    observing: Observing, written
) -> None:
    observing.answered(Told(answer=answer_full_of_canaries()), 200, 0.0015)
    observing.close()

    line = json.loads(written.text)
    assert sorted(line) == sorted([*FIELDS, "event", "level", "time"])
    assert (line["caller"], line["upstream"], line["endpoint"]) == (
        "enrollment",
        "courseworks",
        "GET /api/v1/courses/{course}",
    )
    assert (line["status"], line["cache"], line["age"], line["duration_ms"]) == (200, "hit", 3, 1.5)
    assert line["trace_id"] == TRACE.trace_id
    assert CANARY not in written.text
    assert CANARY not in observing.metrics.exposition()[1].decode()


async def test_a_refused_request_has_a_line_and_a_count_too(observing: Observing, written) -> None:
    observing.answered(Told(caller="-", upstream="-", endpoint="-"), 401, 0.001)
    observing.close()

    line = json.loads(written.text)
    assert (line["status"], line["cache"], line["tier"], line["age"], line["upstream_calls"]) == (
        401,
        "refused",
        "none",
        None,
        0,
    )
    assert 'cache="refused",caller="-"' in observing.metrics.exposition()[1].decode()


def test_an_arrival_is_written_at_debug_only(observing: Observing, written, writing) -> None:
    quiet = writing("info", "json")

    observing.arrived("GET", TRACE)
    Observing(quiet.log).arrived("GET", TRACE)

    assert json.loads(written.text)["trace_id"] == TRACE.trace_id
    assert quiet.text == ""


def test_a_failure_of_larders_own_says_where_and_what_kind_but_not_its_text(observing: Observing, written) -> None:
    with pytest.raises(ValueError, match=CANARY) as failed:
        int(f"input_value='{CANARY}'")
    observing.failed(TRACE, failed.value)

    line = json.loads(written.text)
    assert line["kind"] == "ValueError"
    assert "test_observing.py:" in line["where"]
    assert CANARY not in written.text


def test_what_may_happen_with_every_request_is_written_once_and_counted_every_time(
    observing: Observing, written
) -> None:
    for _ in range(50):
        observing.quarantined(sighting(upstream="google", endpoint="GET /v1/places/{place}"), is_new=True)

    assert written.text.count("\n") == 1
    assert "larder_quarantined_total" in (text := observing.metrics.exposition()[1].decode())
    assert 'endpoint="GET /v1/places/{place}",reason="not-json",upstream="google"} 50.0' in text


def test_a_callers_refused_credential_is_counted_and_larders_own_is_an_alarm(observing: Observing, written) -> None:
    observing.credential_refused("courseworks", "caller")
    assert written.text == ""

    observing.credential_refused("google", "larder")
    assert json.loads(written.text)["level"] == "error"
