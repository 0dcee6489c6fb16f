"""traceparent: read strictly, handed on unbroken, and begun anew when it cannot be read."""

import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.telemetry.traces import Traces

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
VALID = f"00-{TRACE}-{SPAN}-01"
FORM = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def traces(seed: int = 1) -> Traces:
    return Traces(Random(seed).getrandbits)


def test_a_valid_traceparent_is_continued_with_a_span_of_larders_own() -> None:
    trace = traces().trace(VALID)

    assert trace.trace_id == TRACE
    assert trace.span_id != SPAN
    assert trace.traceparent == f"00-{TRACE}-{trace.span_id}-01"


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "canary",
        VALID.upper(),
        VALID[:-1],
        f"{VALID}-extra",
        f" {VALID}",
        f"{VALID}\n",
        f"01{VALID[2:]}",
        f"ff{VALID[2:]}",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}-0g",
        f"00_{TRACE}_{SPAN}_01",
        VALID.replace("4", "٤"),
    ],
)
def test_what_is_no_valid_traceparent_begins_a_new_trace(text: str | None) -> None:
    trace = traces().trace(text)

    assert trace.trace_id != TRACE
    assert FORM.fullmatch(trace.traceparent)
    assert trace.flags == "00"


def test_a_call_upstream_is_a_child_of_larders_span_in_the_same_trace() -> None:
    trace = traces().trace(VALID)

    called = trace.child(Random(2).getrandbits)

    assert FORM.fullmatch(called)
    assert called.split("-")[1] == TRACE
    assert called.split("-")[2] not in (SPAN, trace.span_id)
    assert called.endswith("-01")


def test_no_id_is_ever_all_zero_even_when_randomness_is() -> None:
    trace = Traces(lambda _: 0).trace(None)

    assert FORM.fullmatch(trace.traceparent)
    assert FORM.fullmatch(trace.child(lambda _: 0))


def test_ids_use_all_the_randomness_asked_for() -> None:
    trace = Traces(lambda bits: (1 << bits) - 1).trace(None)

    assert (trace.trace_id, trace.span_id) == ("f" * 32, "f" * 16)


@given(st.text() | st.from_regex(r"\A00-[0-9a-fA-F]{32}-[0-9a-fA-F]{16}-[0-9a-f]{2}\Z"), st.integers(0))
def test_whatever_comes_in_what_goes_out_is_valid(text: str, seed: int) -> None:
    trace = traces(seed).trace(text)

    assert FORM.fullmatch(trace.traceparent)
    assert trace.trace_id in text or not FORM.fullmatch(text)


def test_flags_that_version_00_does_not_know_are_cleared() -> None:
    assert traces().trace(f"00-{TRACE}-{SPAN}-ff").flags in ("01", "03")
