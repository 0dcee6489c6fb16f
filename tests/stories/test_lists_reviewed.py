"""What a hostile review of lists that are kept whole found."""

import asyncio
import gc
import re

import pytest

from proxy.messages import upstream_tag
from proxy.store.fences import Mode
from tests.house import ADA, ADMIN, CY, bearer
from tests.stories.test_collections import API, COURSES, FRESH, LONG, Lists, ids, ids_of, links, rows_of, walk

EVERYTHING = upstream_tag("courseworks")
JSON = {"Content-Type": "application/json"}


class Odd(Lists):
    """Says more, less or other things with its pages than a list does by itself."""

    def __init__(self, count, *, numbered=True, fields=None, delay=0.0):
        super().__init__(count, numbered=numbered)
        self.fields = fields or {}  # by the name of a page
        self.delay = delay
        self.last = None  # which page it calls the last, wrongly
        self.has_links = True

    async def page(self, request):
        await asyncio.sleep(self.delay)
        return await super().page(request)

    def _answer(self, request, size, name):
        answer = super()._answer(request, size, name)
        answer.headers.update(self.fields.get(name, {}))
        if self.last is not None and answer.status == 200:
            right = f'?page={-(-len(self.rows) // size)}&per_page={size}>; rel="last"'
            wrong = f'?page={self.last}&per_page={size}>; rel="last"'
            answer.headers["Link"] = answer.headers["Link"].replace(right, wrong)
        if not self.has_links:
            answer.headers.popall("Link", None)
        return answer


async def test_a_list_that_stays_incomplete_does_not_replace_a_whole_one(larder, at):
    lists = Odd(350)
    async with larder(upstreams=await at(lists)) as home:
        await walk(home, f"{LONG}?per_page=100", ADMIN)
        home.clock.advance(1500)
        lists.rows[0]["name"] = "Another"
        lists.last = 2
        await walk(home, f"{LONG}?per_page=100", ADMIN)
        await home.settled()

        assert len(rows_of(await walk(home, f"{LONG}?per_page=100", ADMIN))) == 350


async def test_a_row_that_moves_to_an_earlier_page_meanwhile_is_not_lost(larder, at):
    lists = Odd(250)
    lists.before["2"] = lambda: lists.rows.pop(4)
    async with larder(upstreams=await at(lists)) as home:
        await walk(home, f"{LONG}?per_page=100", ADMIN)
        await home.settled()

        assert {row["id"] for row in lists.rows} <= set(ids_of(await walk(home, f"{LONG}?per_page=100", ADMIN)))


async def test_a_page_that_may_not_be_stored_keeps_the_list_from_being_stored(larder, at):
    lists = Odd(250, fields={"2": {"Cache-Control": "no-store"}})
    async with larder(upstreams=await at(lists)) as home:
        await walk(home, f"{LONG}?per_page=100", ADMIN)
        await home.settled()

        assert "hit" not in (await home.get(f"{LONG}?per_page=100&page=2", headers=bearer(ADMIN))).cache


# of lists, the promise "there"


async def test_a_list_whose_pages_all_come_in_time_can_be_walked(larder, at):
    lists = Odd(950, numbered=False, delay=0.15)
    async with larder(upstreams=await at(lists, timeout={"attempt": "0.5s", "total": "0.7s"})) as home:
        assert rows_of(await walk(home, f"{LONG}?per_page=100", ADMIN)) == lists.rows


async def test_where_one_page_cannot_be_had_the_others_can(larder, at):
    lists = Odd(950)
    lists.status = {"7": 500}
    async with larder(upstreams=await at(lists)) as home:
        assert (await home.get(f"{LONG}?per_page=100&page=9", headers=bearer(ADMIN))).json == lists.rows[800:900]


async def test_who_goes_through_a_list_that_becomes_too_long_comes_to_its_end(larder, at):
    lists = Odd(250, numbered=False)
    async with larder(upstreams=await at(lists, collection={"max_rows": 299})) as home:
        await home.get(f"{LONG}?per_page=2", headers=bearer(ADMIN))
        await home.settled()
        page = await home.get(f"{LONG}?per_page=2", headers=bearer(ADMIN))
        for _ in range(60):
            page = await home.get(links(page)["next"], headers=bearer(ADMIN))
        lists.rows += [{"id": 1000 + number} for number in range(100)]
        await home.get(f"{LONG}?per_page=2", headers=bearer(ADMIN, **FRESH))

        assert (await home.get(links(page)["next"], headers=bearer(ADMIN))).status == 200


# of lists, the promise "true"


