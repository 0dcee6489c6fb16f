"""/v1/courses beside canvasapi: what the one has read, the other finds."""

import pytest

from tests.house import ADA, CY, bearer
from tests.sdk.clients import in_canvas

READS = [
    ("/v1/me", lambda canvas: [canvas.get_current_user()], 1),
    ("/v1/courses", lambda canvas: list(canvas.get_courses()), 14),
    ("/v1/courses/565", lambda canvas: [canvas.get_course(565)], 1),
    ("/v1/courses/565/roster", lambda canvas: list(canvas.get_course(565).get_enrollments()), 71),
    ("/v1/courses/565/sections", lambda canvas: list(canvas.get_course(565).get_sections()), 2),
]


def told(answered):
    data = answered.json["data"]
    return [row["id"] for row in (data if isinstance(data, list) else [data])]


@pytest.mark.parametrize(("path", "by_sdk", "count"), READS, ids=[read[0] for read in READS])
@pytest.mark.parametrize("is_typed_first", [True, False], ids=["typed first", "sdk first"])
async def test_it_is_read_once_whoever_asks(home, path, by_sdk, count, is_typed_first):
    token = CY if "roster" in path else ADA
    if not is_typed_first:
        rows = await in_canvas(home.url, by_sdk, token)
        await home.settled()
        calls = await home.calls()
    answered = await home.get(path, headers=bearer(token))
    if is_typed_first:
        await home.get("/courseworks/api/v1/courses/565", headers=bearer(token, Accept="*/*"))  # what the SDK reads too
        await home.settled()
        calls = await home.calls()
        rows = await in_canvas(home.url, by_sdk, token)

    assert await home.calls() == calls
    assert told(answered) == [str(row.id) for row in rows]
    assert len(rows) == count
