"""Rules as scripts: what a caller asks, what the origin says, how much time passes, and what each must have seen.

    Rule(
        "max-age keeps an answer fresh for that long",
        "RFC 9111 §5.2.2.1",
        ask(origin=says(200, "a", cache_control="max-age=10")),
        wait(9),
        ask(expect=cached("a", age=9)),
        wait(1),
        ask(origin=says(200, "b"), expect=fetched("b")),
    )

An `ask` without `origin` must not reach the origin. One with it must: once, or once for each of a list; before the
caller has its answer or, where that is stale, behind it. Without `expect` the caller must get what the origin said.
Fields are keywords with `_` for `-`. Numbers in date fields are seconds since the rule began.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tests.house import Clock, running_larder
from tests.origin import Seen
from tests.stories.http.expectations import (
    Expected,
    breaks_off,
    cached,
    fails,
    fetched,
    gets,
    has,
    stands_in,
    validated,
)
from tests.stories.http.sayings import Reply, Says, hangs_up, says, serves
from tests.stories.http.scene import ANY, ASCTIME, IMF, RFC850, Fields, Moment, Scene, Value
from tests.stories.http.wires import Got, call, raw_origin

__all__ = [
    "ANY",
    "ASCTIME",
    "IMF",
    "RFC850",
    "Moment",
    "Rule",
    "ask",
    "breaks_off",
    "cached",
    "fails",
    "fetched",
    "gets",
    "hangs_up",
    "has",
    "play",
    "says",
    "serves",
    "stands_in",
    "validated",
    "wait",
]


class Step(Protocol):
    """One line of a script."""

    async def act(self, scene: Scene) -> None:
        """Do it, and assert what it must bring about."""


class Rule:
    """A rule, where it is from, the script that shows it, and what it needs of the upstream's config."""

    def __init__(self, name: str, source: str, *steps: Step, **config: Any) -> None:
        self.name, self.source, self.steps, self.config = name, source, steps, config

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Wait:
    """Time passes, in seconds."""

    seconds: float

    async def act(self, scene: Scene) -> None:
        scene.clock.advance(self.seconds)


def wait(seconds: float) -> Wait:
    """Let so many seconds pass."""
    return Wait(seconds)


@dataclass(frozen=True)
class Ask:
    """A request, and what becomes of it on both sides."""

    method: str
    path: str
    body: str
    origin: Sequence[Reply]
    sees: Fields
    expect: Expected
    fields: Fields

    async def act(self, scene: Scene) -> None:
        before = len(scene.origin.seen)
        scene.origin.answer = self._answering(before, scene)
        lines = scene.lines(self.fields)
        got = await call(scene.port, self.method, f"/mirror{self.path}", lines, self.body.encode())
        await scene.larder.engine.drain()
        self.expect.check(got, scene)
        self._check_asked(scene.origin.seen[before:], got, scene)

    def _answering(self, before: int, scene: Scene) -> Callable[[Seen], tuple[bytes, bool]]:
        """The replies one after the other; the last one again, if it repeats."""

        def answer(seen: Seen) -> tuple[bytes, bool]:
            number = len(scene.origin.seen) - before
            if number > len(self.origin) and not (self.origin and self.origin[-1].repeats):
                return Says(500, "nobody should have asked", {}).bytes_for(seen, scene)
            return self.origin[min(number, len(self.origin)) - 1].bytes_for(seen, scene)

        return answer

    def _check_asked(self, asked: Sequence[Seen], got: Got, scene: Scene) -> None:
        told = f"asked {len(asked)} times; the caller got {got.status} {got.body!r} ({got.value('Cache-Status')})"
        least = len(self.origin)
        if self.origin and self.origin[-1].repeats:
            assert len(asked) >= least, f"the origin should have been asked at least {least} times, but was {told}"
        else:
            assert len(asked) == least, f"the origin should have been asked {least} times, but was {told}"
        for name, value in self.sees.items():
            found = asked[0].all(name)
            scene.check(name, ", ".join(found) if found else None, value, "the origin saw that ")


def ask(
    method: str = "GET",
    path: str = "/a",
    *,
    body: str = "",
    origin: Reply | Sequence[Reply] = (),
    sees: Fields | None = None,
    expect: Expected | None = None,
    **fields: Value,
) -> Ask:
    """A caller's request. `sees`: fields of the first request that the origin got for it, by their names."""
    replies = tuple(origin) if isinstance(origin, Sequence) else (origin,)
    return Ask(method, path, body, replies, sees or {}, expect or _as_said(method, replies), fields)


def _as_said(method: str, replies: Sequence[Reply]) -> Expected:
    said = replies[-1] if replies else None
    if not isinstance(said, Says):
        raise TypeError("say what the caller must get")
    return Expected((said.status,), said.body if said.has_body and method != "HEAD" else "")


async def play(rule: Rule) -> None:
    """Run a rule's script on a Larder of its own."""
    clock = Clock()
    async with raw_origin(lambda _seen: (b"", False)) as there:
        block = {"adapter": "http", "base_url": there.url, **rule.config}
        config = {"server": {"port": 0}, "store": {"durable": "none"}, "upstreams": {"mirror": block}}
        async with running_larder(config, clock.clocks) as (larder, _log):
            scene = Scene(larder, clock, there, clock.now)
            for number, step in enumerate(rule.steps, 1):
                try:
                    await step.act(scene)
                except AssertionError as error:
                    error.add_note(f"Step {number} of “{rule}” ({rule.source}): {step}")
                    raise
