"""The tour: nine steps, each with a promise, what is done, and what has to be seen for the promise to be kept."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from proxy.demo.configuration import COOLDOWN, REFRESH_AFTER, TTL
from proxy.demo.stage import ADA, BEN, COURSES, NOBODY, OWN_COURSES, Reading, Stage

METHODS = 565  # the course that changes
DETAILS = tuple(f"{COURSES}/{number}" for number in (METHODS, 101, 102))
MANY = 30  # reads while CourseWorks is off
FEW = 6  # calls they may cost it: an attempt's retries, until the circuit opens
NEW_NAME = "Made-up Methods, renamed"


class Check(NamedTuple):
    """One thing that has to be seen."""

    what: str
    seen: bool


Checks = list[Check]


class Step(NamedTuple):
    """A stop on the tour."""

    title: str
    promise: str
    play: Callable[[Stage], Awaitable[Checks]]


async def first_read(stage: Stage) -> Checks:
    """A miss. The second call is `users/self`: whose token it is, learned once, so that events find Ada's list."""
    before = await stage.calls()
    reading = await stage.read()
    return [
        Check("it is a miss, answered by CourseWorks and stored", _fetched(reading, "miss")),
        Check("the courses are there", METHODS in _ids(reading)),
        Check("it costs two upstream calls: the list, and once per token whose it is", reading.calls == before + 2),
    ]


async def second_read(stage: Stage) -> Checks:
    """A hit."""
    before = await stage.calls()
    reading = await stage.read()
    return [
        Check("it is a hit", reading.status == 200 and reading.is_hit),
        Check("no upstream call", reading.calls == before),
    ]


async def read_past_refresh_after(stage: Stage) -> Checks:
    """A hit that sets off a refresh."""
    await stage.wait(REFRESH_AFTER + 0.1, f"refresh_after is {REFRESH_AFTER:g} s")
    before = await stage.calls()
    old = await stage.read()

    async def refreshed() -> bool:
        return await stage.calls() > before and (await stage.read(quietly=True)).age < old.age

    came = await stage.until(refreshed)
    new = await stage.read()
    return [
        Check("answered at once from the cache, though it is due", old.is_hit and old.age >= 1),
        Check("refreshed behind: one upstream call, no caller waits", came and new.calls == before + 1),
        Check("the next read has the refreshed answer", new.is_hit and new.age < old.age),
    ]


async def change_and_notification(stage: Stage) -> Checks:
    """A purge by a signed Live Event."""
    before = await stage.read()
    statuses = await stage.change(kind="rename_course", course_id=METHODS, name=NEW_NAME)
    after = await stage.read()
    return [
        Check("the old name came from the cache", before.is_hit and NEW_NAME not in _names(before)),
        Check("the event was taken", bool(statuses) and all(200 <= status < 300 for status in statuses)),
        Check("the next read asks CourseWorks and has the new name", _fetched(after) and NEW_NAME in _names(after)),
    ]


async def operators_flush(stage: Stage) -> Checks:
    """A purge by the admin API."""
    before = await stage.read()
    answer = await stage.flush({"endpoint": f"courseworks GET {COURSES}"})
    after = await stage.read()
    return [
        Check("it was cached", before.is_hit),
        Check("the flush met it, and is durable", answer.get("met", 0) >= 1 and answer.get("durable") is True),
        Check("the next read asks CourseWorks", _fetched(after) and after.calls == before.calls + 1),
    ]


async def switched_off(stage: Stage) -> Checks:
    """Stale answers, and an upstream that is left in peace."""
    for path in DETAILS:
        await stage.read(path)
    await stage.switch_off()
    await stage.wait(TTL + 0.1, f"ttl is {TTL:g} s, so nothing is fresh any more")
    before = await stage.calls()
    readings = [await stage.read(), *[await stage.read(path) for path in DETAILS]]
    while len(readings) < MANY:
        readings += [await stage.read(path, quietly=True) for path in (OWN_COURSES, *DETAILS)]
    spent = await stage.calls() - before
    circuit = await stage.circuit()
    stage.say(f"{len(readings)} reads while it is off: {spent} upstream calls; the circuit is {circuit}.")
    return [
        Check("every read is answered, with its age", all(one.status == 200 and one.age >= 1 for one in readings)),
        Check("the circuit opens", circuit != "closed" and any("circuit-open" in one.cache for one in readings)),
        Check(f"no hammering: at most {FEW} upstream calls for {len(readings)} reads", 1 <= spent <= FEW),
    ]


async def switched_on(stage: Stage) -> Checks:
    """Recovery through one probe."""
    await stage.switch_on()
    await stage.wait(COOLDOWN + 0.2, f"the breaker's cooldown is {COOLDOWN:g} s")
    first = await stage.read(quietly=True)

    async def recovered() -> bool:
        nonlocal first
        first = first if _fetched(first) else await stage.read(quietly=True)
        return _fetched(first)

    await stage.until(recovered)
    stage.show(first)
    second = await stage.read()
    return [
        Check("reads have CourseWorks' own answer again", _fetched(first) and NEW_NAME in _names(first)),
        Check("the circuit is closed", await stage.circuit() == "closed"),
        Check("the next is a hit", second.is_hit),
    ]


async def second_student(stage: Stage) -> Checks:
    """Another principal, another partition."""
    ada = await stage.read()
    ben = await stage.read(token=BEN)
    again = await stage.read(token=BEN)
    return [
        Check("Ben's first read is a miss, though Ada's answer is there", ada.is_hit and _fetched(ben, "miss")),
        Check("he sees his own courses, not hers", bool(_ids(ben)) and _ids(ben) < _ids(ada)),
        Check("and under his own name for one of them", "Methods (Tuesdays)" in _names(ben)),
        Check("his second read is a hit with his own data", again.is_hit and again.json == ben.json),
    ]


async def unknown_token(stage: Stage) -> Checks:
    """A credential nobody knows gets nothing from the cache, and ends nothing."""
    before = await stage.calls()
    nobody = await stage.read(token=NOBODY)
    ada = await stage.read(token=ADA)
    return [
        Check("it goes upstream and is refused there", nobody.status == 401 and nobody.calls > before),
        Check("Ada's answer is still in the cache", ada.is_hit),
    ]


TOUR = (
    Step("First read", "Nobody asked before: CourseWorks is asked, and its answer kept.", first_read),
    Step("Second read", "The same again: from memory, for nothing.", second_read),
    Step("A read past refresh_after", "Answered at once; refreshed behind.", read_past_refresh_after),
    Step("A change in CourseWorks", "Its signed notification purges; the next read is new.", change_and_notification),
    Step("A flush", "An operator says: not this any more. The next read asks.", operators_flush),
    Step("CourseWorks is down", "The last good answer stays; nobody hammers what is down.", switched_off),
    Step("CourseWorks is back", "One probe, and all is as before.", switched_on),
    Step("A second student", "Ben asks for the same URL and never gets what is Ada's.", second_student),
    Step("A token nobody knows", "Judged by CourseWorks, never by the cache.", unknown_token),
)


def _fetched(reading: Reading, why: str = "") -> bool:
    """Whether CourseWorks gave this answer just now, and it was kept."""
    return (
        reading.status == 200
        and f"fwd={why}" in reading.cache
        and any(f"fwd-status={status}; " in f"{reading.cache}; " for status in (200, 304))
    )


def _ids(reading: Reading) -> frozenset[int]:
    return frozenset(course["id"] for course in reading.json)


def _names(reading: Reading) -> list[str]:
    return [course["name"] for course in reading.json]
