"""Canvas' paths: throttle, authenticate, find the endpoint, answer."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox.canvas import access, answers, course_reads, graphql, oauth, pages, people_reads, writes
from sandbox.canvas.announcing import announce_write
from sandbox.canvas.calls import Call
from sandbox.canvas.parameters import Given, read

if TYPE_CHECKING:
    from sandbox.state import Sandbox

Endpoint = Callable[..., Any]
ANONYMOUS = ""

READS: dict[str, Endpoint] = {
    "users/:id": people_reads.one_user,
    "users/:id/profile": people_reads.profile,
    "users/:id/courses": course_reads.courses_of_user,
    "users/:id/enrollments": people_reads.enrollments_of_user,
    "courses": course_reads.own_courses,
    "courses/:id": course_reads.one_course,
    "courses/:id/users": people_reads.users_of_course,
    "courses/:id/search_users": people_reads.users_of_course,
    "courses/:id/enrollments": people_reads.enrollments_of_course,
    "courses/:id/sections": course_reads.sections_of_course,
    "courses/:id/assignments": course_reads.assignments_of_course,
    "courses/:id/assignments/:id": course_reads.one_assignment,
    "sections/:id": course_reads.one_section,
    "sections/:id/enrollments": people_reads.enrollments_of_section,
    "accounts": course_reads.accounts,
    "accounts/:id": course_reads.one_account,
    "accounts/:id/courses": course_reads.courses_of_account,
    "accounts/:id/users": course_reads.users_of_account,
    "accounts/:id/terms": course_reads.terms_of_account,
}
WRITES: dict[tuple[str, str], Endpoint] = {
    ("PUT", "courses/:id"): writes.update_course,
    ("POST", "courses/:id/sections"): writes.add_section,
    ("POST", "courses/:id/enrollments"): writes.enroll,
    ("DELETE", "courses/:id/enrollments/:id"): writes.end_enrollment,
    ("PUT", "courses/:id/enrollments/:id/reactivate"): writes.reactivate_enrollment,
    ("PUT", "users/:id"): writes.update_user,
    ("POST", "sections/:id/crosslist/:id"): writes.crosslist_section,
    ("DELETE", "sections/:id/crosslist"): writes.decrosslist_section,
}
API = "/api/v1/"


async def handle(request: web.Request, sandbox: "Sandbox", path: str) -> web.StreamResponse:
    """`path`: raw, below /courseworks, without the query."""
    if path == "/login/oauth2/token":
        return await oauth.token_endpoint(request, sandbox.canvas)
    try:
        given = await read(request)
    except ValueError:
        return answers.rendered_refusal(answers.bad_request("the body does not parse"))
    return await _throttled(request, sandbox, path, given)


async def _throttled(request: web.Request, sandbox: "Sandbox", path: str, given: Given) -> web.Response:
    """The bucket of the token is charged up front, and in the end by what the request really cost."""
    state = sandbox.canvas
    settings = state.settings
    bucket = state.bucket(access.presented_token(request, given) or ANONYMOUS)
    if not bucket.admit(settings):
        return answers.throttled(settings.throttle_status)
    remaining = 0.0
    try:
        if settings.latency > 0:
            await sandbox.sleep(settings.latency)
        answer = await _answered(request, sandbox, path, given)
    except answers.Refused as refusal:
        answer = answers.rendered_refusal(refusal)
    finally:
        remaining = bucket.settle(settings, settings.request_cost)
    answer.headers["x-request-cost"] = f"{settings.request_cost:.4f}"
    answer.headers["x-rate-limit-remaining"] = f"{remaining:.2f}"
    return answer


async def _answered(request: web.Request, sandbox: "Sandbox", path: str, given: Given) -> web.Response:
    state = sandbox.canvas
    token = access.authenticated(access.presented_token(request, given), state)
    reads = request.method in ("GET", "HEAD")
    world = state.as_read() if reads else state.primary
    # Who exists is not a replica's to say: the user behind a fresh token may be new.
    user_id = access.acting_user(token, given, state.primary)
    reader = access.Reader(world, user_id, state.settings, state.clock)
    if path == "/api/graphql" and request.method == "POST":
        return await graphql.answer(request, reader)
    endpoint, ids = _found(request.method, path)
    call = Call(request, given, state, reader)
    if reads:
        return _read(call, path, endpoint(call, *ids))
    value, news = endpoint(call.on_primary(), *ids)
    for happening in news:
        announce_write(sandbox, happening, user_id)
    return answers.rendered(value, request)


def _found(method: str, path: str) -> tuple[Endpoint, list[str]]:
    """The endpoint and the raw ids in its path; raises Refused (404)."""
    segments = path.removeprefix(API).rstrip("/").split("/") if path.startswith(API) else []
    writes_here = {shape: endpoint for (verb, shape), endpoint in WRITES.items() if verb == method}
    for shape, endpoint in (READS if method in ("GET", "HEAD") else writes_here).items():
        ids = _ids(shape.split("/"), segments)
        if ids is not None:
            return endpoint, ids
    raise answers.not_found()


def _ids(shape: list[str], segments: list[str]) -> list[str] | None:
    if len(shape) != len(segments):
        return None
    pairs = list(zip(shape, segments, strict=True))
    if any(want not in (":id", got) for want, got in pairs):
        return None
    return [got for want, got in pairs if want == ":id"]


def _read(call: Call, path: str, result: Any) -> web.Response:
    if not isinstance(result, pages.Listing):
        return answers.rendered(result, call.request)
    page = pages.page_of(result, call.given)
    shown: Any = [result.render(row) for row in page.rows]
    value = shown if result.wrapped_in is None else {result.wrapped_in: shown}
    return answers.rendered(value, call.request, {"link": pages.link_header(call.request, path, call.given, page)})
