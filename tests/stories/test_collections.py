"""Collections: a list that comes in pages is fetched whole, kept as one, and any page of it answered from there."""

import asyncio
import base64
import json
import re
from urllib.parse import quote

import pytest
from aiohttp import web

from proxy.store.fences import Mode
from tests.house import ADA, ADMIN, BEN, CY, bearer, merged

API = "/courseworks/api/v1"
COURSES = f"{API}/courses"
ROSTER = f"{API}/courses/565/users"  # 71 people, in bookmarked pages
MADE = f"{API}/courses/565/enrollments"
LINK = re.compile(r'<([^>]+)>; rel="(\w+)"')
FRESH = {"Cache-Control": "no-cache"}


def links(answer):
    return {rel: url for url, rel in LINK.findall(answer.headers.get("Link", ""))}


def ids(answer):
    return [row["id"] for row in answer.json]


async def walk(home, path, token=CY, **headers):
    """Every page, as an SDK follows `next`."""
    pages = []
    while path is not None:
        pages.append(await home.get(path, headers=bearer(token, **headers)))
        assert pages[-1].status == 200, pages[-1].body
        path = links(pages[-1]).get("next")
    return pages


async def at_canvas(home, path, token=CY):
    return await home.get(home.sandbox_url + path, headers=bearer(token))


async def test_a_list_is_fetched_once_whole_and_every_page_of_any_size_is_a_hit(larder):
    async with larder() as home:
        first = await home.get(f"{COURSES}?per_page=5", headers=bearer(ADA))
        pages = [await walk(home, f"{COURSES}?per_page={size}", ADA) for size in (1, 3, 14, 100)]

        assert first.cache.startswith("larder; fwd=miss; fwd-status=200")
        assert all("hit" in page.cache for walked in pages for page in walked)
        assert [len(walked) for walked in pages] == [14, 5, 1, 1]
        assert len({tuple(ids_of(walked)) for walked in pages}) == 1
        assert await home.calls(f"{COURSES}*") == 1


@pytest.mark.parametrize(
    "query",
    [
        *("", "?per_page=5", "?per_page=5&page=2", "?page=3&per_page=5", "?page=9&per_page=5", "?per_page=100"),
        *("?per_page=0", "?per_page=0&page=3", "?per_page=00", "?per_page=0&per_page=4"),
        *("?per_page=2&per_page=100", "?per_page=1000", "?include[]=term&per_page=4", "?page=first&per_page=4"),
        *("?enrollment_type=student&include%5B%5D=sections&include[]=term&page=2&per_page=3", "?state[]=available"),
    ],
)
async def test_a_page_has_the_rows_and_the_links_that_canvas_gives_it(larder, query):
    async with larder() as home:
        there = await at_canvas(home, f"{COURSES}{query}", ADA)
        for _ in range(2):
            here = await home.get(f"{COURSES}{query}", headers=bearer(ADA))

            assert here.json == there.json
            assert links(here) == {rel: url.replace(home.sandbox_url, home.url) for rel, url in links(there).items()}
            assert here.headers["Content-Type"] == there.headers["Content-Type"]


async def test_no_rows_a_page_are_one_row_a_page_as_canvas_takes_it(larder):
    async with larder() as home:
        pages = await walk(home, f"{COURSES}?per_page=0", ADA)

        assert [len(page.json) for page in pages] == [1] * 14
        assert await home.calls(f"{COURSES}*") == 1


@pytest.mark.parametrize("path", [ROSTER, MADE, f"{API}/courses/565/search_users"])
@pytest.mark.parametrize("size", [7, 25, 71, 100])
async def test_bookmarked_pages_lead_through_all_rows_in_their_order(larder, path, size):
    async with larder() as home:
        there = (await at_canvas(home, f"{path}?per_page=100")).json
        pages = await walk(home, f"{path}?per_page={size}")

        assert rows_of(pages) == there
        assert [set(links(page)) for page in pages[:-1]] == [{"current", "next", "first"}] * (len(pages) - 1)
        assert set(links(pages[-1])) == {"current", "first"}
        assert await home.calls(f"{path}*") == 1 + 1  # and the one above


