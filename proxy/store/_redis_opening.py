"""What a Redis is found to be when the store opens: whether it may be used, and what it keeps if it dies."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, Literal

from proxy.store._redis_client import RedisServers
from proxy.store._redis_keys import Keys
from proxy.store._redis_troubles import PREFIX_TAKEN, TOO_NEW, NotOurs, NotPermitted
from proxy.store.contract import StoreError

FORMAT = 1
_FORMAT_KEY = b"larder:%d"
_TYPES = {
    "e": b"string",
    "k": b"string",
    "m": b"string",
    "l": b"string",
    "t": b"zset",
    "b": b"hash",
    "format": b"string",
}
_MOST_LOOKED_AT = 1000  # keys under the prefix

Durability = Literal["none", "everysec", "always", "unknown"]
_ORDER: tuple[Durability, ...] = ("none", "unknown", "everysec", "always")  # of a cluster, the first that a server has

SAYS: dict[Durability, str] = {
    "none": "what Redis acknowledges may be lost when it dies: it has no append-only file, or never forces it to disk",
    "everysec": "what Redis acknowledges may be lost when its machine dies within the next second or two",
    "always": "what Redis acknowledges is on its disk",
    "unknown": "whether what Redis acknowledges survives it is not known: it does not tell its configuration",
}
_NO_CONFIG = "Redis does not say whether it may evict records of purges: see that its maxmemory-policy is noeviction"


@dataclass(frozen=True)
class Found:
    """What is known of a Redis; of a cluster, what all of its servers have in common."""

    durability: Durability = "unknown"
    warnings: tuple[str, ...] = ()
    has_waitaof: bool = False  # 7.2: it can be asked to wait for its disk
    memory_bytes: int = 0

    @property
    def says(self) -> str:
        """The durability, in a sentence for an operator."""
        return SAYS[self.durability]


async def look(servers: RedisServers) -> Found:
    """Look what kind of Redis it is. Raises StoreError when it may evict what must not be."""
    try:
        info = await servers.each("INFO")
    except NotPermitted:
        return Found(warnings=(_NO_CONFIG, SAYS["unknown"]))
    policies = {str(one.get("maxmemory_policy", "")) for one in info}
    for policy in sorted(policies - {"noeviction", ""}):
        raise StoreError(f"Redis may evict records of purges: set its maxmemory-policy to noeviction, not {policy}")
    durability = await _durability(servers, info)
    warnings = [_NO_CONFIG] if "" in policies else []
    return Found(
        durability,
        tuple(warnings if durability == "always" else [*warnings, SAYS[durability]]),
        all(_version(one) >= (7, 2) for one in info),
        sum(int(one.get("used_memory", 0)) for one in info),
    )


async def claim(servers: RedisServers, keys: Keys, keep: float) -> None:
    """Make sure that what is under the prefix is Larder's, of a format that this one reads, and say so there.

    Raises StoreError. To be repeated within `keep` seconds: the word expires, as everything does.
    """
    milliseconds = ceil(keep * 1000)
    held = await servers.call("GET", keys.format)
    if held is not None:
        _check_format(held)
    await _check_types(servers, keys)
    if held is None:
        await servers.call("SET", keys.format, _FORMAT_KEY % FORMAT, "PX", milliseconds, "NX")
    else:
        await servers.call("PEXPIRE", keys.format, milliseconds)


def _check_format(held: bytes) -> None:
    name, _, number = held.partition(b":")
    if name != b"larder" or not number.isdigit():
        raise NotOurs(PREFIX_TAKEN)
    if int(number) > FORMAT:
        raise StoreError(TOO_NEW)


async def _check_types(servers: RedisServers, keys: Keys) -> None:
    """Of the first keys under the prefix, whether Larder could have written them."""
    looked_at = 0
    async for names in servers.scan(keys.all):
        kinds = [keys.kind(name) for name in names]
        types = await servers.all([("TYPE", name) for name in names])
        for kind, type_ in zip(kinds, types, strict=True):
            if kind is None or type_ not in {_TYPES.get(kind, b"string"), b"none"}:
                raise NotOurs(PREFIX_TAKEN)
        looked_at += len(names)
        if looked_at >= _MOST_LOOKED_AT:
            return


async def _durability(servers: RedisServers, info: list[Mapping[str, Any]]) -> Durability:
    if any(one.get("aof_enabled") == 0 for one in info):
        return "none"
    try:
        settings = await servers.each("CONFIG GET", "*append*")
    except NotPermitted:
        return "unknown"
    return min((_of(one) for one in settings), key=_ORDER.index, default="unknown")


def _of(settings: Mapping[str, str]) -> Durability:
    match settings.get("appendfsync"):
        case "always":  # "yes": while the file is rewritten nothing is forced to disk
            return "everysec" if settings.get("no-appendfsync-on-rewrite") == "yes" else "always"
        case "everysec":
            return "everysec"
        case "no":
            return "none"
    return "unknown"


def _version(info: Mapping[str, Any]) -> tuple[int, ...]:
    parts = str(info.get("redis_version", "0")).split(".")
    return tuple(int(part) for part in parts if part.isdigit())
