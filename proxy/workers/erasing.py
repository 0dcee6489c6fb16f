"""Erasing in all workers: each lets go of what it holds, and says what that was."""

from collections.abc import Collection

from proxy.erasing import ErasedHere, Erasure
from proxy.store.codec import as_bytes
from proxy.workers.tiers import WorkersMemory
from proxy.workers.ward_words import Erase, Erased, FindPrincipals, Principals

FIND_WITHIN = 2.0  # seconds
ERASE_WITHIN = 30.0  # seconds; a memory of millions of entries takes its time


class CrewProcesses:
    """All workers."""

    def __init__(self, memory: WorkersMemory) -> None:
        """`memory` knows the workers that live now."""
        self._memory = memory

    async def principals(self, users: Collection[str]) -> tuple[set[str], bool]:
        """The partitions that they know to be these users'; and whether all said in time what they know: the store may
        not have heard it yet, or not be there at all.
        """
        gathered = await self._memory.ask("principals", FindPrincipals(tuple(map(as_bytes, users))), FIND_WITHIN)
        told = (reply for reply in gathered.replies if isinstance(reply, Principals))
        return {name for reply in told for name in reply.partitions}, not gathered.silent

    async def erase(self, erasure: Erasure) -> tuple[list[ErasedHere], bool]:
        """Have each let go of what it holds; and whether all said in time that they did."""
        question = Erase(
            erasure.upstream,
            tuple(map(as_bytes, erasure.users)),
            tuple(map(as_bytes, erasure.tags)),
            erasure.fence,
        )
        gathered = await self._memory.ask("erase", question, ERASE_WITHIN)
        erased = [reply.here for reply in gathered.replies if isinstance(reply, Erased)]
        return sorted(erased, key=lambda one: one.process), not gathered.silent