async def test_who_follows_the_links_sees_one_state_though_it_is_fetched_anew_half_way(larder):
    async with larder() as home:
        before = (await at_canvas(home, f"{ROSTER}?per_page=100")).json
        first = await home.get(f"{ROSTER}?per_page=20", headers=bearer(CY))
        await home.control("change", {"kind": "unenroll", "user_id": before[3]["id"], "course_id": 565})
        await home.get(f"{ROSTER}?per_page=20", headers=bearer(CY, **FRESH))
        rest = await walk(home, links(first)["next"])
        anew = await walk(home, f"{ROSTER}?per_page=20")

        assert ids(first) + ids_of(rest) == [row["id"] for row in before]
        assert all("detail=walk" in page.cache for page in rest)
        assert before[3]["id"] not in ids_of(anew)


async def test_so_does_who_counts_the_pages(larder):
    async with larder() as home:
        before = ids(await at_canvas(home, f"{COURSES}?per_page=100", ADA))
        first = await home.get(f"{COURSES}?per_page=5", headers=bearer(ADA))
        await home.control("change", {"kind": "rename_course", "course_id": before[7], "name": "Another"})
        await home.get(f"{COURSES}?per_page=5", headers=bearer(ADA, **FRESH))
        second = await home.get(f"{COURSES}?per_page=5&page=2", headers=bearer(ADA))
        third = await home.get(f"{COURSES}?per_page=5&page=3", headers=bearer(ADA))
        jumped = await home.get(f"{COURSES}?per_page=4&page=2", headers=bearer(ADA))

        assert ids(first) + ids(second) + ids(third) == before
        assert "Another" not in [row["name"] for row in second.json]
        assert "Another" in [row["name"] for row in jumped.json]


async def test_but_not_for_longer_than_a_minute_and_not_past_a_hard_purge(larder):
    async with larder() as home:
        for what in ("time", "purge"):
            first = await home.get(f"{ROSTER}?per_page=20", headers=bearer(CY))
            gone = ids(await home.get(links(first)["next"], headers=bearer(CY)))[0]
            await home.control("change", {"kind": "unenroll", "user_id": gone, "course_id": 565})
            await home.get(f"{ROSTER}?per_page=20", headers=bearer(CY, **FRESH))
            if what == "time":
                home.clock.advance(61)
            else:
                await home.larder.purger.purge(["courseworks/course:565:roster"], Mode.HARD)
            second = await home.get(links(first)["next"], headers=bearer(CY))

            assert gone not in ids(second)
            assert not set(ids(first)) & set(ids(second))


async def test_a_refresh_transfers_nothing_where_nothing_changed(larder):
    async with larder() as home:
        await home.get(f"{COURSES}?per_page=5", headers=bearer(ADA))
        home.clock.advance(150)
        await home.get(f"{COURSES}?per_page=5", headers=bearer(ADA))
        await home.settled()

        journal = (await home.control(f"journal?path={COURSES}*", method="GET"))["requests"]
        assert [entry["status"] for entry in journal] == [200, 304]
        assert "hit" in (await home.get(f"{COURSES}?per_page=3&page=2", headers=bearer(ADA))).cache


