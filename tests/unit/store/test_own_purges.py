"""A machine's own purges are kept until they were sent, and there are never more of them than matter."""

from proxy.store.fences import Fences
from proxy.store.purges import Heard, Mode, tag_digest

NOW = 1_800_000_000.0
ENOUGH = 20_000


def fences():
    made = Fences(lambda: NOW)
    made.keep_own(lambda number: number < 1_000)
    return made


def test_one_is_kept_also_when_a_later_number_of_the_same_tag_is_heard():
    made = fences()
    [purge] = made.purge(["courseworks/course:565"], Mode.SOFT)
    made.hear([Heard(5_000, Mode.SOFT, tag_digest(purge.tag), NOW, 0.0)])

    assert [(heard.number, heard.tag) for heard in made.own] == [(purge.number, tag_digest(purge.tag))]


def test_what_others_numbered_is_not_kept():
    made = fences()
    made.hear([Heard(5_000, Mode.HARD, tag_digest("courseworks/course:565"), NOW, 0.0)])

    assert made.own == []


def test_what_was_sent_is_kept_no_longer_unless_it_was_purged_again_meanwhile():
    made = fences()
    made.purge(["one", "two"], Mode.SOFT)
    sent = made.own
    made.purge(["two"], Mode.SOFT)
    made.sent_own(sent)

    assert [heard.tag for heard in made.own] == [tag_digest("two")]


def test_of_too_many_a_hard_one_is_never_forgotten():
    made = fences()
    made.purge([f"t{number}" for number in range(ENOUGH + 10)], Mode.SOFT)
    assert len(made.own) == ENOUGH
    made.purge(["for good"], Mode.HARD)

    assert len(made.own) == ENOUGH
    assert Mode.HARD in {heard.mode for heard in made.own}
