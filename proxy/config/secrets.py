"""Secrets that Larder makes for itself when the config names none: into files that only their owner can read."""

import os
import secrets
from pathlib import Path

from proxy.settings import Settings


class SecretError(Exception):
    """A secret cannot be read or written; the text is one line and holds no secret."""


def sqlite_path(settings: Settings) -> Path | None:
    """Where the durable store lies, if it is a file."""
    durable = settings.store.durable
    return Path(durable.removeprefix("sqlite:///")) if durable.startswith("sqlite:") else None


def store_secret(settings: Settings) -> bytes:
    """What keys and partitions are made under. It has to survive restarts, or nothing stored is found again.

    Raises SecretError.
    """
    if settings.store.secret:
        return settings.store.secret.encode()
    path = sqlite_path(settings)
    if path is None:
        return secrets.token_bytes(32)  # nothing outlives this process anyway
    return _kept(path.with_name(path.name + ".secret")).encode()


def secret_beside(path: Path) -> bytes | None:
    """The secret that was generated beside a SQLite file, if one was. Raises SecretError."""
    beside = path.with_name(path.name + ".secret")
    return _kept(beside).encode() if beside.is_file() else None


def admin_token(settings: Settings) -> str:
    """What opens the admin listener. Raises SecretError."""
    return settings.admin.token or _kept(admin_token_path(settings))


def admin_token_path(settings: Settings) -> Path:
    """Where a generated admin token lies."""
    path = sqlite_path(settings)
    return Path("larder-admin.token") if path is None else path.with_name("larder-admin.token")


def _kept(path: Path) -> str:
    """The secret in a file; made first if there is none."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            kept = path.read_text(encoding="ascii").strip()
        else:
            kept = secrets.token_hex(32)
            with os.fdopen(descriptor, "w") as file:
                file.write(kept + "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SecretError(f"{path}: cannot be read or written: {getattr(error, 'strerror', 'not ASCII')}") from None
    if len(kept) < 32:
        raise SecretError(f"{path}: holds less than 32 characters: put a longer secret there, or remove the file")
    return kept
