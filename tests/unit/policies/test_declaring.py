"""How policies are declared: 5m in config.yaml is 300 seconds, and what is not understood is refused."""

import pytest
from pydantic import TypeAdapter, ValidationError

from policies import BreakerPolicy, CachePolicy, Duration, Rate, Ratio, RetryPolicy, Size

DURATION, RATIO, SIZE, RATE = (TypeAdapter(kind) for kind in (Duration, Ratio, Size, Rate))


@pytest.mark.parametrize(
    ("kind", "written", "meant"),
    [
        (DURATION, "250ms", 0.25),
        (DURATION, "30s", 30.0),
        (DURATION, "1.5m", 90.0),
        (DURATION, "1h", 3_600.0),
        (DURATION, "2d", 172_800.0),
        (DURATION, 7, 7.0),
        (RATIO, "50%", 0.5),
        (RATIO, "12.5%", 0.125),
        (RATIO, 1, 1.0),
        (SIZE, "1B", 1),
        (SIZE, "512KiB", 512 * 1024),
        (SIZE, "10MiB", 10 * 1024**2),
        (SIZE, "2GiB", 2 * 1024**3),
        (SIZE, 5, 5),
        (RATE, "1/s", 1.0),
        (RATE, "30/m", 0.5),
        (RATE, 0, 0.0),
    ],
)
def test_what_is_written_is_read_in_base_units(kind, written, meant):
    assert kind.validate_python(written) == pytest.approx(meant)


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        (DURATION, "5"),
        (DURATION, "5 m"),
        (DURATION, "-5m"),
        (DURATION, "5w"),
        (DURATION, "5m\n"),
        (DURATION, -1),
        (DURATION, float("inf")),
        (DURATION, float("nan")),
        (RATIO, "50"),
        (RATIO, "101%"),
        (RATIO, 1.5),
        (SIZE, "10MB"),
        (SIZE, "1.5MiB"),
        (SIZE, -1),
        (RATE, "1"),
        (RATE, "1/w"),
        (RATE, float("inf")),
    ],
)
def test_what_is_not_understood_is_refused(kind, written):
    with pytest.raises(ValidationError):
        kind.validate_python(written)


@pytest.mark.parametrize(
    ("policy", "fields"),
    [
        (CachePolicy, {"ttl": 1, "tll": 1}),
        (CachePolicy, {}),
        (BreakerPolicy, {"minimum_calls": 0}),
        (BreakerPolicy, {"probes": 0}),
        (RetryPolicy, {"attempts": 0}),
        (RetryPolicy, {"attempts": 11}),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(policy, fields):
    with pytest.raises(ValidationError):
        policy(**fields)
