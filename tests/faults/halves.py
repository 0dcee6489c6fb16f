"""Halves: two of the four places that answer for an upstream fail, and callers should not notice."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from tests.faults.places import Place
from tests.faults.playing import CALLERS, LONGEST, Seen, each, wrong
from tests.faults.providers import Provider
from tests.faults.scene import Scene, scene

ENOUGH = 3  # calls that have to fail before the circuit of a place opens
COOLDOWN = 30
COLD = 16  # callers
GUARDS: dict[str, Any] = {
    "breaker": {"minimum_calls": ENOUGH, "cooldown": COOLDOWN},
    "retry": {"attempts": 3, "floor": "100/s"},
}
HASTY = {"timeout": {"attempt": "500ms", "total": "20s"}}  # only where it hangs: the others need their time too
Failing = Callable[[Scene, Place], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def refused(_there: Scene, place: Place) -> AsyncIterator[None]:
    """Nobody listens there."""
    await place.switch_off()
    yield
    await place.switch_on()


def struck(kind: str) -> Failing:
    """A fault of the sandbox there."""

    @asynccontextmanager
    async def failing(there: Scene, place: Place) -> AsyncIterator[None]:
        place.fail(there.provider.side, kind)
        yield
        place.heal()

    return failing


HALVES: dict[str, Failing] = {
    "half of it refused": refused,
    "half of it answers 503": struck("status"),
    "half of it hangs": struck("hang"),
}


async def play_half(name: str, provider: Provider, folder: Path) -> Seen:
    """A good answer is stored and grows old. Then half of the places fail while callers come, and are well again.

    `notice` counts the calls that the failing places got until they were left alone.
    """
    guards = GUARDS | HASTY if "hangs" in name else GUARDS
    async with scene(provider, folder, places=tuple(Place() for _ in range(4)), **guards) as there:
        await there.begin()
        async with AsyncExitStack() as stack:
            for place in there.places[:2]:
                await stack.enter_async_context(HALVES[name](there, place))
            warm = await there.warm(CALLERS)
            cold = [await there.cold() for _ in range(COLD)]
            calls = there.calls
            after = await there.warm(CALLERS)
        recover = await _all_asked(there)
        lost = await wrong(there)
    return Seen(
        fault=name,
        upstream=str(provider),
        warm=each(warm),
        cold=each(cold),
        after=each(after),
        calls=calls,
        notice=None if any(one.calls > 1 for one in cold[-3:]) else calls - COLD - 1,
        recover=recover,
        stale=sum(bool(one.why) for one in warm + after),
        lost=tuple(lost),
        unread=(),
    )


async def _all_asked(there: Scene) -> float | None:
    """Seconds until every place is asked again."""
    began, before = there.clock.now, [place.arrived(there.provider.side) for place in there.places]
    while there.clock.now <= began + LONGEST:
        for _ in range(2 * len(there.places)):
            await there.cold()
        arrived = [place.arrived(there.provider.side) for place in there.places]
        if all(now > then for now, then in zip(arrived, before, strict=True)):
            return there.clock.now - began
        there.clock.advance(5)
    return None
