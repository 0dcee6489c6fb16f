"""What stands in the provider's places of a request: there an SDK that can set nothing else puts its Larder key."""

from base64 import b64decode
from collections.abc import Iterable, Mapping

from adapters import Place, Query

_MOST = 8  # candidates: each wrong one costs a comparison with every hash


def candidates(places: Iterable[Place], headers: Mapping[str, str], query: Query) -> tuple[str, ...]:
    """The strings that may be Larder keys: a bearer token, a basic password, any other header or query value.

    `headers` is looked up by the lower-case name of a place.
    """
    found: list[str] = []
    for place in places:
        if place.where == "header":
            value = headers.get(place.name)
            if value:
                found.append(_secret_of(value) if place.name == "authorization" else value)
        else:
            found += (value for name, value in query if name == place.name and value)
    return tuple(dict.fromkeys(candidate for candidate in found if candidate))[:_MOST]


def _secret_of(authorization: str) -> str:
    """The secret part of an Authorization field (RFC 6750 §2.1, RFC 7617 §2), or "" where it has none."""
    scheme, _, credentials = authorization.strip().partition(" ")
    credentials = credentials.strip()
    match scheme.lower():
        case "bearer":
            return credentials
        case "basic":
            return _basic_password(credentials)
        case _:
            return ""


def _basic_password(credentials: str) -> str:
    try:
        text = b64decode(credentials, validate=True).decode()
    except ValueError:  # not base64, or not UTF-8: no key of ours
        return ""
    return text.partition(":")[2]
