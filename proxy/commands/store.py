"""`larder store …`: looking after what is kept, by the config's own words about it.

The exit status: 0 done and good, 1 something is wrong with the store or in the way, 2 wrong use or config.
"""

import asyncio
import json
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import urlsplit

from policies import GIB, KIB, MIB
from proxy.commands.admin import WrongUse
from proxy.config.file import ConfigError
from proxy.config.loading import load_plans
from proxy.config.secrets import SecretError, secret_beside
from proxy.kept.tier import sealing_of
from proxy.plan import Plans
from proxy.store import operations
from proxy.store._sqlite_compact import compact
from proxy.store.codec import Codec
from proxy.store.contract import StoreError
from proxy.store.fences import keep_records_for
from proxy.store.files import moved_aside, sqlite_file
from proxy.store.migrating import Migrated, migrate
from proxy.store.operations import Stats, StoreOptions, opened_store
from proxy.store.purges import TagDigest, keyed_tag_digest, tag_digest

DONE, WRONG, MISUSED = 0, 1, 2


@dataclass(frozen=True)
class StoreCommands:
    """The commands, for a config and where their words go. Each returns the exit status."""

    config: Path
    environment: Mapping[str, str]
    out: TextIO
    err: TextIO

    def check(self, url: str | None = None, *, as_json: bool = False) -> int:
        """Say what cannot be trusted."""
        return self._run(self._check(url, as_json=as_json))

    def stats(self, url: str | None = None, *, as_json: bool = False) -> int:
        """Count what is kept."""
        return self._run(self._stats(url, as_json=as_json))

    def compact(self, url: str | None = None) -> int:
        """Give free space back."""
        return self._run(self._compact(url))

    def migrate(self, old: str, new: str) -> int:
        """Carry over what is valid."""
        return self._run(self._migrate(old, new))

    async def _check(self, url: str | None, *, as_json: bool) -> int:
        plans = self._plans()
        url = _url(url, plans)
        async with opened_store(url, _options(plans, url), only_looks=True) as open_store:
            checked = await operations.check(open_store.store)
        if as_json:
            self._say(json.dumps(checked._asdict()))
        else:
            for line in checked.findings or ["nothing is wrong"]:
                self._say(f"{name_of(url)}: {line}")
            self._say(f"{name_of(url)}: {checked.entries} entries looked at")
            for aside in moved_aside(url):
                self._say(f"{aside}: was damaged and moved aside; what it holds is deleted by nobody but you")
        return WRONG if checked.findings else DONE

    async def _stats(self, url: str | None, *, as_json: bool) -> int:
        plans = self._plans()
        url = _url(url, plans)
        async with opened_store(url, _options(plans, url), only_looks=True) as open_store:
            stats = await operations.stats(open_store.store)
        if as_json:
            places = [
                {"upstream": up, "endpoint": end, "entries": n, "bytes": size} for up, end, n, size in _rows(stats)
            ]
            self._say(json.dumps({**stats._asdict(), "places": places}))
        else:
            self._say(told_stats(name_of(url), stats))
        return DONE

    async def _compact(self, url: str | None) -> int:
        url = _url(url, self._plans())
        path = sqlite_file(url)
        if path is None:
            raise WrongUse("only a SQLite file is compacted; Redis gives memory back by itself")
        done = compact(path)
        self._say(f"{path}: {size_of(done.before)} before, {size_of(done.after)} now")
        return DONE

    async def _migrate(self, old: str, new: str) -> int:
        plans = self._plans()
        options, to_options, old_file = _options(plans, old), _options(plans, new, old), sqlite_file(old)
        if old == new:
            raise WrongUse("FROM and TO are the same store")
        if old_file is not None and not old_file.is_file():
            raise StoreError(f"{old_file}: there is no such file")
        async with opened_store(old, options) as from_store, opened_store(new, to_options) as to_store:
            migrated = await migrate(from_store, to_store, options.clock())
        self._say(told_migration(name_of(old), name_of(new), migrated))
        if not plans.settings.store.secret:
            self._say(
                "nothing of it is found under another secret: set store.secret,"
                f" or put a copy of {old_file or 'the old store'}.secret beside the new store"
            )
        return DONE

    def _plans(self) -> Plans:
        try:
            return load_plans(self.config, self.environment)
        except ConfigError as error:
            more = len(error.problems) - 1
            raise WrongUse(f"{error.problems[0]}{f' (and {more} more)' if more else ''}") from None

    def _run(self, command: Coroutine[Any, Any, int]) -> int:
        try:
            return asyncio.run(command)
        except (WrongUse, StoreError) as error:
            self.err.write(f"larder store: {error}\n")
            return MISUSED if isinstance(error, WrongUse) else WRONG

    def _say(self, text: str) -> None:
        self.out.write(f"{text}\n")


