"""A small typed client of Larder's /v1, of the standard library alone: copy it, and cut it down to what you use.

    larder = Larder("http://127.0.0.1:8080", token="sandbox-student-ada")
    for course in larder.courses(enrollment_type="student"):
        print(course["code"], course["name"])

What it answers is typed (`TypedDict`); what goes wrong is a `Problem`. What was read with an ETag is remembered, so
that reading it again costs no body while it holds.
"""

import json
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from email.message import Message
from typing import Any, TypedDict, cast
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

REMEMBERED = 100  # answers
GRACE = 2.0  # seconds for what Larder says when a caller's time is over: the last good answer, or that there is none


class OwnEnrollment(TypedDict):
    """As what one is in a course."""

    type: str | None
    role: str | None
    state: str | None


class Course(TypedDict, total=False):
    """A course; with `fields`, only those and `id`. Instants are RFC 3339."""

    id: str
    name: str | None
    code: str | None
    state: str | None
    term_id: str | None
    account_id: str | None
    sis_id: str | None
    starts_at: str | None
    ends_at: str | None
    time_zone: str | None
    enrollments: list[OwnEnrollment] | None


class Section(TypedDict, total=False):
    """A section of a course."""

    id: str
    course_id: str | None
    name: str | None
    sis_id: str | None
    crosslisted_from: str | None
    starts_at: str | None
    ends_at: str | None


class Member(TypedDict, total=False):
    """A row of a roster. `id` is the enrollment's."""

    id: str
    user_id: str | None
    course_id: str | None
    section_id: str | None
    type: str | None
    role: str | None
    state: str | None
    starts_at: str | None
    ends_at: str | None
    name: str | None
    sortable_name: str | None
    login_id: str | None
    sis_user_id: str | None


class Profile(TypedDict, total=False):
    """A person."""

    id: str
    name: str | None
    sortable_name: str | None
    short_name: str | None
    login_id: str | None
    sis_id: str | None
    email: str | None


class Job(TypedDict):
    """A request that is answered later. `status`: queued, running, succeeded, failed, cancelled or interrupted."""

    id: str
    route: str
    status: str
    progress: dict[str, int]
    created_at: str
    expires_at: str | None
    links: dict[str, str]


class Problem(Exception):
    """Why there is no answer (RFC 9457). `retry_after`: seconds after which it is worth another try, where known."""

    def __init__(self, status: int, told: Mapping[str, Any], retry_after: int | None) -> None:
        super().__init__(f"{status} {told.get('title', '')}: {told.get('detail', '')}")
        self.status = status
        self.title = str(told.get("title", ""))
        self.errors: Sequence[Mapping[str, str]] = told.get("errors", ())  # of a 422: each field that is wrong
        self.results: Sequence[Mapping[str, Any]] = told.get("results", ())  # of many: the problem of each
        self.retry_after = retry_after


