"""A strong tag changes with all that counts, and with nothing else."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from policies.http.etags import is_strong
from policies.http.strong_tags import MOST_NAMED, changed_members, strong_tag

VOLATILE = frozenset({"last_activity_at", "avatar_url"})
names = some.sampled_from(["id", "name", "user", "last_activity_at", "avatar_url"])
values = some.recursive(
    some.none()
    | some.booleans()
    | some.integers()
    | some.floats(allow_nan=False, allow_infinity=False)
    | some.text(max_size=6),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


def less_volatile(value):
    if isinstance(value, dict):
        return {name: less_volatile(member) for name, member in value.items() if name not in VOLATILE}
    return [less_volatile(item) for item in value] if isinstance(value, list) else value


@given(values, values)
def test_tags_are_equal_exactly_when_all_that_counts_is(one, other):
    def written(value):
        return json.dumps(less_volatile(value), sort_keys=True)

    assert (strong_tag(one, VOLATILE) == strong_tag(other, VOLATILE)) is (written(one) == written(other))


@pytest.mark.parametrize(
    "text", ['{"a":"\\ud800"}', '{"a":123456789012345678901234567890}', '{"a":1e400}', '{"a":-0.0}']
)
def test_numbers_and_texts_that_few_can_write_have_a_tag(text):
    assert is_strong(strong_tag(json.loads(text), VOLATILE))


@given(values)
def test_it_is_a_strong_entity_tag_whatever_it_is_of(value):
    assert is_strong(strong_tag(value, VOLATILE))


@given(some.dictionaries(names, values), some.dictionaries(names, values))
def test_names_are_told_exactly_when_tags_differ_and_never_volatile_ones(one, other):
    changed = changed_members(one, other, VOLATILE)

    assert bool(changed) is (strong_tag(one, VOLATILE) != strong_tag(other, VOLATILE))
    assert VOLATILE.isdisjoint(changed)


def test_members_that_differ_are_named_in_order_be_they_changed_new_or_gone():
    one = {"id": 1, "name": "a", "term": {"id": 2, "avatar_url": "x"}, "gone": None}
    other = {"id": True, "name": "b", "term": {"id": 2, "avatar_url": "y"}, "new": None}

    assert changed_members(one, other, VOLATILE) == ("gone", "id", "name", "new")


@pytest.mark.parametrize("other", [[], "text", None, 7])
def test_of_what_is_no_object_no_member_is_named(other):
    assert changed_members({"id": 1}, other, VOLATILE) == ()


def test_no_more_are_named_than_anybody_reads():
    assert len(changed_members({str(one): 1 for one in range(99)}, {}, VOLATILE)) == MOST_NAMED