def _url(url: str | None, plans: Plans) -> str:
    url = url or plans.settings.store.durable
    if url == "none":
        raise WrongUse("the config names no durable store; say which one, such as sqlite:///larder.db")
    return url


def _options(plans: Plans, *urls: str) -> StoreOptions:
    """`urls`: of the store, and of those whose secret it has where it has none of its own. Raises StoreError."""
    store = plans.settings.store
    return StoreOptions(
        codec=Codec(store.compress_above),
        sealing=sealing_of(plans),
        max_bytes=store.max_bytes,
        prefix=store.redis.prefix,
        keep_records_for=keep_records_for(plans.longest_kept),
        tag_digest=_tag_digest(store.secret, urls),
    )


def _tag_digest(secret: str, urls: Iterable[str]) -> TagDigest:
    if secret:
        return keyed_tag_digest(secret.encode())
    try:
        for path in filter(None, map(sqlite_file, urls)):
            found = secret_beside(path)
            if found is not None:
                return keyed_tag_digest(found)
    except SecretError as error:
        raise StoreError(str(error)) from None
    return tag_digest


def name_of(url: str) -> str:
    """What a store is called to an operator: never with a password."""
    path = sqlite_file(url)
    if path is not None:
        return str(path)
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"


def told_stats(name: str, stats: Stats) -> str:
    """What is in a store, a line each."""
    lines = [f"{name}: {stats.entries} entries of {size_of(stats.bytes)} when read, {stats.unreadable} unreadable"]
    if stats.oldest is not None and stats.newest is not None:
        lines.append(f"  from {_instant(stats.oldest)} to {_instant(stats.newest)}")
    lines += [f"  {upstream} {endpoint}: {count}, {size_of(size)}" for upstream, endpoint, count, size in _rows(stats)]
    lines += [
        f"  {fact}: {size_of(number) if fact.endswith('bytes') else number}" for fact, number in stats.facts.items()
    ]
    return "\n".join(lines)


def told_migration(old: str, new: str, migrated: Migrated) -> str:
    """What became of everything, a line each."""
    kept_back = {
        "purged": migrated.purged,
        "over": migrated.gone,
        "no younger than what is there": migrated.newer,
        "unreadable": migrated.unreadable,
    }
    behind = ", ".join(f"{count} {why}" for why, count in kept_back.items() if count) or "none"
    lines = [f"{old} to {new}: {migrated.entries} entries; left behind: {behind}"]
    records = f"{migrated.notifications} notifications, {migrated.links} enrollments, {migrated.bindings} bindings"
    if migrated.lists_records:
        lines.append(f"  {records} that were not there")
    else:
        lines.append(f"  {migrated.bindings} bindings; {old} lists no notifications and enrollments, so none went")
    return "\n".join(lines)


def size_of(number: int) -> str:
    """Bytes, for people."""
    for unit, factor in (("GiB", GIB), ("MiB", MIB), ("KiB", KIB)):
        if number >= factor:
            return f"{number / factor:.1f} {unit}"
    return f"{number} B"


def _rows(stats: Stats) -> list[tuple[str, str, int, int]]:
    return [(*place, *numbers) for place, numbers in stats.places.items()]


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