class Lists:
    """An origin with one long list, whose pages have numbers or bookmarks; what it does wrong is said."""

    def __init__(self, count, *, numbered=True):
        self.rows = [{"id": number, "name": f"Row {number}"} for number in range(1, count + 1)]
        self.numbered = numbered
        self.asked, self.under_way, self.most = [], 0, 0
        self.pause = asyncio.Event()
        self.pause.set()
        self.before = {}  # what happens before a page is answered, by its name
        self.loops = self.says_links_again = False
        self.status = {}

    async def page(self, request):
        size, name = int(request.query["per_page"]), request.query.get("page", "1")
        self.asked.append(name)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            if name != "1":
                await self.pause.wait()
            await asyncio.sleep(0)
            self.before.pop(name, lambda: None)()
            return self._answer(request, size, name)
        finally:
            self.under_way -= 1

    def _answer(self, request, size, name):
        if name in self.status:
            return web.json_response({"errors": [{"message": "no"}]}, status=self.status[name])
        at = 0 if name == "1" else int(name.removeprefix("bookmark:")) - (0 if not self.numbered else 1)
        at = at * size if self.numbered or name == "1" else at
        rows, end = self.rows[at : at + size], at + size
        pages = {"current": name}
        if end < len(self.rows) or self.loops:
            pages["next"] = str(int(name) + 1) if self.numbered else f"bookmark:{at if self.loops else end}"
        if self.numbered:
            pages["last"] = str(-(-len(self.rows) // size))
        base = str(request.url.with_query(None))
        link = ",".join(f'<{base}?page={page}&per_page={size}>; rel="{rel}"' for rel, page in pages.items())
        etag = f'W/"{hash(json.dumps(rows))}"'
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers={"ETag": etag, **({"Link": link} if self.says_links_again else {})})
        return web.json_response(rows, headers={"Link": link, "ETag": etag})


@pytest.fixture
def origin_of(served):
    """Starts such an origin: it and its URL."""

    async def started(count, **how):
        lists = Lists(count, **how)
        return lists, {"courseworks": {"base_url": await served(lists.page)}}

    return started


LONG = f"{API}/accounts/1/courses"


def rows_of(pages):
    return [row for page in pages for row in page.json]


def ids_of(pages):
    return [row["id"] for row in rows_of(pages)]


async def test_the_numbered_pages_of_a_long_list_come_side_by_side_within_the_credentials_limit(larder, origin_of):
    lists, upstreams = await origin_of(950)
    lists.pause.clear()
    async with larder(upstreams=merged(upstreams, {"courseworks": {"concurrency": {"credential": 3}}})) as home:
        whole = asyncio.create_task(home.get(f"{LONG}?per_page=100&page=9", headers=bearer(ADMIN)))
        while lists.under_way < 3:
            await asyncio.sleep(0)
        lists.pause.set()
        assert (await whole).json == lists.rows[800:900]

        assert rows_of(await walk(home, f"{LONG}?per_page=30", ADMIN)) == lists.rows
        assert lists.most == 3
        assert sorted(lists.asked, key=int) == ["1", *(str(page) for page in range(1, 11)), "10"]  # the ends twice


@pytest.mark.parametrize("numbered", [True, False])
async def test_who_wants_a_first_page_gets_it_when_it_is_there(larder, origin_of, numbered):
    lists, upstreams = await origin_of(350, numbered=numbered)
    lists.pause.clear()
    async with larder(upstreams=upstreams) as home:
        first = await home.get(f"{LONG}?per_page=40", headers=bearer(ADMIN))
        second = await home.get(f"{LONG}?per_page=40&page=2", headers=bearer(ADMIN)) if numbered else first
        waiting = asyncio.create_task(walk(home, links(first)["next"], ADMIN))
        lists.pause.set()
        rest = await waiting

        assert first.json + rows_of(rest) == lists.rows
        assert second.json == lists.rows[40:80] if numbered else True
        assert "last" not in links(first)
        assert len(lists.asked) == 4 + 2 * numbered  # and whether the first page and the last still hold


@pytest.mark.parametrize("numbered", [True, False])
async def test_a_list_that_changes_while_it_is_fetched_is_fetched_once_more(larder, origin_of, numbered):
    lists, upstreams = await origin_of(250, numbered=numbered)
    lists.before["2" if numbered else "bookmark:100"] = lambda: lists.rows.insert(0, {"id": 9_999})
    async with larder(upstreams=upstreams) as home:
        await walk(home, f"{LONG}?per_page=100", ADMIN)
        pages = await walk(home, f"{LONG}?per_page=70", ADMIN)

        assert rows_of(pages) == lists.rows
        assert len(lists.asked) == (10 if numbered else 6)


@pytest.mark.parametrize("says_links_again", [True, False])
@pytest.mark.parametrize("numbered", [True, False])
async def test_of_a_refresh_only_what_changed_is_transferred(larder, origin_of, numbered, says_links_again):
    lists, upstreams = await origin_of(300, numbered=numbered)
    lists.says_links_again = says_links_again
    async with larder(upstreams=upstreams) as home:
        await walk(home, f"{LONG}?per_page=100", ADMIN)
        lists.rows[150]["name"] = "Another"
        lists.rows.append({"id": 301})
        home.clock.advance(3600)
        await walk(home, f"{LONG}?per_page=100", ADMIN)
        await home.settled()

        assert rows_of(await walk(home, f"{LONG}?per_page=7", ADMIN)) == lists.rows


async def test_a_page_that_names_itself_as_the_next_is_not_followed(larder, origin_of):
    lists, upstreams = await origin_of(150, numbered=False)
    lists.loops = True
    async with larder(upstreams=upstreams) as home:
        found = await home.get(f"{LONG}?per_page=100&page=first", headers=bearer(ADMIN))
        refused = await home.get(links(found)["next"], headers=bearer(ADMIN))

        assert found.json == lists.rows[:100]
        assert (refused.status, "detail=page-loop" in refused.cache) == (502, True)
        assert refused.json["errors"]


async def test_where_one_page_fails_what_is_stored_stands_in_and_nothing_is_lost(larder, origin_of):
    lists, upstreams = await origin_of(250)
    async with larder(upstreams=upstreams) as home:
        await walk(home, f"{LONG}?per_page=100", ADMIN)
        home.clock.advance(1800)
        lists.status = {"2": 404, "3": 503}
        lists.rows[0]["name"] = "Another"
        pages = await walk(home, f"{LONG}?per_page=100", ADMIN)

        assert [row["name"] for row in rows_of(pages)] == [f"Row {number}" for number in range(1, 251)]


@pytest.mark.parametrize("numbered", [True, False])
async def test_a_list_that_is_too_long_is_kept_page_by_page(larder, origin_of, numbered):
    lists, upstreams = await origin_of(350, numbered=numbered)
    async with larder(upstreams=merged(upstreams, {"courseworks": {"collection": {"max_rows": 299}}})) as home:
        for _ in range(2):
            pages = await walk(home, f"{LONG}?per_page=50", ADMIN)
            assert rows_of(pages) == lists.rows
        assert all("hit" in page.cache for page in pages)
        assert lists.asked.count("1") == 2  # of the whole, and of its first page


async def test_a_list_may_be_kept_page_by_page_from_the_start(larder):
    config = {"courseworks": {"endpoints": {"GET /api/v1/courses": {"collection": {"whole": False}}}}}
    async with larder(upstreams=config) as home:
        await walk(home, f"{COURSES}?per_page=5", ADA)

        assert await home.calls(f"{COURSES}*") == 3


def bookmark(text):
    return quote("bookmark:" + base64.urlsafe_b64encode(json.dumps(text).encode()).decode().rstrip("="), safe="")


async def test_a_bookmark_of_another_list_leads_nowhere(larder):
    async with larder() as home:
        first = await home.get(f"{ROSTER}?per_page=20", headers=bearer(CY))
        page = links(first)["next"].partition("?")[2]
        for path, token in ((MADE, CY), (f"{ROSTER}?include[]=email&", CY), (ROSTER, ADMIN)):
            refused = await home.get(f"{path}{'' if '?' in path else '?'}{page}", headers=bearer(token))

            assert refused.status == 404
            assert refused.json == {"errors": [{"message": "The specified resource does not exist."}]}


@pytest.mark.parametrize(
    "page", ["bookmark:nonsense", "bookmark:", bookmark(["larder"]), bookmark(["other", "a", "b", 1, 2]), "bookmark:2"]
)
async def test_what_larder_did_not_write_canvas_has_to_read(larder, page):
    async with larder() as home:
        await home.get(f"{ROSTER}?per_page=20", headers=bearer(CY))
        here = await home.get(f"{ROSTER}?per_page=20&page={page}", headers=bearer(CY))
        there = await at_canvas(home, f"{ROSTER}?per_page=20&page={page}")

        assert (here.status, here.json) == (there.status, there.json)


@pytest.mark.parametrize("course", ["565", "2107~565", "21070000000000565", "sis_course_id:2026F%2DMADE1001"])
async def test_a_list_has_its_tags_whatever_its_object_is_called(larder, course):
    async with larder() as home:
        path = f"{API}/courses/{course}/users?per_page=20"
        before = await home.get(path, headers=bearer(CY))
        person = {"enrollment[user_id]": str(ids(before)[0]), "enrollment[type]": "StudentEnrollment"}
        wrote = await home.ask("POST", f"{API}/courses/565/enrollments", headers=bearer(ADMIN), data=person)

        await home.settled()
        after = await home.get(path, headers=bearer(CY))

        assert (before.status, wrote.status) == (200, 200)
        assert "hit" not in after.cache or "ttl=5" in after.cache  # fetched anew behind the write, since it is hot
        journal = (await home.control("journal", method="GET"))["requests"]
        assert sum(entry["path"].endswith("/users") for entry in journal) == 2


async def test_two_people_have_lists_of_their_own(larder):
    async with larder() as home:
        hers, his = [await walk(home, f"{COURSES}?per_page=3", token) for token in (ADA, BEN)]

        assert len(rows_of(hers)) == 14
        assert len(rows_of(his)) == 7
        assert await home.calls(f"{COURSES}*") == 2


async def test_a_head_and_a_condition_are_answered_from_the_list(larder):
    async with larder() as home:
        found = await home.get(f"{COURSES}?per_page=5", headers=bearer(ADA))
        again = await home.get(f"{COURSES}?per_page=5", headers=bearer(ADA))
        tag = again.headers["ETag"]
        same = await home.get(f"{COURSES}?per_page=5", headers=bearer(ADA, **{"If-None-Match": tag}))
        head = await home.ask("HEAD", f"{COURSES}?per_page=5", headers=bearer(ADA))

        assert (same.status, same.body, same.headers["ETag"]) == (304, b"", tag)
        assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(len(again.body)))
        assert links(head) == links(again)
        assert found.body == again.body
        assert await home.calls(f"{COURSES}*") == 1