async def test_a_live_read_of_the_second_page_is_live(larder):
    async with larder() as home:
        await home.get(f"{COURSES}?per_page=5", headers=bearer(ADA, **FRESH))
        second = await home.get(f"{COURSES}?per_page=5&page=2", headers=bearer(ADA, **FRESH))
        await home.control("change", {"kind": "rename_course", "course_id": ids(second)[0], "name": "Another"})
        again = await home.get(f"{COURSES}?per_page=5&page=2", headers=bearer(ADA, **FRESH))

        assert "Another" in [row["name"] for row in again.json]


async def test_who_writes_and_reads_the_second_page_again_reads_what_was_written(larder):
    async with larder() as home:
        await home.get(f"{COURSES}?per_page=5", headers=bearer(ADA))
        second = await home.get(f"{COURSES}?per_page=5&page=2", headers=bearer(ADA))
        course = f"{API}/courses/{ids(second)[0]}"
        wrote = await home.ask("PUT", course, headers=bearer(ADMIN), data={"course[name]": "Another"})
        again = await home.get(f"{COURSES}?per_page=5&page=2", headers=bearer(ADA))

        assert wrote.status == 200
        assert "Another" in [row["name"] for row in again.json]


async def test_the_page_behind_the_last_is_empty_though_the_list_was_longer_before(larder, at):
    lists = Odd(11)
    async with larder(upstreams=await at(lists)) as home:
        await home.get(f"{LONG}?per_page=10", headers=bearer(ADMIN))
        lists.rows.pop(3)
        await home.larder.purger.purge([EVERYTHING])
        first = await home.get(f"{LONG}?per_page=10", headers=bearer(ADMIN))
        second = await home.get(f"{LONG}?per_page=10&page=2", headers=bearer(ADMIN))

        assert "next" not in links(first)
        assert second.json == []


@pytest.mark.parametrize("numbered", [True, False])
async def test_who_got_the_first_page_early_sees_one_state_too(larder, at, numbered):
    lists = Odd(350, numbered=numbered)
    lists.pause.clear()
    async with larder(upstreams=await at(lists)) as home:
        pages = [await home.get(f"{LONG}?per_page=100", headers=bearer(ADMIN))]
        lists.pause.set()
        await home.settled()
        pages.append(await home.get(links(pages[-1])["next"], headers=bearer(ADMIN)))
        lists.rows[250]["name"] = "Another"
        await home.get(f"{LONG}?per_page=100", headers=bearer(ADMIN, **FRESH))
        await home.settled()
        pages.append(await home.get(links(pages[-1])["next"], headers=bearer(ADMIN)))

        assert "Another" not in [row["name"] for row in rows_of(pages)]


async def test_two_who_count_pages_with_one_credential_do_not_mix(larder):
    async with larder() as home:
        first = await home.get(f"{COURSES}?per_page=5", headers=bearer(ADA))
        course = ids(await home.get(f"{COURSES}?per_page=100", headers=bearer(ADA)))[7]
        await home.control("change", {"kind": "rename_course", "course_id": course, "name": "Another"})
        await home.get(f"{COURSES}?per_page=7", headers=bearer(ADA, **FRESH))
        await home.get(f"{COURSES}?per_page=5", headers=bearer(ADA))  # somebody else begins
        second = await home.get(links(first)["next"], headers=bearer(ADA))

        assert "Another" not in [row["name"] for row in second.json]


async def test_keep_at_most_ends_a_walk_too(larder, at):
    lists = Odd(250)
    async with larder(upstreams=await at(lists, keep_at_most="20s")) as home:
        await home.get(f"{LONG}?per_page=100", headers=bearer(ADMIN))
        await home.settled()
        await home.get(f"{LONG}?per_page=100", headers=bearer(ADMIN))
        lists.rows = [{"id": number} for number in range(1000, 1250)]
        home.clock.advance(50)

        assert ids(await home.get(f"{LONG}?per_page=100&page=2", headers=bearer(ADMIN)))[0] >= 1000


async def test_nothing_that_was_purged_hard_half_way_goes_into_a_list(larder, at):
    lists = Odd(250)
    async with larder(upstreams=await at(lists)) as home:
        await walk(home, f"{LONG}?per_page=100", ADMIN)
        await home.settled()
        lists.pause.clear()
        lists.asked.clear()
        asked = asyncio.create_task(home.get(f"{LONG}?per_page=100", headers=bearer(ADMIN, **FRESH)))
        while len(lists.asked) < 3:
            await asyncio.sleep(0.01)
        await home.larder.purger.purge([EVERYTHING], Mode.HARD)
        lists.pause.set()
        await asked

        assert lists.asked.count("1") >= 2  # by its validator; and, since nothing is left that it is of, as a whole


