"""Canvas endpoints: lifetimes (UPSTREAMS.md §8), payload checks (§2.3) and which queries are the same (§2.8)."""

import pytest
from canvas_samples import course, endpoint_of

from adapters import Query
from adapters.courseworks import adapter
from policies import Partition
from proxy.keys import split_query


def test_lifetimes_are_those_of_the_fact_sheet() -> None:
    def spans(path: str) -> tuple[float, float, float]:
        policy = endpoint_of(path).cache
        assert policy is not None
        assert policy.partition is Partition.PRINCIPAL
        return policy.ttl, policy.stale_while_revalidate, policy.stale_if_error

    assert spans("courses") == spans("users/self/courses") == (300, 60, 86_400)
    assert spans("courses/565") == (900, 300, 86_400)
    assert spans("courses/565/users") == spans("courses/565/enrollments") == (120, 60, 900)
    assert spans("courses/565/sections") == (1800, 600, 86_400)
    assert spans("accounts/1/terms") == spans("accounts/1") == (43_200, 600, 86_400)
    assert spans("users/self") == spans("users/7/profile") == (600, 300, 3600)
    own = endpoint_of("courses").cache
    assert own is not None
    assert own.refresh_after == 120


def test_only_own_lists_want_to_know_whose_they_are() -> None:
    wanting = {endpoint.route for endpoint in adapter.endpoints if endpoint.knows_me}

    assert wanting == {"GET /api/v1/courses", "GET /api/v1/users/self/courses", "GET /api/v1/users/self/enrollments"}


@pytest.mark.parametrize(
    ("path", "bad"),
    [
        ("courses", {"errors": [{"message": "x"}]}),
        ("courses", [{"name": "no id"}]),
        ("courses", [{"id": None}]),
        ("courses", [{"id": True}]),
        ("courses", [{"id": "sis_course_id:X"}]),
        ("courses/565", [course()]),
        ("courses/565/enrollments", [{"id": 1, "user_id": 2}]),
        ("courses/565/users", {"users": []}),
        ("accounts/1/terms", []),
        ("sections/1", {"id": 1}),
    ],
)
def test_a_body_of_another_shape_is_refused(path: str, bad: object) -> None:
    model = endpoint_of(path).model
    assert model is not None

    with pytest.raises(ValueError, match="validation error"):
        model.validate_python(bad)


def canonical(raw: str) -> Query:
    assert adapter.canonical_query is not None
    return adapter.canonical_query(split_query(raw))


def test_the_order_within_an_array_does_not_matter_and_all_other_order_does() -> None:
    assert canonical("include[]=b&include[]=a") == canonical("include[]=a&include[]=b")
    assert canonical("include[]=b&x=1&include[]=a") == canonical("include[]=a&x=1&include[]=b")
    assert canonical("per_page=2&per_page=100") != canonical("per_page=100&per_page=2")
    assert canonical("a[][x]=2&a[][x]=1") != canonical("a[][x]=1&a[][x]=2")
    assert canonical("include[]=a") != canonical("include[]=a&include[]=a")
    assert canonical("include[]") != canonical("include[]=")


def test_the_token_is_no_part_of_the_query_but_the_user_acted_as_is() -> None:
    assert canonical("access_token=t&page=2") == canonical("page=2")
    assert canonical("as_user_id=7&page=2") != canonical("page=2")