# what happens to a list while its pages come: (before which page, what). They come one by one: 1, the last, 2, 3, …
MOVES = {
    "a row goes from a page that was fetched": ("5", lambda rows: rows.pop(150)),
    "a row goes from a page that is next": ("5", lambda rows: rows.pop(420)),
    "a row comes to a page that was fetched": ("5", lambda rows: rows.insert(150, {"id": 9_999})),
    "a row comes to a page that is next": ("2", lambda rows: rows.insert(150, {"id": 9_999})),
    "a row moves to an earlier page": ("5", lambda rows: rows.insert(150, rows.pop(620))),
    "a row moves to a later page": ("5", lambda rows: rows.insert(620, rows.pop(150))),
    "a row moves before the last page": ("5", lambda rows: rows.insert(620, rows.pop(450))),
    "a page more follows": ("6", lambda rows: rows.extend({"id": 10_000 + number} for number in range(60))),
    "the last page goes": ("6", lambda rows: rows.__delitem__(slice(600, None))),
}


@pytest.mark.parametrize("what", MOVES)
async def test_whatever_one_row_does_while_a_numbered_list_is_fetched_none_is_lost(larder, origin_of, what):
    lists, upstreams = await origin_of(650)
    before, happens = MOVES[what]
    lists.before[before] = lambda: happens(lists.rows)
    async with larder(upstreams=merged(upstreams, {"courseworks": {"concurrency": {"credential": 1}}})) as home:
        await walk(home, f"{LONG}?per_page=100", ADMIN)
        await home.settled()
        lists.asked.clear()
        pages = await walk(home, f"{LONG}?per_page=70", ADMIN)

        assert rows_of(pages) == lists.rows
        assert not lists.asked


