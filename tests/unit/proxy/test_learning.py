"""Whose a partition is, is known until that partition is purged for good; in whichever order purges are heard of."""

import pytest

from policies.failure_memory import FailureMemory
from proxy.learning import Learner
from proxy.messages import partition_tag
from proxy.store.fences import Fences, Heard, Mode, tag_digest
from proxy.store.many_tags import MOST_RECENT
from tests.unit.store.samples import Clock

ADAS, BENS = "principal:ada", "principal:ben"


class Bound:
    """A store in which users are bound to partitions."""

    async def bindings(self):
        return {ADAS: "7", BENS: "8"}


@pytest.fixture
def fences():
    return Fences(Clock())


@pytest.fixture
async def learner():
    clock = Clock()
    learner = Learner(Bound(), FailureMemory(clock), None)
    await learner.open()
    return learner


def heard(number, partition, mode=Mode.HARD):
    return Heard(number, mode, tag_digest(partition_tag(partition)), 0.0, 0.0)


async def test_a_partition_purged_for_good_is_nobodys(learner, fences):
    fences.purge([partition_tag(ADAS)], Mode.HARD)
    await learner.tidy(fences)

    assert (learner.known(ADAS), learner.known(BENS)) == (None, "8")


async def test_a_purge_heard_late_under_a_lower_number_counts_too(learner, fences):
    fences.hear([heard(20, "principal:cy")])
    await learner.tidy(fences)
    fences.hear([heard(10, ADAS)])
    await learner.tidy(fences)

    assert (learner.known(ADAS), learner.known(BENS)) == (None, "8")


async def test_so_does_one_among_more_than_are_told_one_by_one(learner, fences):
    fences.hear([heard(2_000, "principal:cy")])
    await learner.tidy(fences)
    fences.hear(
        [heard(10 + number, ADAS if not number else f"principal:{number}") for number in range(MOST_RECENT + 1)]
    )
    await learner.tidy(fences)

    assert (learner.known(ADAS), learner.known(BENS)) == (None, "8")


async def test_a_purge_that_only_makes_stale_leaves_it_known(learner, fences):
    fences.purge([partition_tag(ADAS)], Mode.SOFT)
    await learner.tidy(fences)

    assert learner.known(ADAS) == "7"


async def test_who_is_learned_again_after_a_purge_stays_known(learner, fences):
    fences.purge([partition_tag(ADAS)], Mode.HARD)
    await learner.tidy(fences)
    await learner.open()
    fences.purge(["courseworks/course:565"], Mode.HARD)
    await learner.tidy(fences)

    assert learner.known(ADAS) == "7"
