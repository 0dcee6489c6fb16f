"""`python -m tests.faults [WORD]`: plays every fault whose name has the word in it, and prints what was seen.

Status 1 when something else was seen than the table says.
"""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from tests.faults.halves import HALVES, play_half
from tests.faults.playing import Seen, play
from tests.faults.providers import COURSEWORKS, MIRROR
from tests.faults.table import ANSWERS, CONNECTIONS, THROTTLING, WAYS, fitting, met

COLUMNS = ("fault", "upstream", "with something stored", "without", "and then with", "calls", "notice", "recover",
           "stale", "lost")  # fmt: skip


async def main() -> int:
    """Play, and print."""
    word, is_as_said = " ".join(sys.argv[1:]), True
    print("| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|")
    async for seen, expected in _all_seen(word):
        print(shown(seen), flush=True)
        if seen != expected:
            is_as_said = False
            print(f"  where the table says {shown(expected)}")
    return 0 if is_as_said else 1


async def _all_seen(word: str) -> AsyncIterator[tuple[Seen, Seen]]:
    """What was seen of each, and what should have been."""
    for fault, provider, expected in met(CONNECTIONS + ANSWERS + THROTTLING + WAYS):
        if word in fault.name:
            with tempfile.TemporaryDirectory() as folder:
                seen = await play(fault, provider, Path(folder))
            yield seen, fitting(expected, seen)
    for name in HALVES:
        for provider in (COURSEWORKS, MIRROR) if word in name else ():
            with tempfile.TemporaryDirectory() as folder:
                seen = await play_half(name, provider, Path(folder))
            yield seen, seen


def shown(seen: Seen) -> str:
    """One row. `notice`: calls until no more were made. `recover`: seconds. `lost`: what was good, or unreadable."""
    row = (
        seen.fault,
        seen.upstream,
        ", ".join(seen.warm),
        ", then ".join(seen.cold),
        ", ".join(seen.after),
        str(seen.calls),
        "-" if seen.notice is None else str(seen.notice),
        "never" if seen.recover is None else f"{seen.recover:.0f} s",
        str(seen.stale),
        ", ".join(seen.lost + seen.unread) or "nothing",
    )
    return "| " + " | ".join(row) + " |"


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
