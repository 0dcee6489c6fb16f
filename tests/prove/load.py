"""The load: readers, operators, writers and notifiers on every instance, as one seed says, until told to end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Any, NamedTuple

import aiohttp

from tests.prove.asking import Client
from tests.prove.history import History, Purge, Scope, Sighting
from tests.prove.instances import Instance
from tests.prove.origin import ALL, COURSES, LISTED, MINE, SHELVES, THINGS, Origin, partition_tag, tags_of

TOKENS = ("prove-ada", "prove-ben", "prove-cy")
THING_COUNT, MINE_COUNT, COURSE_COUNT = 12, 4, 8
_READERS = 4  # for each instance
_WATCHED_FOR = 0.5  # seconds in which another instance is asked, and asked again, what was purged


class Flush(NamedTuple):
    """What an operator may order, and what it reaches."""

    order: dict[str, Any]
    tag: str


class Scene(NamedTuple):
    """Who acts on what."""

    history: History
    origin: Origin
    instances: Sequence[Instance]
    partitions: dict[str, str]  # token → the principal, as operators know it

    async def up(self, random: Random) -> Instance:
        """One of the instances that run; there will be one."""
        while not (running := [one for one in self.instances if one.is_up]):
            await asyncio.sleep(0.05)
        return random.choice(running)


Loop = Callable[[Scene, Client, Random], Awaitable[None]]


@asynccontextmanager
async def under_load(scene: Scene, seed: str) -> AsyncIterator[None]:
    """Everything that is asked for, meanwhile."""
    ended = asyncio.Event()
    loops = [(_read_on(instance), f"{instance.name}/{one}") for instance in scene.instances for one in range(_READERS)]
    loops += [(_flush_once, "flush/1"), (_flush_once, "flush/2"), (_write_once, "write"), (_notify_once, "notify")]
    loops += [(_change_once, "change"), (_fail_once, "fail")]
    tasks = [asyncio.create_task(_repeat(loop, scene, Random(f"{seed}/{name}"), ended)) for loop, name in loops]
    try:
        yield
    finally:
        ended.set()
        await asyncio.gather(*tasks)


async def purge_widely(scene: Scene, instance: Instance, random: Random) -> None:
    """Purge much at once, on one instance; nobody waits to see it."""
    upstream = random.choice(("groups", "courseworks"))
    async with aiohttp.ClientSession() as session:
        client, tags = Client(scene.history, session), frozenset({upstream})
        await client.flush(instance, {"upstream": upstream}, tags, hard=random.random() < 0.3)


async def read_all(scene: Scene) -> None:
    """Ask every instance for everything."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=8)) as session:
        client = Client(scene.history, session)
        asked = [client.read(instance, *one) for instance in scene.instances for one in everything()]
        await asyncio.gather(*asked)


def everything() -> list[tuple[str, str]]:
    """All keys, each with all tokens it is for."""
    keys = [(f"{THINGS}{number}", "") for number in range(THING_COUNT)]
    for token in TOKENS:
        keys += [(f"{MINE}{number}", token) for number in range(MINE_COUNT)]
        keys += [(f"{COURSES}/{number}", token) for number in range(1, COURSE_COUNT + 1)]
        keys.append((COURSES, token))
    return keys


async def _repeat(loop: Loop, scene: Scene, random: Random, ended: asyncio.Event) -> None:
    while not ended.is_set():
        # A new connection now and then: each worker gets some.
        async with aiohttp.ClientSession() as session:
            for _ in range(random.randrange(1, 40)):
                if not ended.is_set():
                    await loop(scene, Client(scene.history, session), random)


def _read_on(instance: Instance) -> Loop:
    async def read_once(_: Scene, client: Client, random: Random) -> None:
        if not instance.is_up:
            await asyncio.sleep(0.05)
            return
        key, token = random.choice(everything())
        headers = {"Cache-Control": "no-cache"} if random.random() < 0.03 else {}
        await client.read(instance, key, token, **headers)
        await asyncio.sleep(random.random() * 0.02)

    return read_once


