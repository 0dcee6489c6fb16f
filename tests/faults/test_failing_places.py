"""Places that cannot be reached, or only half of them: no name, no certificate that holds, and two out of four."""

import pytest

from tests.faults.halves import COLD, COOLDOWN, ENOUGH, HALVES, play_half
from tests.faults.playing import play
from tests.faults.providers import COURSEWORKS
from tests.faults.table import WAYS, fitting, met

# A connection that a place had just accepted when it was switched off is closed by nobody: asyncio's own gap.
pytestmark = pytest.mark.filterwarnings("ignore:.*unclosed <socket:pytest.PytestUnraisableExceptionWarning")


@pytest.mark.parametrize(
    ("fault", "provider", "expected"),
    [pytest.param(*case, id=f"{case[0].name} - {case[1]}") for case in met(WAYS) if case[1] is COURSEWORKS],
)
async def test_while_no_way_leads_to_an_upstream_what_is_stored_stands_in_and_nothing_is_lost(
    tmp_path, fault, provider, expected
):
    seen = await play(fault, provider, tmp_path)

    assert seen == fitting(expected, seen)


@pytest.mark.parametrize("provider", [COURSEWORKS], ids=str)
@pytest.mark.parametrize("name", HALVES)
async def test_while_half_of_the_places_are_down_callers_do_not_notice_and_the_others_answer(tmp_path, name, provider):
    seen = await play_half(name, provider, tmp_path)

    assert (seen.warm, seen.cold, seen.after) == (("200",), ("200",), ("200",))
    assert seen.notice == 2 * ENOUGH, "as many calls to each as its circuit takes, and then no more"
    assert seen.calls == 1 + COLD + 2 * ENOUGH
    assert seen.recover == COOLDOWN
    assert (seen.stale, seen.lost) == (0, ())
