"""Draft: what a config says, with what is wrong in it taken out, so that mistakes in the rest are told as well.

What only follows from a mistake that was told already is not told: no `base_url` because it was no address, say.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from proxy.config.file import ConfigFile, ConfigProblem, Place, written


class Finding(NamedTuple):
    """Something wrong: where, what would be right, and for a misspelt field which one is meant."""

    place: Place
    message: str
    meant: str = ""


class Draft:
    """A config on its way to being told as a whole."""

    def __init__(self, file: ConfigFile) -> None:
        self._file = file
        self._out: set[Place] = set()  # what is wrong
        self._meant: dict[Place, str] = {}  # what misspelt fields were meant to be
        self._told: dict[tuple[Place, str], ConfigProblem] = {}
        self._places: dict[Place, Place] = {}
        self._build()

    @property
    def problems(self) -> list[ConfigProblem]:
        """All that were told, in the order of their lines."""
        told = {*self._file.problems, *self._told.values()}
        return sorted(told, key=lambda problem: (problem.line, problem.field, problem.message))

    def refuse(self, found: Iterable[Finding]) -> bool:
        """Tell what is wrong, and take it out. Whether anything was, so that the rest is worth another look."""
        findings = [finding._replace(place=self._in_file(finding.place)) for finding in found]
        before, doubtful = len(self._out) + len(self._meant), self._doubtful()
        for place, message, _ in findings:
            if not any(_overlap(place, other) for other in doubtful):
                self._told[place, message] = self._file.problem(place, message)
        for place, _, meant in findings:
            if meant and self._may_be_read_as(place, meant):
                self._meant[place] = meant
            else:
                self._take_out(place)
        self._build()
        return len(self._out) + len(self._meant) > before

    def is_doubtful(self, place: Place) -> bool:
        """Whether something was taken out there, so that nothing can be said of what is missing."""
        return any(_overlap(self._in_file(place), other) for other in self._doubtful())

    def line_of(self, place: Place) -> int:
        """The line of a field of the draft."""
        return self._file.line_of(self._in_file(place))

    def source_of(self, place: Place) -> str:
        """The same with the file's name."""
        return f"{self._file.name}:{self.line_of(place)}"

    def _doubtful(self) -> frozenset[Place]:
        return frozenset(self._out.union(self._file.unset))

    def _build(self) -> None:
        self._places = {}
        self.data: dict[str, Any] = self._built(self._file.data, (), ())

    def _built(self, value: Any, place: Place, at: Place) -> Any:
        self._places[at] = place
        if isinstance(value, dict):
            names = {str(name): self._meant.get((*place, name)) or str(name) for name in value}
            return {
                meant: self._built(value[name], (*place, name), (*at, meant))
                for name, meant in names.items()
                if (*place, name) not in self._out
            }
        if isinstance(value, list):
            kept = [index for index in range(len(value)) if (*place, index) not in self._out]
            return [self._built(value[index], (*place, index), (*at, new)) for new, index in enumerate(kept)]
        return value

    def _in_file(self, place: Place) -> Place:
        """Where the file has what the draft has at `place`."""
        for end in range(len(place), -1, -1):
            found = self._places.get(place[:end])
            if found is not None:
                return found + place[end:]
        return place

    def _take_out(self, place: Place) -> None:
        """A field that is wrong; of one that is missing, or was taken out before, what holds it."""
        while place and (place in self._out or not self._is_there(place)):
            place = place[:-1]
        if place:
            self._out.add(place)

    def _may_be_read_as(self, place: Place, name: str) -> bool:
        """Only a block is worth it, and only where the right name stands nowhere beside it."""
        beside = self._at(place[:-1])
        meant = [self._meant.get((*place[:-1], other), other) for other in beside]
        return isinstance(beside[place[-1]], dict | list) and name not in meant

    def _is_there(self, place: Place) -> bool:
        try:
            self._at(place)
        except (KeyError, IndexError, TypeError):
            return False
        return True

    def _at(self, place: Place) -> Any:
        value: Any = self._file.data
        for part in place:
            value = value[part]
        return value

    def __repr__(self) -> str:
        return f"<Draft of {self._file.name}, without {', '.join(map(written, sorted(self._out, key=repr)))}>"


def _overlap(one: Place, other: Place) -> bool:
    """Whether one of them is the other, or in it."""
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]
