"""canvasapi through Larder: what it reads, and how often Canvas is asked for it."""

import pytest

from tests.house import ADA, BEN, CY
from tests.sdk.clients import in_canvas, in_pages_of

API = "/courseworks/api/v1"


async def reads_once(home, path, story, token=ADA):
    """What a story reads, told twice; the second time it costs Canvas nothing."""
    first = await in_canvas(home.url, story, token)
    asked = await home.calls(path)
    second = await in_canvas(home.url, story, token)
    assert asked > 0
    assert await home.calls(path) == asked
    assert second == first
    return first


async def test_it_reads_its_user_and_profile(home):
    def story(canvas):
        user = canvas.get_current_user()
        return user.name, user.get_profile()["primary_email"]

    assert await reads_once(home, f"{API}/users/*", story) == ("Ada Sample", "as0001@example.edu")


async def test_it_reads_ones_courses(home):
    found = await reads_once(home, f"{API}/courses", lambda canvas: [course.id for course in canvas.get_courses()])

    assert len(found) == len(set(found)) == 14


async def test_it_reads_the_courses_of_a_user_by_number(home):
    def story(canvas):
        return len(list(canvas.get_current_user().get_courses()))

    assert await reads_once(home, f"{API}/users/20064/courses", story) == 14


async def test_it_reads_one_course(home):
    assert await reads_once(home, f"{API}/courses/565", lambda canvas: canvas.get_course(565).name) == "Made-up Methods"


async def test_it_reads_sections_and_assignments(home):
    def story(canvas):
        course = canvas.get_course(565)
        return [section.id for section in course.get_sections()], len(list(course.get_assignments()))

    assert await reads_once(home, f"{API}/courses/565*", story) == ([4811, 4812], 11)


async def test_it_walks_numbered_pages_through_larders_own_links(home):
    def story(canvas):
        return [course.id for course in in_pages_of(5, canvas.get_courses())]

    found = await reads_once(home, f"{API}/courses", story)

    assert len(found) == len(set(found)) == 14
    assert await home.calls(f"{API}/courses") == 1


@pytest.mark.parametrize(
    ("path", "people", "read"),
    [
        ("search_users", 66, lambda course: course.get_users(enrollment_type=["student"])),
        ("enrollments", 71, lambda course: course.get_enrollments()),
    ],
)
async def test_it_walks_the_bookmarked_pages_of_a_roster(home, path, people, read):
    def story(canvas):
        return [row.id for row in in_pages_of(25, read(canvas.get_course(565)))]

    found = await reads_once(home, f"{API}/courses/565/{path}", story, CY)

    assert len(found) == len(set(found)) == people
    assert await home.calls(f"{API}/courses/565/{path}") == 1


@pytest.mark.parametrize(("whole", "query"), [(True, "per_page=100"), (False, "per_page=2&per_page=100")])
async def test_the_sdks_two_page_sizes_reach_canvas_in_their_order_where_pages_are_kept(larder, whole, query):
    async with larder(upstreams={"courseworks": {"collection": {"whole": whole}}}) as home:
        found = await in_canvas(home.url, lambda canvas: list(canvas.get_courses(per_page=2)))

        journal = await home.control(f"journal?path={API}/courses", method="GET")
        assert [entry["query"] for entry in journal["requests"]] == [query]
        assert len(found) == 14


async def test_a_slice_stops_after_the_pages_it_needs(home):
    await in_canvas(home.url, lambda canvas: in_pages_of(5, canvas.get_courses())[0])

    assert await home.calls(f"{API}/courses") == 1


async def test_two_students_get_their_own_courses(home):
    def story(canvas):
        return [course.id for course in canvas.get_courses()]

    hers = await reads_once(home, f"{API}/courses", story, ADA)
    his = await in_canvas(home.url, story, BEN)

    assert len(his) == 7
    assert set(his) < set(hers)


async def test_it_reads_accounts_as_an_admin(home):
    def story(canvas):
        account = canvas.get_account(1)
        return 565 in [course.id for course in account.get_courses()], len(list(account.get_users()))

    assert await reads_once(home, f"{API}/accounts/*", story, "sandbox-admin") == (True, 75)


async def test_a_course_named_by_an_sis_id_with_a_slash_is_found(home):
    def story(canvas):
        return canvas.get_course("2026F%2FSAND%2F012", use_sis_id=True).id

    assert await reads_once(home, f"{API}/courses/sis_course_id*", story, "sandbox-admin") == 112
