"""How the commands speak to a running Larder: over its admin listener, with the token of its config."""

import json
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from proxy.config.file import ConfigError
from proxy.config.loading import load_plans
from proxy.config.secrets import admin_token_path
from proxy.settings import Settings

PATIENCE = 120.0  # seconds; a dry run over a million entries takes its time

_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - listened on, never bound here


class WrongUse(Exception):
    """What was asked makes no sense, or the config does not say where to ask; one line. Exit status 2."""


class Refused(Exception):
    """Larder could not be asked, or said no; one line. `answered`: all that it said. Exit status 1."""

    def __init__(self, why: str, answered: Mapping[str, Any] = MappingProxyType({})) -> None:
        super().__init__(why)
        self.answered = answered


class Door(NamedTuple):
    """Where the admin listener is, and what opens it."""

    host: str
    port: int
    token: str

    def __repr__(self) -> str:
        return f"<Door {self.host}:{self.port}>"


def door_of(config: Path, environment: Mapping[str, str]) -> Door:
    """The admin listener of the Larder that runs by `config`. Makes nothing: no token, no file. Raises WrongUse."""
    try:
        settings = load_plans(config, environment).settings
    except ConfigError as error:
        more = len(error.problems) - 1
        raise WrongUse(f"{error.problems[0]}{f' (and {more} more)' if more else ''}") from None
    host = settings.admin.host
    return Door(_ANY_ADDRESS.get(host, host), settings.admin.port, settings.admin.token or _kept_token(settings))


def _kept_token(settings: Settings) -> str:
    """The token that a running Larder made for itself."""
    path = admin_token_path(settings)
    try:
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not ASCII"
        hint = "Larder makes it when it first runs; else set admin.token"
        raise WrongUse(f"no admin token: {path}: {why}; {hint}") from None
    if not token:
        raise WrongUse(f"no admin token: {path} is empty")
    return token


def ask(door: Door, method: str, path: str, document: object = None) -> dict[str, Any]:
    """The JSON of a good answer. Raises WrongUse where Larder calls the request wrong, Refused on all else."""
    # http.client goes straight there: the token must not pass through a proxy that the environment names.
    connection = HTTPConnection(door.host, door.port, timeout=PATIENCE)
    body = None if document is None else json.dumps(document).encode()
    fields = {"Authorization": f"Bearer {door.token}", "Content-Type": "application/json"}
    try:
        connection.request(method, path, body, fields)
        response = connection.getresponse()
        status, raw = response.status, response.read()
    except (OSError, HTTPException, ValueError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise Refused(f"no Larder answers at {door.host}:{door.port}: {why}") from None
    finally:
        connection.close()
    answered = _object(raw, door)
    if status == 200:
        return answered
    detail = one_line(answered.get("detail") or answered.get("title") or "no reason given")
    why = f"{detail} (HTTP {status})"
    raise WrongUse(why) if status == 400 else Refused(why, answered)


def _object(raw: bytes, door: Door) -> dict[str, Any]:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise Refused(f"what answers at {door.host}:{door.port} is not Larder's admin listener")
    return document


def one_line(text: object) -> str:
    """What somebody else wrote, fit for a terminal: on one line, without control characters."""
    return "".join(character if character.isprintable() else " " for character in str(text))[:500]
