"""How long a job's result may be kept: as long as the first of its sources."""

from math import inf
from types import SimpleNamespace

import pytest

from policies import DAY, HOUR, CachePolicy
from proxy.jobs.sources import longest


@pytest.mark.parametrize(
    ("upstream", "cache", "outcome", "term", "most"),
    [
        (90 * DAY, 7 * DAY, 8 * DAY, inf, 7 * DAY),
        (90 * DAY, 7 * DAY, HOUR, inf, HOUR),
        (HOUR, 7 * DAY, 7 * DAY, inf, HOUR),
        (90 * DAY, 90 * DAY, 90 * DAY, 30 * DAY, 30 * DAY),
    ],
)
def test_the_strictest_word_counts(upstream, cache, outcome, term, most):
    plan = SimpleNamespace(
        upstream=SimpleNamespace(keep_at_most=upstream),
        cache=CachePolicy(ttl=60, keep_at_most=cache),
        outcomes={"none": CachePolicy(ttl=60, keep_at_most=outcome)},
        shortest_term=term,
    )

    assert longest(plan) == most
