"""A Larder that is reloaded often keeps nothing of what held before: that goes with its last request, and waits for no
garbage collection, which may be hours away.
"""

import asyncio
import gc
import weakref
from contextlib import contextmanager

import pytest

from tests.house import ADA, ADMIN, CY, STUDENT_COURSES, bearer, merged
from tests.origin import origin, text
from tests.stories.test_jobs import ONLY_SMARTY, begin, ended, verify
from tests.stories.test_typed_long_lists import canvas_of

__all__ = ["canvas_of"]  # a fixture

COURSE = "/courseworks/api/v1/courses/565"
TABS = f"{COURSE}/tabs"  # passed through
STREET = "/smartystreets/us-street/street-address"
RELOADS = 2
PATIENCE = 5  # seconds


def lookup(number):
    return {"street": f"12 Example Place Apt {number}", "city": "Sampleton", "state": "NY", "zipcode": "10099"}


async def hits(home, number):
    """By the long way, then by the express lane."""
    for _ in range(3):
        assert (await home.get(COURSE, headers=bearer(ADA))).status == 200


async def a_refresh_behind(home, number):
    await home.get(COURSE, headers=bearer(ADA))
    home.clock.advance(301)
    assert "hit" in (await home.get(COURSE, headers=bearer(ADA))).cache


async def a_whole_list(home, number):
    for page in (1, 2):
        await home.get(f"{STUDENT_COURSES}?per_page=5&page={page}", headers=bearer(ADA))


async def a_head_and_a_part(home, number):
    await home.ask("HEAD", COURSE, headers=bearer(CY))
    await home.get(COURSE, headers=bearer(CY, Range="bytes=0-9"))


async def a_batch(home, number):
    assert (await home.ask("POST", STREET, json=[lookup(5 * number + one) for one in range(5)])).status == 200


async def lookups_that_go_together(home, number):
    url = home.url + STREET
    answers = await asyncio.gather(*(home.session.get(url, params=lookup(5 * number + one)) for one in range(5)))
    assert [answer.status for answer in answers] == [200] * 5
    for answer in answers:
        await answer.read()


async def a_write(home, number):
    await home.get(COURSE, headers=bearer(CY))
    tag = (await home.get(COURSE, headers=bearer(CY))).headers["ETag"]
    headers = bearer(ADMIN, **{"If-Match": tag})
    form = {"course[name]": f"Renamed {number}"}
    await home.ask("PUT", COURSE, headers=headers, data=form)
    assert (await home.ask("PUT", COURSE, headers=headers, data=form)).status == 412


async def a_write_with_a_key(home, number):
    headers = bearer(CY, **{"Idempotency-Key": f'"{number:036d}"'})
    for _ in range(2):
        await home.ask("POST", f"{COURSE}/sections", headers=headers, data={"course_section[name]": "New"})


async def typed_reads(home, number):
    assert (await home.get("/v1/courses/565/roster", headers=bearer(CY))).status == 200
    assert (await verify(home, number, number + 100)).status == 200
    assert (await home.get("/v1/students/401/overview", headers=bearer(CY))).status in (200, 404)


async def a_job(home, number):
    over = await ended(home, await begin(home, number, number + 100))
    assert over.json["status"] == "succeeded"


async def what_fails(home, number):
    """Covered where something is kept; told where nothing is, to one caller and to several that share a flight."""
    await home.get(COURSE, headers=bearer(ADA))
    await home.fail()
    home.clock.advance(1000)
    assert "detail=" in (await home.get(COURSE, headers=bearer(ADA))).cache
    answers = await asyncio.gather(*(home.get(TABS, headers=bearer(ADA)) for _ in range(3)))
    assert {answer.status for answer in answers} <= {502, 503}
    await home.heal()