class Larder:
    """One caller, with one token."""

    def __init__(self, base: str, *, token: str | None = None, key: str | None = None, timeout: float = 30.0) -> None:
        """`token`: the caller's own at the provider, `key`: its Larder key, each where it is needed; `timeout` in
        seconds, which Larder is told: what it says then is waited for a little longer.
        """
        self._base = base.rstrip("/")
        self._timeout = timeout
        self._headers = {"Accept": "application/json", "X-Request-Timeout": f"{timeout:g}"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        if key is not None:
            self._headers["X-Larder-Key"] = key
        self._known: OrderedDict[str, tuple[str, bytes]] = OrderedDict()  # URL → ETag, body; each caller gets its own

    def courses(self, *, newest: bool = False, **asked: str | Sequence[str]) -> list[Course]:
        """The caller's courses. `asked`: state, term, enrollment_type, fields; `newest`: asked of the upstream now."""
        return cast(list[Course], self._data("/v1/courses", asked, newest=newest))

    def course(self, course: str, *, newest: bool = False, **asked: str | Sequence[str]) -> Course:
        """One course, by any id that the upstream takes."""
        return cast(Course, self._data(f"/v1/courses/{_segment(course)}", asked, newest=newest))

    def roster(self, course: str, *, newest: bool = False, **asked: str | Sequence[str]) -> list[Member]:
        """Who is in a course. `asked`: type, role, section, state, fields."""
        return cast(list[Member], self._data(f"/v1/courses/{_segment(course)}/roster", asked, newest=newest))

    def sections(self, course: str, *, newest: bool = False, **asked: str | Sequence[str]) -> list[Section]:
        """The sections of a course."""
        return cast(list[Section], self._data(f"/v1/courses/{_segment(course)}/sections", asked, newest=newest))

    def me(self, *, newest: bool = False, **asked: str | Sequence[str]) -> Profile:
        """Whose token it is."""
        return cast(Profile, self._data("/v1/me", asked, newest=newest))

    def overview(self, student: str = "self") -> dict[str, Any]:
        """`profile`, `courses` and `sections` of a student; each has `status`, and `data` or a `problem`."""
        return cast(dict[str, Any], self._get(f"{self._base}/v1/students/{_segment(student)}/overview"))

    def verify(self, addresses: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Up to 1,000 addresses; for each, in their order, a `result` or a `problem`."""
        answer, _ = self._sent(self._verification(addresses))
        return cast(list[dict[str, Any]], json.loads(answer)["results"])

    def verify_as_job(
        self, addresses: Sequence[Mapping[str, Any]], *, sleep: Callable[[float], object] = time.sleep
    ) -> list[dict[str, Any]]:
        """The same, for what takes longer than a connection is to be kept open: asks until it is there. Raises Problem,
        also where it was interrupted: then verify again.
        """
        sent, headers = self._sent(self._verification(addresses, Prefer="respond-async"))
        answer = json.loads(sent)
        while "results" not in answer:  # else it was given at once: a preference is none of Larder's duties
            sleep(int(headers.get("Retry-After", "1")))
            sent, headers = self._sent(Request(answer["links"]["self"], headers=self._headers))
            if json.loads(sent)["status"] not in ("queued", "running"):
                sent, _ = self._sent(Request(answer["links"]["result"], headers=self._headers))
                answer = json.loads(sent)
        return cast(list[dict[str, Any]], answer["results"])

    def jobs(self) -> list[Job]:
        """What this caller has begun and not heard the end of, it may be, the newest first: after a restart, say."""
        answer, _ = self._sent(Request(f"{self._base}/v1/jobs", headers=self._headers))
        return cast(list[Job], json.loads(answer)["data"])

    def result(self, job: Job) -> Any:
        """What a job that succeeded was asked for. Raises Problem: what it failed with, or that there is no result."""
        answer, _ = self._sent(Request(job["links"]["result"], headers=self._headers))
        return json.loads(answer)

    def _verification(self, addresses: Sequence[Mapping[str, Any]], **more: str) -> Request:
        headers = {**self._headers, "Content-Type": "application/json", **more}
        return Request(
            f"{self._base}/v1/addresses/verify", json.dumps({"addresses": list(addresses)}).encode(), headers
        )

    def _data(self, path: str, asked: Mapping[str, str | Sequence[str]], *, newest: bool) -> Any:
        query = urlencode({name: one if isinstance(one, str) else ",".join(one) for name, one in asked.items()})
        return self._get(f"{self._base}{path}{'?' if query else ''}{query}", newest=newest)["data"]

    def _get(self, url: str, *, newest: bool = False) -> Any:
        headers = {**self._headers, **({"Cache-Control": "no-cache"} if newest else {})}
        known = self._known.get(url)
        if known is not None:
            headers["If-None-Match"] = known[0]
        try:
            answer, told = self._sent(Request(url, headers=headers))
        except HTTPError as same:  # urllib's word for 304
            if known is None:
                raise
            same.close()
            self._known.move_to_end(url)
            return json.loads(known[1])
        tag = told.get("ETag")
        if tag is not None:
            self._known[url] = (tag, answer)
            self._known.move_to_end(url)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return json.loads(answer)

    def _sent(self, request: Request) -> tuple[bytes, Message]:
        """The answer's body and fields. Raises Problem, HTTPError for 304; URLError or TimeoutError where no Larder
        answers.
        """
        try:
            with urlopen(request, timeout=self._timeout + GRACE) as response:
                return response.read(), response.headers
        except HTTPError as error:
            if error.code == 304:
                raise
            with error:
                raise _problem(error) from None


def _segment(text: str) -> str:
    return quote(text, safe=":~")


def _problem(error: HTTPError) -> Problem:
    try:
        told = json.load(error)
    except ValueError:  # something before Larder answered
        told = {}
    wait = error.headers.get("Retry-After", "")
    return Problem(error.code, told if isinstance(told, dict) else {}, int(wait) if wait.isdecimal() else None)
