"""Redaction: a config as operators may see it, with every secret taken out, wherever it stands."""

import re
from collections.abc import Mapping
from typing import Any

from proxy.settings import Settings

REDACTED = "***"

# `key` is a hash already, but a short key's hash can be guessed at.
_SECRET_NAMES = frozenset({"credential", "encryption_keys", "key", "keys", "password", "secret", "token"})
_PARAMETER = re.compile(r"(?<=[?&])([^=&\s]*(?:key|password|secret|token)[^=&\s]*=)[^&\s#]*", re.IGNORECASE)
_USER_INFORMATION = re.compile(r"(?<=://)[^/?#@\s]*(?:@[^/?#@\s]*)*@")  # RFC 3986 §3.2.1


def shown(settings: Settings) -> dict[str, Any]:
    """The settings as operators see them."""
    document: dict[str, Any] = redacted(settings.model_dump(mode="json", exclude_none=True))
    return document


def redacted(document: Any) -> Any:
    """The same document with secrets replaced; what is not set stays visibly empty."""
    if isinstance(document, Mapping):
        return {name: _member(str(name), value) for name, value in document.items()}
    if isinstance(document, list | tuple):
        return [redacted(item) for item in document]
    return _without_secrets(document) if isinstance(document, str) else document


def _without_secrets(text: str) -> str:
    """An URL without what may let somebody in."""
    if "://" not in text:
        return text
    return _PARAMETER.sub(rf"\g<1>{REDACTED}", _USER_INFORMATION.sub(f"{REDACTED}@", text))


def _member(name: str, value: Any) -> Any:
    """A block that only has the name of a secret (an upstream called `key`) keeps its shape, its leaves do not."""
    return _hidden(value) if name.lower() in _SECRET_NAMES else redacted(value)


def _hidden(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _hidden(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden(item) for item in value]
    return value if value in ("", None) else REDACTED
