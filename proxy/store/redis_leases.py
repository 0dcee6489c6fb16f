"""Leases in Redis: one flight for all machines that share it. While Redis is away, for those of this machine only.

A lease is one key, `P:f:<hex of what>`, that ends by itself; its value tells what it is:
l:<token>  held       r:<token>  was held, and is free       u:<token>  free, but what it brings cannot be shared

The token is the time of Redis in microseconds: one clock for all, without a second key, which a cluster might hold on
another server. It is also higher than every sequence number the taker's machine has seen, and than what the key last
held. So a clock that was set back counts only among machines that never met, and only for as long as it was set back;
tokens order fetches within one fence, so the worst of it is an answer fetched that much earlier. Below 2^53 until 2255.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from policies import BreakerPolicy, Circuit, CircuitBreaker, CircuitOpen
from proxy.sharing.holding import Held, Sleep
from proxy.sharing.leases import LEASE_TTL, Lease, Refusal
from proxy.sharing.page import Page
from proxy.sharing.page_leases import PageLeases
from proxy.sharing.waiting import Waiting
from proxy.store._redis_client import Command, RedisServers
from proxy.store._redis_scripts import Script
from proxy.store.contract import StoreError

TIMEOUT = 0.25  # seconds in which Redis has to answer
COOLDOWN = 2.0  # seconds for which it is not asked again when it did not
REMEMBERED = 5.0  # seconds for which a key keeps the token of a lease that was released
AT_ONCE = BreakerPolicy(window=COOLDOWN, failure_ratio=0, minimum_calls=1, cooldown=COOLDOWN)  # opens by one failure

_HELD, _UNSHAREABLE = -1, -2

# ARGV milliseconds that it lives, the highest sequence number known. A token, or one of the two above.
_TAKE = Script("""
local before = redis.call('GET', KEYS[1])
local last = tonumber(ARGV[2])
if before then
  local state = string.sub(before, 1, 2)
  if state == 'u:' then return -2 end
  if state ~= 'r:' then return -1 end
  last = math.max(last, tonumber(string.sub(before, 3)) or 0)
