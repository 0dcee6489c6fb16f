"""Mischief: what goes wrong upstream, and what operators do meanwhile; one deed after the other, as the seed says."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

from sandbox.faults import KINDS, UPSTREAMS
from tests.soak.house import House

_FAULTS_AT_ONCE = 3
_HEAVY = frozenset({"bomb", "endless"})  # they keep the sandbox itself busy: few of them, and small ones
_STATUSES = (429, 502, 503, 504)  # 500 is Larder's own word here, and there must be none
_BUSY = frozenset({409, 503})  # another reload is under way, or there is nothing (left) to undo


class Mischief:
    """Does one deed after the other. `deeds` counts them, `strange` says what was answered that should not be."""

    def __init__(self, house: House, random: Random) -> None:
        self.deeds: Counter[str] = Counter()
        self.strange: list[str] = []
        self._house = house
        self._random = random
        self._faults: list[str] = []

    async def go_on(self) -> None:
        """Until cancelled."""
        names, weights = zip(*_DEEDS.items(), strict=True)
        while True:
            await asyncio.sleep(self._random.uniform(0.2, 1.2))
            name = self._random.choices(names, weights)[0]
            self.deeds[name.__name__] += 1
            await name(self)

    async def undo_all(self) -> None:
        """No fault is left, no order holds, and the config is what it was."""
        await self._house.control("DELETE", "faults")
        for upstream in UPSTREAMS:
            await self._order(upstream, "breaker", {"state": "auto"})
            await self._order(upstream, "drain", {"resume": True})
        self._house.write_config()
        for _ in range(20):
            if (await self._house.operate("POST", "/admin/config/reload"))[0] == 200:
                return
            await asyncio.sleep(0.5)
        self.strange.append("the config could not be put back")

    # upstream

    async def fault(self) -> None:
        """One more; the oldest goes, where there are many."""
        if len(self._faults) >= _FAULTS_AT_ONCE:
            await self.fault_cleared()
        random, kind = self._random, self._random.choice(KINDS)
        plan: dict[str, Any] = {"upstream": random.choice(UPSTREAMS), "kind": kind, "every": random.randint(1, 4)}
        plan |= {"status": random.choice(_STATUSES)} if kind in ("status", "throttle") else {}
        plan |= {"seconds": round(random.uniform(0.05, 3), 2)} if kind == "latency" else {}
        plan |= {"seconds": 0.002} if kind == "drip" else {}
        plan |= {"times": 2, "size": 4 * 1024 * 1024} if kind in _HEAVY else {}
        status, answer = await self._house.control("POST", "faults", plan)
        self._expect("fault", status, {201})
        self._faults.append(answer["id"])

    async def fault_cleared(self) -> None:
        """The oldest."""
        if self._faults:
            await self._house.control("DELETE", f"faults/{self._faults.pop(0)}")

    async def all_well(self) -> None:
        """For a while, nothing is wrong upstream."""
        self._faults.clear()
        await self._house.control("DELETE", "faults")
        await asyncio.sleep(self._random.uniform(1, 4))

    async def notified(self) -> None:
        """Something changes, and Larder is told; or somebody lies to it."""
        change = {"kind": "rename_course", "course_id": self._random.randint(101, 106), "name": "Renamed"}
        change |= {self._random.choice(["duplicate", "forged", "retry"]): True}
        self._expect("change", (await self._house.control("POST", "change", change))[0], {200})

    # operators

    async def held(self) -> None:
        """A circuit, for a moment."""
        state = self._random.choice(["open", "closed", "auto"])
        order: dict[str, Any] = {"state": state}
        await self._order(self._random.choice(UPSTREAMS), "breaker", order | ({} if state == "auto" else {"for": 1.5}))

    async def drained(self) -> None:
        """Background work, for a moment."""
        await self._order(self._random.choice(UPSTREAMS), "drain", {"for": 1.5})

    async def flushed(self) -> None:
        """Something small or large, softly or not."""
        target: dict[str, Any] = self._random.choice(
            [
                {"tag": f"courseworks/course:{self._random.randint(101, 106)}"},
                {"endpoint": "courseworks GET /api/v1/courses"},
                {"upstream": self._random.choice(UPSTREAMS)},
                {"all": True},
            ]
        )
        order = {**target, "mode": self._random.choice(["soft", "hard"])}
        self._expect("flush", (await self._house.operate("POST", "/admin/flush", order))[0], {200})

    async def reloaded_by_signal(self) -> None:
        """With other values than before."""
        self._house.write_config(**self._values())
        self._house.reload()

    async def reloaded_by_file(self) -> None:
        """The same, and nobody says so."""
        self._house.write_config(**self._values())

    async def reloaded_by_admin(self) -> None:
        """The same, and it is asked for."""
        self._house.write_config(**self._values())
        self._expect("reload", (await self._house.operate("POST", "/admin/config/reload"))[0], _BUSY | {200})

    async def broken_config(self) -> None:
        """A mistake, and its correction."""
        self._house.write_config(tmeout="1s")
        self._expect("bad reload", (await self._house.operate("POST", "/admin/config/reload"))[0], {409, 422, 400})
        self._house.write_config()

    async def undone(self) -> None:
        """Whatever was changed last."""
        self._expect("undo", (await self._house.operate("POST", "/admin/undo"))[0], _BUSY | {200})

    async def looked_at(self) -> None:
        """What operators look at all day."""
        for path in ("/admin/upstreams", "/admin/entries?limit=50", "/admin/audit?limit=20", "/admin/config"):
            self._expect(path, (await self._house.operate("GET", path))[0], {200})

    def _values(self) -> dict[str, Any]:
        random = self._random
        return {
            "pacing": {"rate": f"{random.choice([0, 20, 100])}/s"},
            "concurrency": {"credential": random.choice([2, 6]), "queue": random.choice([5, 200])},
            "hedge": {"after": random.choice(["0s", "200ms"])},
            "retry": {"attempts": random.randint(1, 3)},
        }

    async def _order(self, upstream: str, what: str, order: dict[str, Any]) -> None:
        status, _ = await self._house.operate("POST", f"/admin/upstreams/{upstream}/{what}", order)
        self._expect(f"{what} {upstream}", status, {200})

    def _expect(self, what: str, status: int, allowed: set[int] | frozenset[int]) -> None:
        if status not in allowed:
            self.strange.append(f"operator, {what}: {status}")


_DEEDS: dict[Callable[[Mischief], Awaitable[None]], int] = {
    Mischief.fault: 30,
    Mischief.fault_cleared: 15,
    Mischief.all_well: 6,
    Mischief.notified: 6,
    Mischief.held: 4,
    Mischief.drained: 3,
    Mischief.flushed: 8,
    Mischief.reloaded_by_signal: 2,
    Mischief.reloaded_by_file: 2,
    Mischief.reloaded_by_admin: 2,
    Mischief.broken_config: 1,
    Mischief.undone: 3,
    Mischief.looked_at: 4,
}
