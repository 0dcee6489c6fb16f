"""Every request an upstream got, so that a test can count what reached it."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

KEPT = 100_000
# Credentials are shown as a short hash: a real one sent here by mistake stays out of the answers and the logs.
SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "x-goog-api-key", "x-larder-key"})
SECRET_PARAMETERS = frozenset(
    {"access_token", "api_key", "auth-id", "auth-token", "key", "signature", "client_secret", "refresh_token", "code"}
)


@dataclass
class Entry:
    """One request; `status` is None while it is under way, and stays None when no answer was sent."""

    n: int
    at: float
    upstream: str
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body_size: int = 0
    status: int | None = None
    fault: str | None = None


def short_hash(secret: str) -> str:
    return "sha256:" + hashlib.sha256(secret.encode()).hexdigest()[:12]


def without_secrets(query: str) -> str:
    """The raw query, order and encoding kept, with credential values hashed."""
    shown = []
    for pair in query.split("&") if query else []:
        name, equals, value = pair.partition("=")
        shown.append(f"{name}={short_hash(value)}" if equals and name.lower() in SECRET_PARAMETERS else pair)
    return "&".join(shown)


def path_matches(pattern: str, path: str) -> bool:
    """Exact, or a prefix when the pattern ends in `*`."""
    return path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern


class Journal:
    """The newest `KEPT` requests, numbered from 1 since the start."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._number = 0

    def arrived(self, upstream: str, method: str, path: str, query: str, headers: Iterable[tuple[str, str]]) -> Entry:
        self._number += 1
        shown = {
            name.lower(): short_hash(value) if name.lower() in SECRET_HEADERS else value for name, value in headers
        }
        entry = Entry(self._number, self._clock(), upstream, method, path, without_secrets(query), shown)
        self._entries.append(entry)
        return entry

    def find(self, wanted: Mapping[str, str]) -> list[dict[str, Any]]:
        """The entries that fit `upstream`, `path` (raw, with prefix; `*` at its end), `method`, `since` (a number)."""
        since = int(wanted.get("since", "0"))
        return [
            asdict(entry)
            for entry in self._entries
            if entry.n > since
            and wanted.get("upstream", entry.upstream) == entry.upstream
            and wanted.get("method", entry.method).upper() == entry.method
            and path_matches(wanted.get("path", "*"), entry.path)
        ]

    def clear(self) -> None:
        """Empties it; numbers go on, so that `since` stays meaningful."""
        self._entries.clear()
