"""Kinds of requests: what is asked for, and what may come of it while upstreams and operators do their worst."""

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, NamedTuple

PEOPLE = {
    "sandbox-student-ada": 20064,
    "sandbox-student-ben": 20065,
    "sandbox-teacher-cy": 20070,
    "sandbox-teacher-dee": 20071,
}
STRANGERS = tuple(f"soak-stranger-{number:03}-canary" for number in range(200))
BRIBE = "soak-auth-token-canary"  # a credential of the caller's where Larder holds its own
STREET = "Soakcanary"  # in the text of addresses

# What anything may end with: throttled (403: as Canvas did once), out of reach, left alone or out of time.
TROUBLE = frozenset({403, 429, 502, 503, 504})
_READ = TROUBLE | {200}
_API = "/courseworks/api/v1"


class Request(NamedTuple):
    """One request, and whether an answer to it is one that there may be."""

    kind: str
    method: str
    path: str
    headers: dict[str, str]
    allowed: frozenset[int]
    fits: Callable[[int, bytes], bool] = lambda _status, _body: True
    json: Any = None
    stays: float | None = None  # seconds until the caller leaves; None: it waits


def requests(random: Random) -> Iterator[Request]:
    """One after the other, without an end."""
    makers, weights = zip(*_KINDS, strict=True)
    while True:
        yield random.choices(makers, weights)[0](random)


def _own(random: Random) -> Request:
    """What is one person's own, and must never be another's."""
    token, user = random.choice(list(PEOPLE.items()))
    path, fits = random.choice(
        [("/users/self", _is_of(user)), ("/users/self/enrollments", _all_of(user)), ("/courses", _courses_of(user))]
    )
    return Request("own", "GET", f"{_API}{path}?per_page={random.randint(2, 20)}", _bearer(token), _READ, fits)


def _course(random: Random) -> Request:
    token = random.choice(["sandbox-student-ada", "sandbox-teacher-cy"])
    number = random.choice([565, *range(101, 107)])
    path = random.choice(["", "/sections", "/assignments", "/enrollments"])
    return Request("course", "GET", f"{_API}/courses/{number}{path}", _bearer(token), _READ)


def _roster(random: Random) -> Request:
    """Of the big course, in pages of many sizes: what fills the caches."""
    role = random.choice(["", "&enrollment_type[]=student", "&include[]=email", "&sort=username"])
    path = f"{_API}/courses/565/users?per_page={random.randint(1, 60)}{role}"
    return Request("roster", "GET", path, _bearer("sandbox-teacher-cy"), _READ)


def _live(random: Random) -> Request:
    """One who wants what is new, whatever is stored."""
    asked = _own(random)
    return asked._replace(kind="live", headers={**asked.headers, "Cache-Control": "no-cache"})


def _hasty(random: Random) -> Request:
    """One who does not wait long."""
    asked = random.choice([_own, _course, _geocode])(random)
    budget = f"{random.choice([1, 5, 20, 100, 400])}ms"
    return asked._replace(kind="hasty", headers={**asked.headers, "X-Request-Timeout": budget})


def _leaving(random: Random) -> Request:
    """One who is gone before the answer is there, or half of it."""
    asked = random.choice([_own, _roster, _live, _lookups, _write])(random)
    return asked._replace(kind="leaving", stays=random.random() ** 2 * 0.1)


def _write(random: Random) -> Request:
    number, name = random.randint(101, 106), f"Course {random.randrange(100)}"
    document, path = {"course": {"name": name}}, f"{_API}/courses/{number}"
    return Request("write", "PUT", path, _bearer("sandbox-teacher-cy"), _READ, json=document)


def _stranger(random: Random) -> Request:
    """A token that nobody has: it gets nothing but what a fault makes up for everybody."""
    path = random.choice(["/courses", "/users/self", "/courses/565"])
    headers = _bearer(random.choice(STRANGERS))
    return Request("stranger", "GET", _API + path, headers, _READ | {401}, _tells_nothing)


def _street(random: Random) -> Request:
    query = f"street={random.randrange(400)}+{STREET}+Pl&city=Sampleton&state=NY&auth-token={BRIBE}"
    return Request("smarty", "GET", f"/smartystreets/us-street/street-address?{query}", {}, _READ)


def _lookups(random: Random) -> Request:
    """A batch."""
    streets = [{"street": f"{random.randrange(40)} Example Pl", "city": "Sampleton", "state": "NY"} for _ in range(3)]
    return Request("smarty-post", "POST", "/smartystreets/us-street/street-address", {}, _READ, json=streets)


def _geocode(random: Random) -> Request:
    path = f"/google/maps/api/geocode/json?address={random.randrange(300)}+Example+Place,+Sampleton+NY&key={BRIBE}"
    return Request("google", "GET", path, {}, _READ)


def _validation(random: Random) -> Request:
    document = {"address": {"regionCode": "US", "addressLines": [f"{random.randrange(60)} Example Pl, Sampleton NY"]}}
    return Request("google-post", "POST", "/google/v1:validateAddress", {}, _READ, json=document)


def _lost(random: Random) -> Request:
    """What leads nowhere in Larder itself."""
    return Request("lost", "GET", random.choice(["/nowhere/x", "/google/nothing", "/-/health"]), {}, _READ | {404})


_KINDS: tuple[tuple[Callable[[Random], Request], int], ...] = (
    (_own, 30),
    (_course, 15),
    (_roster, 10),
    (_live, 5),
    (_hasty, 6),
    (_leaving, 6),
    (_write, 2),
    (_stranger, 5),
    (_street, 8),
    (_lookups, 4),
    (_geocode, 8),
    (_validation, 3),
    (_lost, 1),
)


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Accept": "application/json"}


def _is_of(user: int) -> Callable[[int, bytes], bool]:
    return lambda status, body: status != 200 or _found(body, "id") <= {user}


def _all_of(user: int) -> Callable[[int, bytes], bool]:
    return lambda status, body: status != 200 or _found(body, "user_id") <= {user}


def _courses_of(user: int) -> Callable[[int, bytes], bool]:
    """In a list of courses, the enrollments are the asker's."""

    def fits(status: int, body: bytes) -> bool:
        if status != 200:
            return True
        rows = [row for course in _rows(body) for row in course.get("enrollments", ())]
        return {row["user_id"] for row in rows} <= {user}

    return fits


def _tells_nothing(status: int, body: bytes) -> bool:
    return status != 200 or body.strip() in (b"", b"[]")


def _found(body: bytes, field: str) -> set[Any]:
    return {row[field] for row in _rows(body) if field in row}


def _rows(body: bytes) -> list[dict[str, Any]]:
    """None where a fault has cut the body off: then it says of nobody anything that a program could read."""
    try:
        value = json.loads(body)
    except ValueError:
        return []
    return value if isinstance(value, list) else [value]