@pytest.mark.parametrize(("recheck", "is_found"), [("ends", False), ("all", True)])
async def test_what_two_changes_hide_from_each_other_only_a_look_at_all_pages_finds(
    larder, origin_of, recheck, is_found
):
    lists, upstreams = await origin_of(650)
    lists.before["4"] = lambda: lists.rows.insert(550, {"id": 9_999, "was": lists.rows.pop(150)["id"]})
    tuned = {"courseworks": {"concurrency": {"credential": 1}, "collection": {"recheck": recheck}}}
    async with larder(upstreams=merged(upstreams, tuned)) as home:
        await walk(home, f"{LONG}?per_page=100", ADMIN)
        await home.settled()

        assert (rows_of(await walk(home, f"{LONG}?per_page=100", ADMIN)) == lists.rows) is is_found


async def test_a_look_at_all_pages_finds_what_bookmarks_hide_too(larder, origin_of):
    lists, upstreams = await origin_of(650, numbered=False)
    lists.before["bookmark:400"] = lambda: lists.rows.pop(150)  # whose bookmarks are places, not rows
    async with larder(upstreams=merged(upstreams, {"courseworks": {"collection": {"recheck": "all"}}})) as home:
        await walk(home, f"{LONG}?per_page=100", ADMIN)
        await home.settled()

        assert rows_of(await walk(home, f"{LONG}?per_page=100", ADMIN)) == lists.rows