async def test_an_early_page_is_not_younger_than_its_walk(larder, at):
    lists = Odd(350)
    lists.pause.clear()
    async with larder(upstreams=await at(lists)) as home:
        await home.get(f"{LONG}?per_page=40", headers=bearer(ADMIN))
        home.clock.advance(30)
        early = await home.get(f"{LONG}?per_page=40", headers=bearer(ADMIN))
        lists.pause.set()

        assert int(early.headers["Age"]) >= 30


# of lists, the promise "yours"


async def test_who_joins_a_list_that_may_not_be_stored_asks_for_itself(larder, at):
    lists = Odd(5, fields={"1": {"Cache-Control": "no-store"}}, delay=0.2)
    async with larder(upstreams=await at(lists)) as home:
        await asyncio.gather(*(home.get(f"{LONG}?per_page=10", headers=bearer(ADMIN)) for _ in range(2)))

        assert len(lists.asked) == 1 + 2  # the first, to learn that


async def test_an_early_page_sets_nobody_elses_cookies(larder, at):
    lists = Odd(350, fields={"1": {"Set-Cookie": "session=canary"}})
    lists.pause.clear()
    async with larder(upstreams=await at(lists)) as home:
        await home.get(f"{LONG}?per_page=10", headers=bearer(ADMIN))
        await home.get(f"{LONG}?per_page=10", headers=bearer(ADMIN))
        lists.pause.set()

        assert lists.asked == ["1"] * 3  # each has those of its own call


async def test_no_token_gets_into_links_and_into_what_is_stored(larder, at):
    lists = Odd(5)
    lists.has_links = False
    async with larder(upstreams=await at(lists)) as home:
        found = await home.get(f"{LONG}?per_page=40&access_token={ADMIN}")

        assert ADMIN not in found.headers.get("Link", "")


# of lists, the promise "once"


async def test_a_list_that_may_not_be_stored_costs_no_more_calls_than_it_has_pages(larder, at):
    lists = Odd(300, fields={str(page): {"Cache-Control": "no-store"} for page in range(1, 40)})
    async with larder(upstreams=await at(lists)) as home:
        pages = await walk(home, f"{LONG}?per_page=10", ADMIN)

        assert len(lists.asked) <= len(pages) + 3


async def test_a_list_that_is_only_kept_to_fall_back_on_costs_no_more_calls_than_it_has_pages(larder, at):
    block = {"cache": {"ttl": 0, "stale_while_revalidate": 0, "stale_if_error": "1h"}}
    lists = Odd(300)
    upstreams = await at(lists, endpoints={"GET /api/v1/accounts/{account}/courses": block})
    async with larder(upstreams=upstreams) as home:
        pages = await walk(home, f"{LONG}?per_page=10", ADMIN)

        assert len(lists.asked) <= len(pages) + 3


async def test_what_is_found_too_long_is_fetched_no_further(larder, at):
    lists = Odd(2000)
    for row in lists.rows:
        row["name"] = "x" * 1000
    upstreams = await at(lists, concurrency={"credential": 1})
    async with larder(upstreams=upstreams, store={"max_entry": "250KiB"}) as home:
        await home.get(f"{LONG}?per_page=10&page=180", headers=bearer(ADMIN))
        await home.settled()
        await asyncio.sleep(0.3)

        assert len(lists.asked) <= 6


async def test_a_page_number_of_a_bookmarked_list_is_left_to_the_upstream_also_early(larder, at):
    lists = Odd(350, numbered=False)
    lists.pause.clear()
    async with larder(upstreams=await at(lists)) as home:
        asked = asyncio.create_task(home.get(f"{LONG}?per_page=40&page=2", headers=bearer(ADMIN)))
        await asyncio.wait([asked], timeout=0.5)
        was_early = asked.done()
        lists.pause.set()
        await asyncio.wait([asked])

        assert not was_early


# operators


async def test_a_refresh_that_finds_a_list_too_long_makes_no_noise(larder, at):
    lists, heard = Odd(250), []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context["message"]))
    async with larder(upstreams=await at(lists, collection={"max_rows": 299})) as home:
        await walk(home, f"{LONG}?per_page=100", ADMIN)
        await home.settled()
        lists.rows += [{"id": 1000 + number} for number in range(200)]
        home.clock.advance(310)
        await home.get(f"{LONG}?per_page=100", headers=bearer(ADMIN))
        await home.settled()
        gc.collect()
        await asyncio.sleep(0)

        assert not heard


