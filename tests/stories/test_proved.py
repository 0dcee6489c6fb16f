"""The short form of `make prove`: two instances of two workers on one Redis, under load; an instance, a worker in the
middle of a flight and Redis are killed meanwhile, and everything that was seen is held against the promises.
"""

from tests.prove.report import shown, violations
from tests.prove.rounds import Round, observe

# One instance is killed, and Redis; then all is read with the upstreams down, and up.
ROUND = Round("redis", "short/30", of_instances=1, of_redis=1, pauses=0.2, calm=1.0, callers=20, kills_all=False)


async def test_no_promise_is_broken_over_four_processes_and_redis_while_they_are_killed(tmp_path):
    observed = await observe(ROUND, tmp_path)

    assert not violations(observed), shown(observed)
    history = observed.history
    assert {trouble.what for trouble in history.troubles} >= {"a leader killed", "an instance killed", "Redis killed"}
    alone, without_leader = history.herds
    assert alone.answered == alone.callers == 40
    assert without_leader.callers - without_leader.answered <= without_leader.most_broken
    assert len(history.reads) > 200  # and enough was seen
    assert sum(purge.scope.value == "acknowledged" for purge in history.purges) > 5
