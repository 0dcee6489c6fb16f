"""What a second hostile review of lists that are kept whole found."""

import asyncio
import random

import pytest
from aiohttp import web

from proxy.lists.snapshots import MAGIC
from tests.house import ADA, ADMIN, bearer
from tests.stories.test_collections import COURSES, FRESH, LONG, ids, ids_of, links, rows_of, walk
from tests.stories.test_instances import instances, until
from tests.stories.test_lists_reviewed import EVERYTHING, Odd


class Uncounted(Odd):
    """Numbers its pages, and does not say which is the last."""

    def _answer(self, request, size, name):
        answer = super()._answer(request, size, name)
        link = answer.headers.get("Link")
        if link:
            kept = [one for one in link.split(",") if 'rel="last"' not in one]
            answer.headers["Link"] = ",".join(kept)
        return answer


class Huge(Odd):
    """Has a number in its third row that no double can hold."""

    def _answer(self, request, size, name):
        answer = super()._answer(request, size, name)
        if answer.body:
            answer.body = answer.body.replace(b'"name": "Row 3"', b'"position": 1e400')
        return answer


async def test_a_short_list_whose_pages_have_numbers_is_cut_by_numbers_though_nobody_counts_them(larder, at):
    lists = Uncounted(50)
    async with larder(upstreams=await at(lists)) as home:
        first = await home.get(f"{LONG}?per_page=20", headers=bearer(ADMIN))
        second = await home.get(f"{LONG}?per_page=20&page=2", headers=bearer(ADMIN))

        assert "page=2&" in links(first)["next"]
        assert second.json == lists.rows[20:40]
        assert len(lists.asked) == 1


async def test_who_goes_on_by_a_bookmark_in_a_list_whose_pages_got_numbers_meanwhile_meets_no_row_twice(larder, at):
    lists = Odd(195, numbered=False)
    async with larder(upstreams=await at(lists)) as home:
        pages = [await home.get(f"{LONG}?per_page=20", headers=bearer(ADMIN))]
        pages.append(await home.get(links(pages[-1])["next"], headers=bearer(ADMIN)))
        home.clock.advance(61)
        lists.numbered = True
        lists.rows.pop(2)
        await home.larder.purger.purge([EVERYTHING])
        pages += await walk(home, links(pages[-1])["next"], ADMIN)

        found = ids_of(pages)
        assert len(found) == len(set(found)) == 195


async def test_a_number_beyond_all_numbers_in_a_row_does_not_keep_a_list_from_being_refreshed(larder, at):
    lists = Huge(250)
    lists.says_links_again = True
    async with larder(upstreams=await at(lists)) as home:
        before = await home.get(f"{LONG}?per_page=100", headers=bearer(ADMIN))
        await home.settled()
        before = await home.get(f"{LONG}?per_page=100", headers=bearer(ADMIN))
        again = await home.get(f"{LONG}?per_page=100", headers=bearer(ADMIN, **FRESH))

        assert "fwd-status=304" in again.cache
        assert (again.body, again.headers["ETag"]) == (before.body, before.headers["ETag"])


async def test_who_has_an_early_page_waits_for_the_next_no_longer_than_it_has_time(larder, at):
    lists = Odd(350, numbered=False)
    lists.pause.clear()
    async with larder(upstreams=await at(lists)) as home:
        first = await home.get(f"{LONG}?per_page=100", headers=bearer(ADMIN))
        async with asyncio.timeout(5):
            second = await home.get(links(first)["next"], headers=bearer(ADMIN, **{"X-Request-Timeout": "200ms"}))
        lists.pause.set()

        assert second.status == 504


async def test_two_of_one_caller_who_both_got_the_first_page_early_both_see_one_state(larder, at):
    lists = Odd(350)
    lists.pause.clear()
    async with larder(upstreams=await at(lists)) as home:
        firsts = [await home.get(f"{LONG}?per_page={size}", headers=bearer(ADMIN)) for size in (40, 50)]
        lists.pause.set()
        await home.settled()
        lists.rows[70]["name"] = "Another"
        await home.get(f"{LONG}?per_page=100", headers=bearer(ADMIN, **FRESH))
        await home.settled()
        seconds = [await home.get(links(first)["next"], headers=bearer(ADMIN)) for first in firsts]

        assert "Another" not in [row["name"] for row in rows_of(seconds)]


async def test_who_goes_through_a_list_over_several_instances_does_not_meet_an_older_one(tmp_path, redis):
    async with instances(tmp_path, redis.url) as (one, other):
        await one.get(f"{COURSES}?per_page=5", headers=bearer(ADA))  # somebody looks at the first page, and no further
        await one.settled()
        gone = ids(await one.get(f"{COURSES}?per_page=100", headers=bearer(ADA)))[6]
        await one.control("change", {"kind": "rename_course", "course_id": gone, "name": "Another"})
        fence = (await other.larder.purger.purge([EVERYTHING])).fence
        await until(lambda: one.larder.fences.number >= fence)
        first = await other.get(f"{COURSES}?per_page=5", headers=bearer(ADA))
        await other.settled()
        second = await one.get(links(first)["next"].replace(other.url, one.url), headers=bearer(ADA))

        assert "Another" in [row["name"] for row in second.json]


