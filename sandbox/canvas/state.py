"""What the Canvas stand-in remembers between requests: its rows, what replicas still show, and each token's bucket."""

import copy
from collections import deque
from collections.abc import Callable
from typing import Any

from sandbox.canvas.bucket import LeakyBucket
from sandbox.canvas.delivery import Notification
from sandbox.canvas.records import SHARD, Token
from sandbox.canvas.seed import TOKENS, seeded_world
from sandbox.canvas.settings import CanvasSettings
from sandbox.canvas.world import World

EVENTS_KEPT = 10_000
SNAPSHOTS_KEPT = 100


class State:
    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.settings: Any = CanvasSettings()
        self.primary = seeded_world()
        self.tokens: dict[str, Token] = {token.value: token for token in TOKENS}
        self.sent: deque[dict[str, Any]] = deque(maxlen=EVENTS_KEPT)
        self.held: list[Notification] = []  # they wait for a later one, to arrive after it
        self._events = 0
        self._buckets: dict[str, LeakyBucket] = {}
        self._before: deque[tuple[float, World]] = deque(maxlen=SNAPSHOTS_KEPT)

    def bucket(self, token: str) -> LeakyBucket:
        """One bucket per token, not per user (UPSTREAMS.md §2.5)."""
        if token not in self._buckets:
            self._buckets[token] = LeakyBucket(self.clock)
        return self._buckets[token]

    def next_event(self) -> int:
        """Numbers for request and message ids."""
        self._events += 1
        return self._events

    def about_to_change(self) -> World:
        """The rows to change; replicas go on showing them as they are now."""
        if self.settings.replica_lag > 0:
            self._before.append((self.clock(), copy.deepcopy(self.primary)))
        return self.primary

    def as_read(self) -> World:
        """The rows a read sees: those of `replica_lag` seconds ago."""
        moment = self.clock() - self.settings.replica_lag
        if self.settings.replica_lag > 0:
            for changed_at, before in self._before:
                if changed_at > moment:
                    return before
        return self.primary

    def facts(self) -> dict[str, Any]:
        world = self.primary
        return {
            "shard": SHARD,
            "tokens": [
                {"token": token.value, "user_id": token.user_id, "state": token.state} for token in self.tokens.values()
            ],
            "users": {str(user.id): user.name for user in world.users.values()},
            "courses": {str(course.id): course.name for course in world.courses.values()},
            "sections": {str(section.id): section.course_id for section in world.sections.values()},
            "accounts": sorted(world.accounts),
            "enrollments": len(world.enrollments),
        }
