"""Every kind of answer below /v1 is in the OpenAPI document: status, media type and header fields; and no other is."""

import asyncio
import io

import pytest

from proxy.typed.table import (
    AUTOCOMPLETE,
    CANCEL_JOB,
    COURSE,
    COURSES,
    JOB,
    JOB_RESULT,
    JOBS,
    ME,
    OVERVIEW,
    ROSTER,
    SECTIONS,
    VERIFY,
)
from tests.house import ADA, CY, bearer
from tests.stories.test_typed_documents import assert_told_of, operation

HOME = {"street": "12 Example Place Apt 3", "city": "Sampleton", "state": "NY"}
LATER = {"Prefer": "respond-async"}


async def told(home, route, status, path=None, **options):
    """An answer of that status, which the document tells of."""
    answered = await home.ask(route.method, path or route.tried, **options)
    assert answered.status == status, answered.body
    assert_told_of(route, answered.status, answered.headers)
    return answered


async def test_what_is_answered_from_the_cache_or_asked_for(larder):
    async with larder() as home:
        for _ in range(2):
            for route in (COURSES, COURSE, ROSTER, SECTIONS, ME, OVERVIEW):
                tag = (await told(home, route, 200, headers=bearer(ADA))).headers["ETag"]
                await told(home, route, 304, headers=bearer(ADA, **{"If-None-Match": tag}))
            await told(home, VERIFY, 200, json={"address": HOME})
            await told(home, AUTOCOMPLETE, 200, f"{AUTOCOMPLETE.path}?search=12")


async def test_what_is_refused(larder):
    async with larder() as home:
        await told(home, ME, 401)
        await told(home, ME, 401, headers={"X-Larder-Key": "nobody's"})
        await told(home, ME, 421, headers=bearer(ADA, Host="elsewhere.example"))
        await told(home, ME, 422, "/v1/me?nothing=1", headers=bearer(ADA))
        await told(home, COURSE, 404, "/v1/courses/9", headers=bearer(ADA))
        await told(home, OVERVIEW, 403, "/v1/students/20065/overview", headers=bearer(ADA))
        await told(home, VERIFY, 400, data=b"{", headers={"Content-Type": "application/json"})
        await told(home, VERIFY, 415, data=b"{}")
        await told(home, VERIFY, 413, data=io.BytesIO(b"x" * 3_000_000), headers={"Content-Type": "application/json"})
        await told(home, VERIFY, 422, json={})
        await told(home, COURSES, 504, headers=bearer(CY, **{"Cache-Control": "only-if-cached"}))


async def test_what_cannot_be_had(larder):
    async with larder(defaults={"retry": {"attempts": 1}}) as home:
        for upstream in ("courseworks", "smartystreets", "google"):
            await home.fail(upstream)
        await told(home, VERIFY, 503, json={"address": HOME})
        await told(home, AUTOCOMPLETE, 502, f"{AUTOCOMPLETE.path}?search=12")
        await told(home, ROSTER, 502, headers=bearer(ADA))
        assert "parts" in (await told(home, OVERVIEW, 503, headers=bearer(ADA))).json
        await home.heal()
        await home.fail(path="/api/v1/users*")
        assert "ETag" not in (await told(home, OVERVIEW, 200, headers=bearer(ADA))).headers
        await home.heal()
        await home.fail(kind="throttle")
        await told(home, ME, 429, headers=bearer(CY))


async def test_jobs(larder):
    async with larder() as home:
        begun = (await told(home, COURSES, 202, headers=bearer(ADA, **LATER))).headers["Location"]
        while (await told(home, JOB, 200, begun, headers=bearer(ADA))).json["status"] != "succeeded":
            await asyncio.sleep(0)
        await told(home, JOB_RESULT, 200, f"{begun}/result", headers=bearer(ADA))
        await told(home, JOBS, 200, headers=bearer(ADA))
        await told(home, CANCEL_JOB, 204, begun, headers=bearer(ADA))
        for route, path in ((JOB, begun), (JOB_RESULT, f"{begun}/result"), (CANCEL_JOB, begun)):
            await told(home, route, 404, path, headers=bearer(ADA))
        await home.fail(kind="hang")
        begun = (await told(home, COURSES, 202, headers=bearer(CY, **LATER))).headers["Location"]
        await told(home, JOB, 200, begun, headers=bearer(CY))
        await told(home, JOB_RESULT, 409, f"{begun}/result", headers=bearer(CY))
        await told(home, CANCEL_JOB, 200, begun, headers=bearer(CY))
        await told(home, JOB_RESULT, 410, f"{begun}/result", headers=bearer(CY))


@pytest.mark.parametrize("route", [JOBS, JOB, CANCEL_JOB], ids=lambda route: route.name)
def test_what_asks_no_upstream_has_no_answer_that_only_an_upstream_gives(route):
    assert {"403", "502", "504"}.isdisjoint(operation(route)["responses"])
