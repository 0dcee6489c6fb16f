"""What a caller would rather have (RFC 7240)."""

import pytest

from policies.preferences import wants_lenient


@pytest.mark.parametrize(
    "value",
    ["handling=lenient", "Handling=LENIENT", 'wait=5, handling="lenient"', "handling = lenient;x=1, respond-async"],
)
def test_lenient_handling_is_asked_for(value):
    assert wants_lenient({"Prefer": value})


@pytest.mark.parametrize(
    "value",
    [
        "",
        "handling=strict",
        "handling=strict, handling=lenient",
        "handling",
        "handling=lenientish",
        "x=handling=lenient",
    ],
)
def test_anything_else_is_as_ever(value):
    assert not wants_lenient({"Prefer": value})
    assert not wants_lenient({})
