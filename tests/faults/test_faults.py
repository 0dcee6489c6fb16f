"""Faults, over real sockets: what callers see, what the upstream is asked, and how all of it ends."""

import pytest

from tests.faults.playing import play
from tests.faults.providers import COURSEWORKS
from tests.faults.table import ANSWERS, CONNECTIONS, THROTTLING, fitting, met

# A connection that the sandbox had just accepted when it was switched off is closed by nobody: asyncio's own gap.
pytestmark = pytest.mark.filterwarnings("ignore:.*unclosed <socket:pytest.PytestUnraisableExceptionWarning")


def cases(rows):
    """Each fault with each whom it meets."""
    return [pytest.param(*case, id=f"{case[0].name} - {case[1]}") for case in met(rows)]


def once(rows):
    """Each fault with CourseWorks, and with whom something else is to be seen. `make prove` plays it with everybody."""
    differ = {(row.fault.name, provider) for row in rows for provider in row.but}
    return [
        case for case in cases(rows) if case.values[1] is COURSEWORKS or (case.values[0].name, case.values[1]) in differ
    ]


@pytest.mark.parametrize(("fault", "provider", "expected"), once(CONNECTIONS))
async def test_while_connections_fail_what_is_stored_stands_in_and_nothing_is_lost(tmp_path, fault, provider, expected):
    seen = await play(fault, provider, tmp_path)

    assert seen == fitting(expected, seen)


@pytest.mark.parametrize(("fault", "provider", "expected"), once(ANSWERS))
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
