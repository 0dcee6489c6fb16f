"""One request to a Smarty API, its credentials known, as the answering functions see it."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from sandbox.smarty.refusals import Refusal
from sandbox.smarty.state import ACCOUNTS, Account, State

MAX_BATCH = 100
MOST_DIGITS = 9
MAX_BATCH_BYTES = 32 * 1024  # "about 32 KB", OpenAPI text of 2025 (UPSTREAMS.md §4.2, §14)

Fields = Mapping[str, str]


@dataclass(frozen=True)
class Call:
    """`query` keeps the first of repeated parameters; header names are matched without case by the mapping given."""

    method: str
    api: str
    path: tuple[str, ...]
    query: Fields
    headers: Mapping[str, str]
    body: bytes
    account: Account
    state: State

    def charge(self, lookups: int = 1) -> None:
        self.state.charge(self.account, self.api, lookups)

    @property
    def licence(self) -> str:
        """The subscription used: the first named that the account has. Refusal: 402 when it has none of them."""
        named = [name.strip() for name in self.query.get("license", "").split(",") if name.strip()]
        for name in named or self.account.licences[:1]:
            if name in self.account.licences:
                return name
        raise Refusal(402, "Payment Required: there is no active subscription for the license requested.")

    def lookups(self) -> list[Fields]:
        """The addresses asked for: the query of a GET, or every element of a POST (Refusal: 400, 413)."""
        return [self.query] if self.method == "GET" else read_batch(self.body)


def read_batch(body: bytes) -> list[Fields]:
    """The elements of a POST. Refusal: 413 over 100 addresses or 32 KB, 400 for anything but an array of objects."""
    if len(body) > MAX_BATCH_BYTES:
        raise Refusal(413, "Request Entity Too Large: the body has exceeded the maximum size.")
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "Bad Request (Malformed Payload): the body is not JSON.") from error
    if not isinstance(parsed, list) or not all(isinstance(element, dict) for element in parsed):
        raise Refusal(400, "Bad Request (Malformed Payload): the body must be a JSON array of objects.")
    if len(parsed) > MAX_BATCH:
        raise Refusal(413, f"Request Entity Too Large: no more than {MAX_BATCH} addresses in one request.")
    return [{name: _as_text(name, value) for name, value in element.items()} for element in parsed]


def _as_text(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if name == "candidates" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise Refusal(400, f"Bad Request (Malformed Payload): the field '{name}' has the wrong type.")


def whole_number(fields: Fields, name: str, default: int) -> int:
    """A field that holds a number, or the default when it is empty. Refusal: 400 for anything but a few digits."""
    given = fields.get(name) or str(default)
    if not (given.isascii() and given.isdecimal() and len(given) <= MOST_DIGITS):
        raise Refusal(400, f"Bad Request: '{name}' must be a whole number.")
    return int(given)


def account_of(method: str, query: Fields, headers: Mapping[str, str]) -> Account:
    """Whose request this is: Basic, `auth-id` and `auth-token`, or embedded key and Referer. Refusal: 401, no body."""
    if "key" in query:
        return _by_embedded_key(method, query["key"], headers.get("Referer", ""))
    auth_id, auth_token = _basic(headers.get("Authorization", "")) or (
        query.get("auth-id", ""),
        query.get("auth-token", ""),
    )
    for account in ACCOUNTS:
        if account.auth_id == auth_id and hmac.compare_digest(account.auth_token.encode(), auth_token.encode()):
            return account
    raise Refusal(401)


def _by_embedded_key(method: str, key: str, referer: str) -> Account:
    """An embedded key is for browsers: GET only, and only from the host it was made for."""
    try:
        host = urlsplit(referer).hostname
    except ValueError as error:
        raise Refusal(401) from error
    for account in ACCOUNTS:
        if method == "GET" and account.embedded_key == key and host == account.host:
            return account
    raise Refusal(401)


def _basic(authorization: str) -> tuple[str, str] | None:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(encoded, validate=True).decode()
    except ValueError as error:  # not Base64, or not UTF-8 in it
        raise Refusal(401) from error
    auth_id, _, auth_token = decoded.partition(":")
    return auth_id, auth_token
