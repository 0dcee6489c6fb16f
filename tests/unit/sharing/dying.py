"""Memory under writers that are killed in the middle: what they wrote up to then stays, and no more."""

from contextlib import contextmanager


class Killed(Exception):
    """The writer is no more."""


class Life:
    """How many writes a writer has left."""

    def __init__(self) -> None:
        self._left = None
        self._half = 0.0

    @contextmanager
    def of(self, writes, half):
        """A writer dies at a write, having done `half` of it, if it gets that far: then the block ends there."""
        self._left, self._half = writes, half
        try:
            yield
        except Killed:
            pass
        finally:
            self._left = None

    def spend(self, size):
        """How many bytes of this write are written."""
        if self._left is None:
            return size
        self._left -= 1
        return size if self._left >= 0 else int(size * self._half)


class Mortal:
    """A memoryview whose items are written at once, and whose slices are written byte by byte."""

    def __init__(self, memory, life):
        self._memory = memory
        self._life = life

    def __len__(self):
        return len(self._memory)

    def __getitem__(self, where):
        return self._memory[where]

    def __setitem__(self, where, value):
        size = len(value) if isinstance(where, slice) else 1
        written = self._life.spend(size)
        if written == size:
            self._memory[where] = value
            return
        if isinstance(where, slice):
            self._memory[where.start : where.start + written] = value[:written]
        raise Killed
