"""Validation: what it costs to check a page of 100 rows before it takes the place of the stored one, in one process.

The whole check, as a miss meets it beyond reading the answer's JSON: the endpoint's model, then the stored page read
back, and both held beside each other. Once for a page that passes, once for one that is refused.
"""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from adapters import Endpoint, Exchange, Sent
from adapters.courseworks import adapter
from bench.figures import Figure
from policies import PayloadPolicy
from policies.payload import doubted
from proxy.upstream.judging import refuse_unfit
from proxy.upstream.messages import Reply
from proxy.upstream.reading import parsed

ROWS = 100
ROUNDS = 9
TIMES = 200  # a round
REQUIRED = 2.0  # ms
ROUTE = "GET /api/v1/courses/{course}/enrollments"


def validation(_folder: Path) -> Iterator[Figure]:
    """Milliseconds for a page of enrollments, the largest rows that Canvas' collections have."""
    [endpoint] = [one for one in adapter.endpoints if one.route == ROUTE]
    stored = json.dumps([_row(number) for number in range(ROWS)], separators=(",", ":")).encode()
    passes = parsed(json.dumps([_row(number) for number in range(ROWS)]).encode())
    shrunk = parsed(json.dumps([_row(number) for number in range(ROWS // 3)]).encode())
    note = f"{len(stored) / ROWS:.0f} bytes a row"
    yield _figure("a page of 100 rows that passes", lambda: _checked(endpoint, stored, passes), REQUIRED, note)
    yield _figure("a page that lost two thirds", lambda: _checked(endpoint, stored, shrunk), REQUIRED, note)
    yield _figure("  of these: the model", lambda: refuse_unfit(endpoint, _reply(passes)), None, "")
    yield _figure("  of these: the stored page read back", lambda: parsed(stored), None, "")


def _checked(endpoint: Endpoint, stored: bytes, came: object) -> None:
    refuse_unfit(endpoint, _reply(came))
    if endpoint.holds is not None:
        before = endpoint.holds(Exchange(Sent("GET", "/"), 200, parsed(stored)))
        doubted(before, endpoint.holds(Exchange(Sent("GET", "/"), 200, came)), PayloadPolicy())


def _figure(name: str, work: Callable[[], object], required: float | None, note: str) -> Figure:
    runs = tuple(_timed(work) for _ in range(ROUNDS + 1))[1:]  # the first warms up
    return Figure(name, median(runs), "ms", required, note=note, runs=runs)


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    for _ in range(TIMES):
        work()
    return (time.perf_counter() - started) / TIMES * 1000


def _reply(came: object) -> Reply:
    return Reply(200, (), {}, json=came)


def _row(number: int) -> dict[str, Any]:
    """An enrollment as UPSTREAMS.md §2.3 shows it."""
    return {
        "id": 46_825 + number,
        "course_id": 565,
        "course_section_id": 4811,
        "user_id": 20_064 + number,
        "type": "StudentEnrollment",
        "role": "StudentEnrollment",
        "role_id": 3,
        "enrollment_state": "active",
        "limit_privileges_to_course_section": False,
        "associated_user_id": None,
        "root_account_id": 1,
        "created_at": "2026-08-20T10:00:00Z",
        "updated_at": f"2026-08-20T10:00:{number % 60:02}Z",
        "last_activity_at": "2026-11-01T12:00:00Z",
        "total_activity_time": 260,
        "html_url": f"https://canvas.example/courses/565/users/{20_064 + number}",
        "grades": {"current_score": 91.5, "current_grade": "A-", "final_score": 90.0, "final_grade": "A-"},
        "user": {
            "id": 20_064 + number,
            "name": f"Student {number}",
            "sortable_name": f"{number}, Student",
            "short_name": "Student",
            "login_id": f"st{number:04}",
        },
    }
