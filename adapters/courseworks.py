"""CourseWorks, Columbia's Canvas LMS: https://developerdocs.instructure.com/services/canvas and UPSTREAMS.md §2, §3."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter

from adapters import _canvas_models as models
from adapters import _canvas_tags as tags
from adapters import _canvas_takes as takes
from adapters._canvas_answers import PACING, own_id, quota_cost, quota_left, shape_error, verdict
from adapters._canvas_catalogue import CATALOGUE
from adapters._canvas_contents import collection, one
from adapters._canvas_events import event_effect
from adapters._canvas_grades import GRADED, included, outcome
from adapters._canvas_links import links
from adapters._canvas_pages import PAGES
from adapters._canvas_people import person
from adapters._canvas_queries import TOKEN, canonical_query
from adapters._canvas_writes import write_effect
from adapters._exchanges import Exchange
from adapters._vocabulary import Adapter, Collection, Endpoint, Place, Signature, Takes, Whoami
from policies import DAY, HOUR, MINUTE, SECOND, CachePolicy, ConcurrencyPolicy, Partition, RetryPolicy, TimeoutPolicy

# Lifetimes: UPSTREAMS.md §8. A person's own courses and one course outlive a day without Canvas: that is what this is
# for. Every answer is for the token that asked (§1.1).
OWN_COURSES = CachePolicy(
    ttl=5 * MINUTE,
    refresh_after=2 * MINUTE,
    stale_while_revalidate=60 * SECOND,
    stale_if_error=24 * HOUR,
    partition=Partition.PRINCIPAL,
)
COURSE = replace(
    OWN_COURSES, ttl=15 * MINUTE, refresh_after=None, stale_while_revalidate=5 * MINUTE, stale_if_error=24 * HOUR
)
OTHERS_COURSES = replace(OWN_COURSES, refresh_after=None, stale_if_error=HOUR)
# Privacy and access decisions hang on rosters: short, even when stale.
ROSTER = replace(OTHERS_COURSES, ttl=2 * MINUTE, stale_if_error=15 * MINUTE)
# Stale grades mislead.
GRADES = replace(ROSTER, ttl=60 * SECOND, stale_while_revalidate=0, stale_if_error=0)
PERSON = replace(OTHERS_COURSES, ttl=10 * MINUTE, stale_while_revalidate=5 * MINUTE, stale_if_error=HOUR)
SECTION = replace(OTHERS_COURSES, ttl=30 * MINUTE, stale_while_revalidate=10 * MINUTE, stale_if_error=24 * HOUR)
SLOW = replace(SECTION, ttl=12 * HOUR)
# Not in §8: as course lists, which assignments are read beside.
ASSIGNMENTS = OTHERS_COURSES

# What changes without an event, or with every answer (§2.3): no ETag hangs on it.
VOLATILE = frozenset(
    {
        "avatar_image_url",
        "avatar_url",
        "banner_image_download_url",
        "image_download_url",
        "last_activity_at",
        "last_login",
        "total_activity_time",
    }
)

PEOPLE = "people"
PEOPLE_ASKED = frozenset({"students", "enrollments"})  # include[] that makes sections a roster


def section_outcome(exchange: Exchange) -> str | None:
    """Sections with their students are rosters."""
    return outcome(exchange) or (None if PEOPLE_ASKED.isdisjoint(included(exchange.sent)) else PEOPLE)


def cached(
    path: str,
    cache: CachePolicy,
    model: TypeAdapter[Any],
    named: Callable[[Exchange], Iterable[str]],
    *,
    of: str | None = None,
    knows_me: bool = False,
    pages: Collection | None = None,
) -> Endpoint:
    """A read that is kept, with grades in it for a minute only; its ETag is a strong one. `of`: what in its path names
    the one object that it answers; None: it answers a collection.
    """
    return Endpoint(
        route=f"GET /api/v1/{path}",
        cache=cache,
        outcomes={GRADED: GRADES},
        outcome=outcome,
        model=model,
        holds=collection if of is None else one(of),
        tags=tags.acting(named),
        knows_me=knows_me,
        collection=pages,
        volatile=VOLATILE,
    )


def listed(
    path: str,
    cache: CachePolicy,
    model: TypeAdapter[Any],
    named: Callable[[Exchange], Iterable[str]],
    *,
    knows_me: bool = False,
) -> Endpoint:
    """A list that is read so, and comes in pages."""
    return cached(path, cache, model, named, knows_me=knows_me, pages=PAGES)


def with_people(endpoint: Endpoint) -> Endpoint:
    """The same read, which becomes a roster when people are asked for."""
    return replace(endpoint, outcomes={**endpoint.outcomes, PEOPLE: ROSTER}, outcome=section_outcome)


def write(route: str, takes: Takes) -> Endpoint:
    """A write whose body is looked at before it is sent."""
    method, path = route.split(" ")
    return Endpoint(route=f"{method} /api/v1/{path}", takes=takes)


def sign(credential: Mapping[str, str]) -> Signature:
    """A token that Larder holds."""
    return Signature(headers={"authorization": f"Bearer {credential['token']}"})


adapter = Adapter(
    base_url="https://courseworks2.columbia.edu",
    endpoints=(
        listed("courses", OWN_COURSES, models.COURSES, tags.own_courses, knows_me=True),
        listed("users/self/courses", OWN_COURSES, models.COURSES, tags.own_courses, knows_me=True),
        listed("users/{user}/courses", OTHERS_COURSES, models.COURSES, tags.user_courses),
        listed("accounts/{account}/courses", OTHERS_COURSES, models.COURSES, tags.account_courses),
        cached("courses/{course}", COURSE, models.COURSE, tags.course, of="course"),
        listed("courses/{course}/users", ROSTER, models.USERS, tags.course_users),
        listed("courses/{course}/search_users", ROSTER, models.USERS, tags.course_users),
        listed("courses/{course}/enrollments", ROSTER, models.ENROLLMENTS, tags.course_enrollments),
        listed("sections/{section}/enrollments", ROSTER, models.ENROLLMENTS, tags.section_enrollments),
        listed("users/self/enrollments", ROSTER, models.ENROLLMENTS, tags.own_enrollments, knows_me=True),
        listed("users/{user}/enrollments", ROSTER, models.ENROLLMENTS, tags.user_enrollments),
        cached(
            "accounts/{account}/enrollments/{enrollment}", ROSTER, models.ENROLLMENT, tags.enrollment, of="enrollment"
        ),
        with_people(listed("courses/{course}/sections", SECTION, models.SECTIONS, tags.course_sections)),
        with_people(cached("courses/{course}/sections/{section}", SECTION, models.SECTION, tags.section, of="section")),
        with_people(cached("sections/{section}", SECTION, models.SECTION, tags.section, of="section")),
        listed("courses/{course}/assignments", ASSIGNMENTS, models.ASSIGNMENTS, tags.assignments),
        cached(
            "courses/{course}/assignments/{assignment}",
            ASSIGNMENTS,
            models.ASSIGNMENT,
            tags.assignments,
            of="assignment",
        ),
        cached("users/{user}", PERSON, models.USER, tags.user, of="user"),
        cached("users/{user}/profile", PERSON, models.USER, tags.user, of="user"),
        listed("accounts/{account}/users", ROSTER, models.USERS, tags.account_users),
        cached("accounts/{account}/terms", SLOW, models.TERMS, tags.terms),
        cached("accounts/{account}", SLOW, models.ACCOUNT, tags.account, of="account"),
        listed("accounts", SLOW, models.ACCOUNTS, tags.accounts),
        write("POST courses/{course}/enrollments", takes.ENROLL),
        write("POST sections/{section}/enrollments", takes.ENROLL),
        write("DELETE courses/{course}/enrollments/{enrollment}", takes.END_ENROLLMENT),
        write("PUT courses/{course}", takes.CHANGE_COURSE),
        write("POST courses/{course}/sections", takes.CHANGE_SECTION),
        write("PUT sections/{section}", takes.CHANGE_SECTION),
        write("POST sections/{section}/crosslist/{course}", takes.CROSSLIST),
    ),
    credential_places=(Place("header", "authorization"), Place("query", TOKEN)),
    credential_fields=("token",),
    sign=sign,
    held_partition=Partition.PRINCIPAL,  # a token is one person's, whoever holds it
    education_records=True,  # who takes what, with whom, and the grades (34 CFR 99.3)
    keyed_headers=("accept", "accept-language"),
    fixed_headers={"accept-encoding": "gzip"},
    canonical_query=canonical_query,
    verdict=verdict,
    quota_left=quota_left,
    quota_cost=quota_cost,
    write_effect=write_effect,
    event_effect=event_effect,
    links=links,
    person=person,
    whoami=Whoami(path="/api/v1/users/self", user=own_id),
    shape_error=shape_error,
    catalogue=CATALOGUE,
    keep_at_most=7 * DAY,
    timeout=TimeoutPolicy(attempt=30 * SECOND, total=35 * SECOND),  # large courses take their time (§12)
    retry=RetryPolicy(attempts=3, max_wait=5 * SECOND),  # an empty bucket has room again after 5 s; 10 s in all (§12)
    concurrency=ConcurrencyPolicy(credential=6),  # 12 to 14 at once fill a token's bucket (§2.5)
    pacing=PACING,  # of a token's bucket, as each answer tells it
)