end
local now = redis.call('TIME')
local token = math.max(now[1] * 1000000 + now[2], last + 1)
redis.call('SET', KEYS[1], string.format('l:%.0f', token), 'PX', ARGV[1])
return token
""")

# ARGV the token, milliseconds. 0: somebody else may hold it by now.
_RENEW = Script("""
if redis.call('GET', KEYS[1]) ~= 'l:' .. ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
""")

# ARGV the token, what it is from now on, milliseconds.
_RELEASE = Script("""
if redis.call('GET', KEYS[1]) ~= 'l:' .. ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2] .. ARGV[1], 'PX', ARGV[3])
return 1
""")


class RedisLeases:
    """Leases over all machines. `lost` counts how often Redis could not be asked."""

    def __init__(
        self,
        servers: RedisServers,
        prefix: str,
        page: Page,
        *,
        ttl: float = LEASE_TTL,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
        on_error: Callable[[str, StoreError], None] = lambda *_: None,
    ) -> None:
        """`servers` have TIMEOUT for a call, since a miss waits for it; they stay the caller's to close. The leases of
        `page` serve while Redis is away.

        `ttl` is in seconds, `clock` monotonic and read alike by all processes of the machine. `on_error` hears of the
        first failure each time that Redis goes away.
        """
        self._servers = servers
        self._prefix = prefix.encode() + b":f:"
        self._fences = page.fences
        self._fallback = PageLeases(page, ttl=ttl, clock=clock, sleep=sleep)
        self._ttl = round(ttl * 1000)
        self._clock = clock
        self._on_error = on_error
        self._held = Held(self._renew, every=ttl / 3, sleep=sleep)
        self._waiting = Waiting(self._free, clock=clock, sleep=sleep)
        self._circuit = CircuitBreaker(AT_ONCE, clock)
        self._missed = 0  # looks and renewals in a row that failed
        self.lost = 0

    def __repr__(self) -> str:
        return f"<RedisLeases {len(self._held)} held, {len(self._waiting)} waited for, {self._circuit.state}>"

    async def take(self, what: bytes) -> Lease | Refusal:
        """Take the lease on `what`, if nobody has it. Takes no longer than one call to Redis may."""
        try:
            began = self._circuit.check()
        except CircuitOpen:
            return await self._fallback.take(what)
        try:
            token = int(await self._servers.run(_TAKE, self._key(what), self._ttl, self._fences.sequence))
        except StoreError as error:
            self._failed(began, error)
            return await self._fallback.take(what)
        except BaseException:
            self._circuit.abandoned(began)
            raise
        self._circuit.succeeded(began)
        if token in (_HELD, _UNSHAREABLE):
            return Refusal.HELD if token == _HELD else Refusal.UNSHAREABLE
        self._fences.raise_to(0, token)  # what this machine fetches later without Redis counts as later
        lease = Lease(what, token)
        self._held.add(lease)
        return lease

    async def release(self, lease: Lease, *, unshareable_for: float = 0) -> None:
        """Let others fetch. Where Redis cannot be told, the lease ends by itself."""
        if not self._held.remove(lease):
            await self._fallback.release(lease, unshareable_for=unshareable_for)
            return
        state, seconds = ("u:", unshareable_for) if unshareable_for else ("r:", REMEMBERED)
        if not self._is_away:
            try:
                await self._servers.run(_RELEASE, self._key(lease.what), lease.token, state, round(seconds * 1000))
            except StoreError as error:
                self._failed(self._clock(), error)
        self._waiting.wake(lease.what)

    async def wait(self, what: bytes, seconds: float) -> bool:
        """Wait until nobody holds `what` any more; while Redis is away, nobody on this machine."""
        if self._is_away:
            return await self._fallback.wait(what, seconds)
        return await self._waiting.wait(what, seconds)

    async def close(self) -> None:
        """End what runs in the background."""
        await self._held.close()
        await self._waiting.close()
        await self._fallback.close()

    @property
    def _is_away(self) -> bool:
        return self._circuit.rest > 0

    def _key(self, what: bytes) -> bytes:
        return self._prefix + what.hex().encode()

    async def _free(self, whats: Sequence[bytes]) -> Iterable[bytes]:
        """What nobody holds. While Redis is away, all of it: the takers go by the page."""
        states = await self._all([("GET", self._key(what)) for what in whats])
        if states is None:
            return whats if self._is_away else ()
        return [what for what, state in zip(whats, states, strict=True) if not (state or b"").startswith(b"l:")]

    async def _renew(self, leases: Sequence[Lease]) -> Iterable[Lease]:
        """Those that somebody else may hold by now. While Redis is away a lease lives on, if Redis is back in time."""
        renewed = await self._all([_RENEW(self._key(lease.what), lease.token, self._ttl) for lease in leases])
        return [lease for lease, is_ours in zip(leases, renewed or (), strict=False) if not is_ours]

    async def _all(self, commands: Sequence[Command]) -> list[Any] | None:
        """The answers; None if there are none. One look that fails may be due to this process's own delay."""
        try:
            answers = await self._servers.all(commands)
            refused = next((answer for answer in answers if isinstance(answer, StoreError)), None)
            if refused is not None:
                raise refused
        except StoreError as error:
            self._missed += 1
            if self._missed > 1:
                self._failed(self._clock(), error)
            return None
        self._missed = 0
        return answers

    def _failed(self, began: float, error: StoreError) -> None:
        """Redis did not answer: it is left alone for a while, so that a miss pays for that once."""
        self.lost += 1
        was_there = self._circuit.state is Circuit.CLOSED
        self._circuit.failed(began)
        if was_there:
            self._on_error("lease", error)
