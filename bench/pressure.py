"""Pressure: an upstream that fails and is well again, and one that is slow, each behind a Larder of its own."""

from collections.abc import Iterator
from pathlib import Path

from bench.failing import failing
from bench.figures import Figure
from bench.slowness import slowness


def pressure(folder: Path) -> Iterator[Figure]:
    """What callers with a stored answer notice of it, and what the upstream is asked."""
    for part in (failing, slowness):
        (folder / part.__name__).mkdir()
        yield from part(folder / part.__name__)
