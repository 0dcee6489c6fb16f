"""What `durable: true` means for a purge recorded in Redis: it was on disk when it was acknowledged, and on as many
replicas as were asked for. It is read off the server at each purge, and never assumed.

| Redis | `durable` |
| --- | --- |
| `appendonly no`, with or without snapshots or replicas | false: a crash forgets what came since the last snapshot |
| `appendonly yes`, `appendfsync always` | true: Redis answers after the fsync |
| the same with `no-appendfsync-on-rewrite yes` | false before 7.2: there is no fsync while the file is rewritten |
| `appendfsync everysec` or `no`, 7.2 or later | true when WAITAOF saw the fsync within 1.5 s, which is waited for |
| `appendfsync everysec` or `no`, before 7.2 | false: a crash forgets up to a second or more |
| CONFIG not permitted, before 7.2 | false: nobody can tell |

With `wait_replicas: n` it is true only if, besides, n replicas have it: in memory before 7.2 (WAIT), on disk since
(WAITAOF; their `appendonly` has to be on, too). Replicas alone never make it true.

False is not lost: the purge is recorded, and every live instance has heard of it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

WITHIN = 1500  # ms for WAIT and WAITAOF: `everysec` takes up to a second
_HAS_WAITAOF = (7, 2)

Command = tuple[str | int, ...]


def questions(version: tuple[int, int], wait_replicas: int) -> list[Command]:
    """What to ask after a purge, on the same connection."""
    if version >= _HAS_WAITAOF:
        return [("WAITAOF", 1, wait_replicas, WITHIN)]
    wait: list[Command] = [("WAIT", wait_replicas, WITHIN)] if wait_replicas else []
    return [("CONFIG GET", "*append*"), *wait]


def is_durable(version: tuple[int, int], wait_replicas: int, answers: Sequence[Any]) -> bool:
    """What the answers to `questions` come to; one that was refused is an exception."""
    if any(isinstance(answer, Exception) for answer in answers):
        return False
    if version >= _HAS_WAITAOF:
        local, replicas = answers[0]
        return bool(local >= 1 and replicas >= wait_replicas)
    settings, *waited = answers
    return _is_on_disk_when_answered(settings) and all(replicas >= wait_replicas for replicas in waited)


def _is_on_disk_when_answered(settings: Mapping[Any, Any]) -> bool:
    of = {_text(name): _text(value) for name, value in settings.items()}
    return (of.get("appendonly"), of.get("appendfsync"), of.get("no-appendfsync-on-rewrite")) == ("yes", "always", "no")


def _text(said: bytes | str) -> str:
    return said.decode() if isinstance(said, bytes) else said
