"""Rows of the learned index (enrollment → user, course) that stand in an answer (UPSTREAMS.md §3.5)."""

from collections.abc import Iterator
from typing import Any

from adapters._canvas_ids import id_in_answer
from adapters._json import rows
from adapters._vocabulary import Link


def links(json: Any) -> Iterator[Link]:
    """Every enrollment in an answer: a list of them, one alone, or those of a list of users."""
    for row in rows(json):
        for held in (row, *rows(row.get("enrollments"))):
            if not _is_enrollment(held):
                continue
            enrollment, user, course = (id_in_answer(held.get(name)) for name in ("id", "user_id", "course_id"))
            if enrollment is not None and user is not None and course is not None:
                yield Link(enrollment, user, course)


def _is_enrollment(row: dict[str, Any]) -> bool:
    kind = row.get("type")
    return "enrollment_state" in row or (isinstance(kind, str) and kind.endswith("Enrollment"))