async def _flush_once(scene: Scene, client: Client, random: Random) -> None:
    await asyncio.sleep(random.random() * 0.4)
    flush, instance, is_hard = _some_flush(scene, random), await scene.up(random), random.random() < 0.4
    others = [one for one in scene.instances if one is not instance and one.is_up]
    watching = None
    if others and random.random() < 0.6:
        key, token = random.choice([one for one in everything() if flush.tag in tags_of(*one)])
        await client.read(other := random.choice(others), key, token)
        watching = asyncio.create_task(_watch(scene, client, other, key, token))
    purge = await client.flush(instance, flush.order, frozenset({flush.tag}), hard=is_hard)
    seen = await watching if watching is not None else None
    if seen is not None:
        scene.history.sightings.append(Sighting(purge.number, seen))
    await _look(scene, client, flush.tag, random)


async def _look(scene: Scene, client: Client, tag: str, random: Random) -> None:
    """Ask all for something that was just purged: over two connections, which two workers may have."""
    key, token = random.choice([one for one in everything() if tag in tags_of(*one)])
    running = [instance for instance in scene.instances if instance.is_up]
    await asyncio.gather(*(client.read(instance, key, token) for instance in running for _ in range(2)))


async def _watch(scene: Scene, client: Client, instance: Instance, key: str, token: str) -> float | None:
    """Ask until something new comes; when that was asked for."""
    start = scene.history.clock()
    while scene.history.clock() < start + _WATCHED_FOR:
        read = await client.read(instance, key, token)
        if read is None:
            return None
        if scene.history.calls[read.call].at >= start:
            return read.start
    return None


def _some_flush(scene: Scene, random: Random) -> Flush:
    course = f"courseworks/course:{random.randint(1, COURSE_COUNT)}"
    listed = f"courseworks/in:course:{random.randint(1, LISTED)}"
    shelf = f"groups/group:shelf-{random.randrange(SHELVES)}"
    token, upstream = random.choice(TOKENS), random.choice(("groups", "courseworks"))
    choices = [
        (30, Flush({"tag": course}, course)),
        (10, Flush({"tag": listed}, listed)),
        (20, Flush({"tag": shelf}, shelf)),
        (4, Flush({"principal": scene.partitions[token]}, partition_tag("courseworks", token))),
        (2, Flush({"upstream": upstream}, upstream)),
        (1, Flush({"all": True}, ALL)),
    ]
    return random.choices([flush for _, flush in choices], [weight for weight, _ in choices])[0]


async def _write_once(scene: Scene, client: Client, random: Random) -> None:
    """A change through Larder; then what was written is read, everywhere."""
    await asyncio.sleep(random.random() * 0.4)
    token = random.choice(TOKENS)
    if random.random() < 0.5:
        number = random.randint(1, COURSE_COUNT)
        method, key = "PUT", f"{COURSES}/{number}"
        tags = frozenset({f"courseworks/course:{number}", f"courseworks/in:course:{number}"})
    else:
        method, key = "POST", f"{THINGS}{random.randrange(THING_COUNT)}"
        tags = frozenset({key})
    await client.write(await scene.up(random), method, key, token, tags)
    await _look(scene, client, min(tags), random)


async def _notify_once(scene: Scene, client: Client, random: Random) -> None:
    """The truth changes, and the upstream tells of it, as often as it takes."""
    await asyncio.sleep(random.random() * 0.4)
    number = random.randint(1, COURSE_COUNT)
    tags = frozenset({f"courseworks/course:{number}", f"courseworks/in:course:{number}"})
    scene.origin.change(f"{COURSES}/{number}")
    delivery, first = f"msg_{random.getrandbits(64):x}", scene.history.clock()
    for again in range(3):
        told: Purge = await client.notify(await scene.up(random), delivery, tags, first if again else None)
        if told.scope is Scope.EVERYWHERE:
            await _look(scene, client, min(tags), random)
            return
        await asyncio.sleep(0.3)


async def _change_once(scene: Scene, _: Client, random: Random) -> None:
    """The truth changes, and nobody tells."""
    await asyncio.sleep(random.random() * 0.5)
    scene.origin.change(f"{THINGS}{random.randrange(THING_COUNT)}")


async def _fail_once(scene: Scene, _: Client, random: Random) -> None:
    """An upstream fails for a while: then what was purged softly may stand in, and nothing else."""
    await asyncio.sleep(1 + 3 * random.random())
    async with scene.origin.fails(random.choice(("groups", "courseworks")), random.choice(("errs", "breaks off"))):
        await asyncio.sleep(0.3 + 1.2 * random.random())
