"""Playing: a fault from its beginning to its end, and what was seen of it."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from tests.faults.providers import Provider
from tests.faults.scene import Said, Scene, scene

CALLERS = 4  # who come at the same time for what is stored
QUIET = 3  # callers one after the other for whom no call is made: it was noticed
MOST = 9  # callers who come for what nobody has, unless it is noticed before
LONGEST = 120  # seconds of patience with an upstream that is well again


class Trouble(Protocol):
    """What goes wrong at a place, from entering until leaving."""

    def __call__(self, there: Scene, /) -> AbstractAsyncContextManager[None]: ...


@dataclass(frozen=True)
class Fault:
    """A fault. `stage`: what holds from before it until after it, and says more of the scene."""

    name: str
    trouble: Trouble
    tuned: Mapping[str, Any] = field(default_factory=dict)  # settings of the upstream while it lasts
    stage: Any = nullcontext

    def staged(self) -> AbstractContextManager[dict[str, Any]]:
        """Its stage."""
        return self.stage({}) if self.stage is nullcontext else self.stage()


class Seen(NamedTuple):
    """What became of everybody while an upstream failed, and after."""

    fault: str
    upstream: str
    warm: tuple[str, ...]  # what those with something stored saw at first, each once
    cold: tuple[str, ...]  # and those without, in their order
    after: tuple[str, ...]  # and those with something stored, after these
    calls: int  # made while it failed
    notice: int | None  # calls until no more were made; None: they went on
    recover: float | None  # seconds from its being well until all is as it was; None: it never was
    stale: int  # how many of those with something stored were given it
    lost: tuple[str, ...]  # what was good and is no more, or never was and was kept
    unread: tuple[str, ...]  # errors that the upstream's SDK cannot read, or that do not say when to come again


class Heard(NamedTuple):
    """What callers said they saw: those with something stored, those without, and the former again."""

    warm: list[Said]
    cold: list[Said]
    after: list[Said]
    calls: int  # made while they asked


async def play(fault: Fault, provider: Provider, folder: Path) -> Seen:
    """A good answer is stored and grows old. Then the upstream fails while callers come, and is well again."""
    with fault.staged() as stage:
        async with scene(provider, folder, **stage) as there:
            await there.begin()
            async with fault.trouble(there):
                there.tune(**fault.tuned)
                heard = await _heard(there)
            there.tune()
            recover, unsound = await _recovered(there), await wrong(there)
    warm, cold, after, calls = heard
    return Seen(
        fault=fault.name,
        upstream=str(provider),
        warm=each(warm),
        cold=each(cold),
        after=each(after),
        calls=calls,
        notice=None if any(one.calls for one in cold[-QUIET:]) else calls,
        recover=recover,
        stale=sum(bool(one.why) and one.body == there.kept for one in warm + after),
        lost=(*(one.words for one in warm + after if _is_bad(one)), *unsound),
        unread=tuple(one.words for one in warm + cold + after if not _is_readable(one, there)),
    )


async def _heard(there: Scene) -> Heard:
    warm = await there.warm(CALLERS)
    cold = await _strangers(there)
    return Heard(warm, cold, await there.warm(CALLERS), there.calls)


async def _strangers(there: Scene) -> list[Said]:
    """Callers for what nobody has, one after the other, until it is noticed."""
    answers: list[Said] = []
    while len(answers) < MOST and (len(answers) < QUIET or any(one.calls for one in answers[-QUIET:])):
        answers.append(await there.cold())
    return answers


async def _recovered(there: Scene) -> float | None:
    """Seconds, by Larder's clock, until a caller with something stored and one without get what is true."""
    began = there.clock.now
    while there.clock.now <= began + LONGEST:
        known, new = await there.ask(0), await there.ask(there.asked)
        if not known.why and not new.why and known.status == new.status == 200:
            return there.clock.now - began
        there.clock.advance(1)
    return None


def _is_bad(said: Said) -> bool:
    """Whether something was given that is no answer, as if it were one."""
    return said.status == 200 and said.is_whole and said.meaning is None


async def wrong(there: Scene) -> list[str]:
    """What is read once all is well, and is not what the upstream itself says."""
    found = []
    for number in range(there.asked + 1):
        said, truth = await there.ask(number), await there.truth(number)
        if said.meaning is None or said.meaning != truth.meaning:
            found.append(f"number {number}: {said.words}")
    return found


def _is_readable(said: Said, there: Scene) -> bool:
    """Whether the provider's SDK can read an error, and hears when to come again where it has to."""
    is_passed_on = said.meaning is None  # no JSON, and `words` say so
    if said.status < 400 and (not said.why or said.body == there.kept or is_passed_on):
        return True
    if not there.provider.reads_error(said.body, said.headers.get("Content-Type", "")):
        return False
    wait = said.headers.get("Retry-After", "")
    has_to_say = said.status in (429, 503) and not _is_theirs(said, there.provider)
    return not has_to_say or (wait.isdecimal() and int(wait) >= 1)


def _is_theirs(said: Said, provider: Provider) -> bool:
    """An upstream's own words, of one whose words are passed on as they came."""
    return provider.block.get("adapter") == "http" and "fwd-status" in said.headers["Cache-Status"]


def each(answers: Sequence[Said]) -> tuple[str, ...]:
    """Each once, in their order."""
    return tuple(dict.fromkeys(one.words for one in answers))
