"""Undoing: the latest change of a thing is taken back by one call, as long as Larder remembers what was before it.

What was before is kept in memory only: the text of a config may hold secrets.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Generic, NamedTuple, TypeVar

from proxy.operating.audit import Audit, By, Record

KEPT = 20  # changes of each thing that can be undone

T = TypeVar("T")

CONFIG = "config"

_NEVER = {
    "flush": "A flush cannot be undone: what was forgotten is forgotten.",
    "undo": "This change is itself an undoing; make the change that it took back again.",
    "start": "The start of a process cannot be undone.",
    "end": "The end of a process cannot be undone.",
}


class UnknownChange(Exception):
    """There is no such change on record."""


class CannotUndo(Exception):
    """A change cannot be taken back; one sentence says why."""


class Step(NamedTuple, Generic[T]):
    """A change that may be taken back: what it changed, and what was before."""

    change: str
    thing: str
    before: T


class Steps(Generic[T]):
    """The changes that may be taken back: of each thing the newest, and when it is undone the one before it."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._steps: list[Step[T]] = []

    def made(self, change: str, thing: str, before: T) -> None:
        """A thing was changed."""
        self._steps.append(Step(change, thing, before))
        of_it = [step for step in self._steps if step.thing == thing]
        if len(of_it) > self._kept:
            self._steps.remove(of_it[0])

    @property
    def open(self) -> dict[str, Step[T]]:
        """Those that may be taken back now, by change."""
        newest = {step.thing: step for step in self._steps}
        return {step.change: step for step in self._steps if newest[step.thing] is step}

    @property
    def newest(self) -> str | None:
        """The latest change that may be taken back."""
        return self._steps[-1].change if self._steps else None

    def find(self, change: str) -> Step[T]:
        """The step of a change that may be taken back. Raises CannotUndo."""
        found = next((step for step in self._steps if step.change == change), None)
        if found is None:
            raise CannotUndo("What was before this change is not remembered any more.")
        later = next(step.change for step in reversed(self._steps) if step.thing == found.thing)
        if later != change:
            raise CannotUndo(f"It was changed again since, by {later}; undo that first.")
        return found

    def undone(self, change: str) -> None:
        """It was taken back."""
        self._steps = [step for step in self._steps if step.change != change]


Undo = Callable[[Step[Any], By], Awaitable[dict[str, Any]]]
"""Takes a step back; what came of it, as it is answered. Raises CannotUndo."""


class Undoing:
    """Takes changes back."""

    def __init__(self, audit: Audit, steps: Steps[Any], config: Undo, order: Undo) -> None:
        """`config` takes a config back, `order` an order on an upstream."""
        self._audit = audit
        self._steps = steps
        self._config = config
        self._order = order

    async def undo(self, change: str | None, by: By) -> dict[str, Any]:
        """Take a change back, or the latest that can be. Raises UnknownChange, CannotUndo."""
        change = change or self._steps.newest
        if change is None:
            raise CannotUndo("There is no change that can be undone.")
        step = self._step(change)
        undo = self._config if step.thing == CONFIG else self._order
        return {"undone": change, **await undo(step, by)}

    def _step(self, change: str) -> Step[Any]:
        record = self._audit.find(change)
        if record is not None:
            self._check(record)
        elif change not in self._steps.open:
            raise UnknownChange
        return self._steps.find(change)

    def _check(self, record: Record) -> None:
        if record.what in _NEVER:
            raise CannotUndo(_NEVER[record.what])
        taken_back = next((one for one in self._audit.newest(len(self._audit)) if one.undoes == record.id), None)
        if taken_back is not None:
            raise CannotUndo(f"It is undone already, by {taken_back.id}.")