async def test_who_begins_beside_with_other_wishes_does_not_end_a_walk(larder, at):
    lists = Odd(150)
    async with larder(upstreams=await at(lists)) as home:
        await walk(home, f"{LONG}?per_page=100", ADMIN)
        await home.settled()
        first = await home.get(f"{LONG}?per_page=50", headers=bearer(ADMIN))
        await home.get(f"{LONG}?per_page=50", headers=bearer(ADMIN, **{"Cache-Control": "max-age=300"}))
        lists.rows[70]["name"] = "Another"
        await home.get(f"{LONG}?per_page=100", headers=bearer(ADMIN, **FRESH))
        second = await home.get(links(first)["next"], headers=bearer(ADMIN))

        assert "Another" not in [row["name"] for row in second.json]


class Clamped(Odd):
    """Gives no more than fifty rows a page, whatever is asked for."""

    def _answer(self, request, size, name):
        return super()._answer(request, min(size, 50), name)


@pytest.mark.parametrize("numbered", [True, False])
async def test_an_upstream_that_gives_smaller_pages_than_it_is_asked_for_is_read_whole(larder, at, numbered):
    lists = Clamped(270, numbered=numbered)
    async with larder(upstreams=await at(lists)) as home:
        for size in (100, 7):
            assert rows_of(await walk(home, f"{LONG}?per_page={size}", ADMIN)) == lists.rows


def changed(rows, chance):
    """A row comes or goes, anywhere."""
    at = chance.randrange(len(rows))
    if chance.random() < 0.4:
        return [*rows[:at], *rows[at + 1 :]]
    return [*rows[:at], {"id": 1000 + chance.randrange(10**6), "name": "A row that came"}, *rows[at:]]


@pytest.mark.parametrize("seed", range(8))
async def test_however_a_list_changes_who_follows_its_links_sees_one_of_its_states(larder, at, seed):
    chance = random.Random(seed)
    lists = Odd(chance.choice([99, 101, 230, 350]), numbered=seed % 2 == 0)
    lists.says_links_again = chance.random() < 0.5
    states, walks, walked = [lists.rows], [], 0
    async with larder(upstreams=await at(lists)) as home:
        for _ in range(100):
            what = chance.random()
            if what < 0.15:
                lists.rows = changed(lists.rows, chance)
                states.append(lists.rows)
                await home.larder.purger.purge([EVERYTHING] if chance.random() < 0.6 else [])
            elif what < 0.25:
                await home.get(f"{LONG}?per_page=100", headers=bearer(ADMIN, **FRESH))
                await home.settled()
            elif what < 0.4 or not walks:
                walks.append([f"{LONG}?per_page={chance.choice([7, 40, 60, 100])}"])
            else:
                one = chance.choice(walks)
                page = await home.get(one[0], headers=bearer(ADMIN))
                await home.settled()  # else its first page may have come before the others (docs/decisions/0014)
                one[0], one[1:] = links(page).get("next"), [*one[1:], *page.json]
                if one[0] is None:
                    walks.remove(one)
                    walked += 1
                    assert one[1:] in states
    assert walked


class Endless(Odd):
    """Has another page behind each, with nothing on it."""

    def _answer(self, request, size, name):
        answer = super()._answer(request, size, name)
        following = int(name.removeprefix("bookmark:")) + 1
        page = f"{'' if self.numbered else 'bookmark:'}{following}"
        answer.headers["Link"] = f'<{request.url.with_query(None)}?page={page}&per_page={size}>; rel="next"'
        return answer


@pytest.mark.parametrize("numbered", [True, False])
async def test_empty_pages_without_end_are_not_followed_for_ever(larder, at, numbered):
    lists = Endless(0, numbered=numbered)
    async with larder(upstreams=await at(lists, timeout={"attempt": "2s", "total": "2s"})) as home:
        answer = await home.get(f"{LONG}?per_page=10&page=3", headers=bearer(ADMIN))
        await home.settled()

        assert len(lists.asked) < 60
        assert (answer.status, "page-loop" in answer.cache) == (502, True)


async def test_what_another_upstream_says_is_no_list_however_it_begins(larder, served):
    said = []

    async def file(_request):
        said.append(MAGIC + b"\xff\xff\xff\xff" + bytes([len(said)]))
        return web.Response(body=said[-1], headers={"Cache-Control": "max-age=60"})

    async with larder(upstreams={"mirror": {"adapter": "http", "base_url": await served(file)}}) as home:
        for _ in range(2):
            assert (await home.get("/mirror/file")).body == said[-1]
            home.clock.advance(61)


@pytest.mark.parametrize("how_many", [30, 150])
async def test_no_link_leads_to_where_the_upstream_was_before(larder, at, how_many):
    before, after = await at(Odd(how_many)), await at(Odd(how_many))
    async with larder(upstreams=before) as home:
        for _ in range(2):
            await home.get(f"{LONG}?per_page=100", headers=bearer(ADMIN))
            await home.settled()
        home.reload(upstreams=after)
        moved = [await home.get(f"{LONG}?per_page={size}", headers=bearer(ADMIN)) for size in (100, 10)]

        assert all("hit" in page.cache for page in moved)
        assert all(url.startswith(f"{home.url}{LONG}?") for page in moved for url in links(page).values())
