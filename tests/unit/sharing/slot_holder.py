"""A process of its own that takes slots from an inherited page: `slot_holder.py FD PROCESS hold|calls`.

`hold` takes all there are and says so; `calls` makes many short calls and prints when each was in the air.
"""

import asyncio
import json
import sys
import time
from contextlib import AsyncExitStack

from policies import ConcurrencyPolicy
from proxy.sharing.page import Page
from proxy.sharing.shared_slots import SharedSlots

POLICY = ConcurrencyPolicy(upstream=5, credential=3, queue=1_000)
CALLS, MOST_AT_ONCE = 90, 30


async def hold(slots: SharedSlots) -> None:
    async with AsyncExitStack() as held:
        for number in range(POLICY.upstream):
            credential = "a" if number < POLICY.credential else "b"
            await held.enter_async_context(slots.taken(credential, shared=False))
        print("holding", flush=True)
        await asyncio.Event().wait()


async def calls(slots: SharedSlots) -> None:
    spans = []
    at_once = asyncio.Semaphore(MOST_AT_ONCE)

    async def call(credential: str) -> None:
        async with at_once, slots.taken(credential, shared=False):
            began = time.monotonic()
            await asyncio.sleep(0.001)
            spans.append((credential, began, time.monotonic()))

    await asyncio.gather(*(call("abc"[number % 3]) for number in range(CALLS)))
    print(json.dumps(spans))


if __name__ == "__main__":
    fd, process, what = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    slots = SharedSlots(POLICY, "there", Page.attach(fd, process))
    asyncio.run(hold(slots) if what == "hold" else calls(slots))
