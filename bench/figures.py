"""Figures: what was measured beside what is required, as a table and as JSON."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One measured number. `required` and `aim` are bounds in the direction `at_least` says; None: only reported."""

    name: str
    measured: float
    unit: str  # "ratio", "calls", "s", "KB", …
    required: float | None = None
    aim: float | None = None
    at_least: bool = False  # else: at most
    note: str = ""
    runs: tuple[float, ...] = field(default=())  # what the median was taken from

    @property
    def holds(self) -> bool | None:
        """Whether what is required is met; None where nothing is."""
        if self.required is None:
            return None
        return self.measured >= self.required if self.at_least else self.measured <= self.required

    @property
    def verdict(self) -> str:
        """One word for the table."""
        return {True: "met", False: "MISSED", None: "-"}[self.holds]


def table(figures: Iterable[Figure]) -> str:
    """The figures, a line each."""
    rows = [("figure", "measured", "required", "aim", "", "")]
    rows += [
        (
            figure.name,
            f"{_number(figure.measured)} {figure.unit}",
            _bound(figure.required, at_least=figure.at_least),
            _bound(figure.aim, at_least=figure.at_least),
            figure.verdict,
            figure.note,
        )
        for figure in figures
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[5]]).rstrip()
        for row in rows
    )


def save(figures: Iterable[Figure], machine: Mapping[str, Any], path: Path) -> None:
    """Write the figures as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"machine": machine, "figures": [{**asdict(figure), "holds": figure.holds} for figure in figures]}
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _bound(value: float | None, *, at_least: bool) -> str:
    return "" if value is None else f"{'≥' if at_least else '≤'} {_number(value)}"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.3g}"