async def what_is_refused(home, number):
    assert (await home.get(COURSE, headers=bearer("nobody"))).status == 401
    assert (await home.get(COURSE, headers=bearer(ADA, **{"Cache-Control": "only-if-cached"}))).status in (200, 504)
    assert (await home.get("/nowhere/x")).status == 404
    assert (await home.get("/v1/nowhere")).status == 404
    assert (await home.ask("POST", "/webhooks/campus", data=b"{}")).status >= 400


async def what_is_tried_again(home, number):
    await home.fail(times=1)
    assert (await home.get(COURSE, headers=bearer(CY, **{"Cache-Control": "no-cache"}))).status == 200


async def what_nobody_waits_for(home, number):
    """Callers who leave, or whose time is over, while the upstream takes its time."""
    await home.fail(kind="latency", seconds=0.05)
    for path in (COURSE, TABS, f"{STUDENT_COURSES}?per_page=5"):
        late = await home.get(path, headers=bearer(ADA, **{"Cache-Control": "no-cache", "X-Request-Timeout": "10ms"}))
        assert late.status in (200, 504)
        leaves = asyncio.ensure_future(home.get(path, headers=bearer(CY, **{"Cache-Control": "no-cache"})))
        await asyncio.wait([leaves], timeout=0.02)
        leaves.cancel()
    await home.heal()


TRAFFIC = [
    hits,
    a_refresh_behind,
    a_whole_list,
    a_head_and_a_part,
    a_batch,
    lookups_that_go_together,
    a_write,
    a_write_with_a_key,
    typed_reads,
    a_job,
    what_fails,
    what_is_tried_again,
    what_is_refused,
    what_nobody_waits_for,
]


async def every_kind(home, number):
    """Of request, side by side; whatever they are answered."""
    lookups = [lookup(100 * number + one) for one in range(100)]
    section = {"course_section[name]": "New"}
    await asyncio.gather(
        *(home.get(path, headers=bearer(ADA)) for path in (COURSE, TABS, TABS, f"{STUDENT_COURSES}?per_page=5")),
        home.ask("HEAD", COURSE, headers=bearer(CY)),
        home.ask("POST", STREET, json=lookups),
        *(home.ask("GET", STREET, params=one) for one in lookups[:5]),
        home.ask("PUT", COURSE, headers=bearer(ADMIN, **{"If-Match": '"x"'}), data={"course[name]": "New"}),
        home.ask("POST", f"{COURSE}/sections", headers=bearer(CY), data=section),
        home.ask("POST", f"{COURSE}/sections", headers=bearer(CY, **{"Idempotency-Key": '"one"'}), data=section),
        home.get("/v1/courses/565/roster", headers=bearer(CY)),
        home.get("/v1/students/401/overview", headers=bearer(CY)),
        verify(home, *range(1000 * number, 1000 * number + 250)),
    )


FAULTS = {
    "status": {},
    "throttle": {},
    "reset": {},
    "down": {},
    "malformed": {},
    "reset_mid_body": {},
    "hang": {"timeout": {"attempt": "50ms", "total": "100ms"}},
    "hang_mid_body": {"timeout": {"attempt": "50ms", "total": "100ms"}},
}


def changed(number):
    """A config with other policies for each guard, the upstream's and an endpoint's own, and for two caches."""
    guards = {
        "breaker": {"minimum_calls": 20 + number},
        "concurrency": {"upstream": 50 + number},
        "pacing": {"rate": 1000 + number},
    }
    return {
        "defaults": {"cache": {"settle": f"{30 + number}s"}, "retry": {"attempts": 2 + number % 2}, **guards},
        "upstreams": {
            "courseworks": {
                "learn_user": True,
                "endpoints": {
                    "GET /api/v1/courses": {"cache": {"ttl": f"{100 + number}s"}},
                    "GET /api/v1/courses/{course}": {"cache": {"ttl": f"{200 + number}s"}, **guards},
                },
            },
            "smartystreets": {"batch": {"gather": f"{10 + number}ms"}},
        },
    }