async def test_a_raised_limit_holds_at_once(larder, at):
    lists = Odd(350)
    async with larder(upstreams=await at(lists, collection={"max_rows": 299})) as home:
        await walk(home, f"{LONG}?per_page=100", ADMIN)
        home.reload(upstreams={"courseworks": {"collection": {"max_rows": 1000}}})
        await walk(home, f"{LONG}?per_page=100", ADMIN)
        await home.settled()
        lists.asked.clear()
        await walk(home, f"{LONG}?per_page=50", ADMIN)

        assert not lists.asked


async def test_who_goes_through_a_list_while_it_stops_being_kept_whole_loses_no_rows(larder):
    path = f"{API}/courses/565/users"
    async with larder() as home:
        first = await home.get(f"{path}?per_page=20", headers=bearer(CY))
        home.reload(upstreams={"courseworks": {"collection": {"whole": False}}})
        second = await home.get(links(first)["next"], headers=bearer(CY))

        assert len(second.json) == 20


# two who count pages with one credential, page size and caller


async def renamed(home, at):
    """The course at this place gets another name, and the list is fetched anew."""
    course = ids(await home.get(f"{COURSES}?per_page=100", headers=bearer(ADA)))[at]
    await home.control("change", {"kind": "rename_course", "course_id": course, "name": "Another"})
    await home.get(f"{COURSES}?per_page=7", headers=bearer(ADA, **FRESH))


def names(*pages):
    return [row["name"] for row in rows_of(pages)]


async def following(home, page):
    return await home.get(links(page)["next"], headers=bearer(ADA))


async def test_who_begins_later_and_is_quicker_does_not_get_the_place_of_who_began_before(larder):
    async with larder() as home:
        slow = [await home.get(f"{COURSES}?per_page=5", headers=bearer(ADA))]
        await renamed(home, 7)
        quick = [await home.get(f"{COURSES}?per_page=5", headers=bearer(ADA))]
        for pages in (quick, slow, slow, quick):
            pages.append(await following(home, pages[-1]))

        assert "Another" in names(*quick)
        assert "Another" not in names(*slow)
        assert len(set(ids_of(slow))) == len(set(ids_of(quick))) == 14
        assert "detail=walk" in slow[-1].cache


async def test_two_who_begin_with_the_same_state_both_go_on_in_it(larder):
    async with larder() as home:
        one, other = [[await home.get(f"{COURSES}?per_page=5", headers=bearer(ADA))] for _ in range(2)]
        await renamed(home, 12)
        third = [await home.get(f"{COURSES}?per_page=5", headers=bearer(ADA))]
        for pages in (third, one, other, one, third, other):
            pages.append(await following(home, pages[-1]))

        assert "Another" in names(*third)
        assert "Another" not in names(*one, *other)


async def test_only_where_two_states_are_gone_through_a_link_says_more_than_the_upstreams(larder):
    async with larder() as home:
        alone = await home.get(f"{COURSES}?per_page=5", headers=bearer(ADA))
        await home.get(f"{COURSES}?per_page=5", headers=bearer(ADA, **FRESH))  # the same rows
        alike = await home.get(f"{COURSES}?per_page=5", headers=bearer(ADA))
        await renamed(home, 7)
        beside = await home.get(f"{COURSES}?per_page=5", headers=bearer(ADA))
        home.clock.advance(61)
        after = await home.get(f"{COURSES}?per_page=5", headers=bearer(ADA))

        assert ["larder-walk" in links(page)["next"] for page in (alone, alike, beside, after)] == [
            *(False, False, True, False)
        ]
        assert {rel for rel, url in links(beside).items() if "larder-walk" in url} == {"next"}


async def test_the_upstream_hears_nothing_of_walks_whatever_becomes_of_the_list(larder):
    async with larder() as home:
        await home.get(f"{COURSES}?per_page=5", headers=bearer(ADA))
        await renamed(home, 7)
        first = await home.get(f"{COURSES}?per_page=5", headers=bearer(ADA))
        address = links(first)["next"]
        second = await home.get(address, headers=bearer(ADA))
        bare = re.sub(r"&larder-walk=\w+", "", address)
        strangers = await home.get(address, headers=bearer(CY))
        his_own = await home.get(bare, headers=bearer(CY))
        home.clock.advance(61)
        late = await home.get(address, headers=bearer(ADA))
        home.reload(upstreams={"courseworks": {"collection": {"whole": False}}})
        by_itself = [await home.get(url, headers=bearer(ADA)) for url in (address, bare)]

        assert bare != address
        assert second.json == late.json == by_itself[0].json == by_itself[1].json
        assert strangers.json == his_own.json
        assert "hit" in by_itself[1].cache
        journal = (await home.control("journal", method="GET"))["requests"]
        assert not [entry for entry in journal if "larder-walk" in str(entry)]
