"""Faults, over real sockets: what callers see, what the upstream is asked, and how all of it ends."""

import pytest

from tests.faults.playing import play
from tests.faults.table import ANSWERS, CONNECTIONS, NO_WAY, THROTTLING, fitting, met

# A connection that the sandbox had just accepted when it was switched off is closed by nobody: asyncio's own gap.
pytestmark = pytest.mark.filterwarnings("ignore:.*unclosed <socket:pytest.PytestUnraisableExceptionWarning")


def cases(rows):
    return [pytest.param(*case, id=f"{case[0].name} - {case[1]}") for case in met(rows)]


# Adapters have no part in how connections fail: `python -m tests.faults` tries it with every provider.
@pytest.mark.parametrize(
    ("fault", "provider", "expected"), [case for case in cases(CONNECTIONS) if case.values[1] in NO_WAY]
)
async def test_while_connections_fail_what_is_stored_stands_in_and_nothing_is_lost(tmp_path, fault, provider, expected):
    seen = await play(fault, provider, tmp_path)

    assert seen == fitting(expected, seen)


@pytest.mark.parametrize(("fault", "provider", "expected"), cases(ANSWERS))
async def test_while_answers_are_no_good_what_is_stored_stands_in_and_nothing_is_lost(
    tmp_path, fault, provider, expected
):
    seen = await play(fault, provider, tmp_path)

    assert seen == fitting(expected, seen)


@pytest.mark.parametrize(("fault", "provider", "expected"), cases(THROTTLING))
async def test_while_an_upstream_throttles_it_is_left_alone_and_what_is_stored_stands_in(
    tmp_path, fault, provider, expected
):
    seen = await play(fault, provider, tmp_path)

    assert seen == fitting(expected, seen)