def what_holds(larder):
    """Whatever a reload exchanges."""
    plans, runtime = larder.plans, larder.runtime
    yield from (plans, plans.settings, runtime.webhooks, runtime.callers)
    for upstream in plans.upstreams.values():
        yield from (upstream, upstream.router, *upstream.endpoints, upstream.unknown)
    for upstream in larder.upstreams:
        yield upstream
        for guards in (upstream.guards, *upstream.apart.values()):
            yield from (guards, guards.hosts, *guards.hosts, guards.pacer, guards.slots)


@contextmanager
def without_collections():
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def left_of_before(home, traffic):
    """What there is yet of configs that do not hold any more, after some reloads with this traffic in between."""
    await traffic(home, 0)
    with without_collections():
        before = []
        for number in range(1, RELOADS + 1):
            before += [weakref.ref(one) for one in what_holds(home.larder)]
            home.reload(**changed(number))
            await traffic(home, number)
            await home.settled()
        return await left_of(before)


async def left_of(references):
    """What is there yet, once what is on its way behind an answer has had time to end."""
    try:
        async with asyncio.timeout(PATIENCE):
            while any(one() is not None for one in references):
                await asyncio.sleep(0.01)
    except TimeoutError:
        pass
    return {type(one()).__name__ for one in references if one() is not None}


@pytest.mark.parametrize("traffic", TRAFFIC, ids=lambda one: one.__name__)
async def test_what_held_before_a_reload_goes_with_its_last_request(larder, traffic):
    async with larder(**ONLY_SMARTY, **changed(0)) as home:
        assert not await left_of_before(home, traffic)


@pytest.mark.parametrize("kind", FAULTS)
async def test_and_with_its_last_failure(larder, kind):
    async def troubled(home, number):
        await every_kind(home, number)
        for upstream in ("courseworks", "smartystreets"):
            await home.fail(upstream, kind)
        await every_kind(home, number)
        home.clock.advance(1000)
        await every_kind(home, number)
        await home.heal()

    async with larder(**ONLY_SMARTY, **merged(changed(0), {"defaults": FAULTS[kind]})) as home:
        assert not await left_of_before(home, troubled)


@pytest.mark.parametrize("status", [200, 500], ids=["too long", "incomplete"])
async def test_and_with_the_last_list_that_cannot_be_had_whole(larder, canvas_of, status):
    async def listed(home, number):
        for path in ("/v1/courses?fields=name", f"{STUDENT_COURSES}?per_page=50&page=2"):
            answers = await asyncio.gather(*(home.get(path, headers=bearer(ADA)) for _ in range(2)))
            assert {answer.status for answer in answers} <= {200, 422, 500, 502}
        home.clock.advance(3601)  # until that is not known any more

    _, upstreams = await canvas_of(350, status=status)
    upstreams = merged(upstreams, {"courseworks": {"collection": {"max_rows": 299}}})
    async with larder(**merged(changed(0), {"upstreams": upstreams})) as home:
        assert not await left_of_before(home, listed)


async def test_and_with_the_last_body_that_streams(larder):
    async def streamed(home, number):
        for path in ("/kept", "/large", "/gone", "/large"):
            await home.get(f"/mirror{path}")
        async with home.session.get(f"{home.url}/mirror/large") as response:  # and leaves
            await response.content.readany()
        home.clock.advance(100)
        await asyncio.gather(*(home.get("/mirror/kept") for _ in range(3)))

    def said(seen):
        size = 1_000_000 if seen.target == "/large" else 100
        return text("x" * size, 404 if seen.target == "/gone" else 200, Cache_Control="max-age=60", ETag='"a"')

    async with origin(said) as there:
        mirror = {"mirror": {"adapter": "http", "base_url": there.url}}
        config = merged(changed(0), {"store": {"max_entry": "64KiB"}, "upstreams": mirror})
        async with larder(**config) as home:
            assert not await left_of_before(home, streamed)
