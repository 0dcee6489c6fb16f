"""A list that is too long to be kept whole is kept page by page, and its pages are of one time nevertheless."""

import pytest

from proxy.store.fences import Mode
from tests.house import ADMIN, bearer, merged
from tests.stories.test_collections import API, FRESH, LONG, ids, ids_of, links, origin_of, rows_of, walk

TOO_LONG = {"courseworks": {"collection": {"max_rows": 299}}}
FIRST = f"{LONG}?per_page=50"

__all__ = ["origin_of"]  # a fixture


@pytest.fixture(params=[True, False], ids=["numbered", "bookmarked"])
async def seven_pages(request, origin_of):
    """An origin with 350 rows, and a config for which they are too many."""
    lists, upstreams = await origin_of(350, numbered=request.param)
    return lists, merged(upstreams, TOO_LONG)


async def walked_often(home):
    """All pages are stored, and asked for so often that the short way would lead to them."""
    for _ in range(3):
        pages = await walk(home, FIRST, ADMIN)
    assert all("hit" in page.cache for page in pages)
    return pages


async def test_no_page_of_before_comes_behind_a_first_one_of_after(larder, seven_pages):
    lists, upstreams = seven_pages
    async with larder(upstreams=upstreams) as home:
        await walked_often(home)
        home.clock.advance(100)
        lists.rows.pop(10)
        await home.get(FIRST, headers=bearer(ADMIN, **FRESH))
        pages = await walk(home, FIRST, ADMIN)

        assert rows_of(pages) == lists.rows
        assert "hit" in pages[0].cache
        assert all("fwd=stale; fwd-status=200" in page.cache for page in pages[1:])


async def test_nor_behind_a_later_one_of_after(larder, seven_pages):
    lists, upstreams = seven_pages
    async with larder(upstreams=upstreams) as home:
        pages = await walked_often(home)
        home.clock.advance(100)
        lists.rows.pop(170)
        fourth = links(pages[2])["next"]
        await home.get(fourth, headers=bearer(ADMIN, **FRESH))
        lists.asked.clear()
        pages = await walk(home, FIRST, ADMIN)

        assert rows_of(pages) == lists.rows
        assert len(lists.asked) == 6  # all but that one, once


async def test_where_nothing_came_or_went_nothing_is_asked_for_that_would_not_be_anyway(larder, seven_pages):
    lists, upstreams = seven_pages
    async with larder(upstreams=upstreams) as home:
        await walked_often(home)
        home.clock.advance(100)
        lists.rows[10]["name"] = "Another"
        await home.get(FIRST, headers=bearer(ADMIN, **FRESH))
        lists.asked.clear()
        pages = await walk(home, FIRST, ADMIN)

        assert "Another" in [row["name"] for row in pages[0].json]
        assert not lists.asked


async def test_one_walk_is_enough_to_bring_all_pages_up_to_date(larder, seven_pages):
    lists, upstreams = seven_pages
    async with larder(upstreams=upstreams) as home:
        await walked_often(home)
        home.clock.advance(100)
        lists.rows.insert(0, {"id": 9_999, "name": "The first"})
        await home.get(FIRST, headers=bearer(ADMIN, **FRESH))
        for _ in range(2):
            home.clock.advance(1)
            await walk(home, FIRST, ADMIN)
        lists.asked.clear()
        pages = await walk(home, FIRST, ADMIN)

        assert rows_of(pages) == lists.rows
        assert not lists.asked


async def test_pages_that_are_refreshed_behind_make_no_second_round_of_calls(larder, seven_pages):
    lists, upstreams = seven_pages
    async with larder(upstreams=upstreams) as home:
        before = ids_of(await walked_often(home))
        home.clock.advance(310)
        lists.rows.insert(0, {"id": 9_999, "name": "The first", "was": lists.rows.pop()})
        stale = await walk(home, FIRST, ADMIN)
        await home.settled()
        lists.asked.clear()
        after = [await walk(home, FIRST, ADMIN) for _ in range(2)]

        assert ids_of(stale) == before  # of one time, too
        assert [rows_of(pages) == lists.rows for pages in after] == [True, True]
        assert not lists.asked


async def test_where_the_upstream_fails_a_page_of_before_stands_in(larder, seven_pages):
    lists, upstreams = seven_pages
    async with larder(upstreams=upstreams) as home:
        pages = await walked_often(home)
        home.clock.advance(100)
        lists.rows.pop(10)
        await home.get(FIRST, headers=bearer(ADMIN, **FRESH))
        second = links(pages[0])["next"]
        lists.status = {"2": 503, "bookmark:50": 503}
        failed = await home.get(second, headers=bearer(ADMIN))
        only_stored = await home.get(second, headers=bearer(ADMIN, **{"Cache-Control": "only-if-cached"}))

        assert ids(failed) == ids(only_stored) == ids(pages[1])
        assert "detail=upstream-failed" in failed.cache


async def test_nor_after_a_restart_from_what_is_on_disk(larder, seven_pages):
    lists, upstreams = seven_pages
    async with larder(upstreams=upstreams) as home:
        await walked_often(home)
        home.clock.advance(100)
        lists.rows.pop(10)
        await home.get(FIRST, headers=bearer(ADMIN, **FRESH))
        await home.settled()
    lists.asked.clear()
    async with larder(upstreams=merged(upstreams, {"courseworks": {"collection": {"whole": False}}})) as home:
        home.clock.advance(110)
        pages = await walk(home, FIRST, ADMIN)

        assert rows_of(pages) == lists.rows
        assert len(lists.asked) == 6  # all but the first


@pytest.mark.parametrize("mode", Mode)
async def test_a_purge_of_the_list_ends_all_its_pages(larder, seven_pages, mode):
    lists, upstreams = seven_pages
    roster = f"{API}/courses/565/users?per_page=50"
    async with larder(upstreams=upstreams) as home:
        for _ in range(2):
            await walk(home, roster, ADMIN)
        lists.rows.pop(10)
        await home.larder.purger.purge(["courseworks/course:565:roster"], mode)
        lists.asked.clear()
        pages = await walk(home, roster, ADMIN)

        assert rows_of(pages) == lists.rows
        assert len(lists.asked) == 7


async def test_so_it_is_with_lists_that_an_operator_wants_page_by_page(larder, origin_of):
    lists, upstreams = await origin_of(350)
    async with larder(upstreams=merged(upstreams, {"courseworks": {"collection": {"whole": False}}})) as home:
        await walked_often(home)
        home.clock.advance(100)
        lists.rows.pop(10)
        await home.get(f"{FIRST}&page=1", headers=bearer(ADMIN, **FRESH))  # spelled in another way

        assert rows_of(await walk(home, FIRST, ADMIN)) == lists.rows
