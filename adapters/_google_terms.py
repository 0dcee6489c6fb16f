"""What of Google's content may be kept, and how long: main terms 3.2.3, Service Specific Terms, UPSTREAMS.md §7.

What an answer holds is read from the field mask that asked for it and from its body. Either alone tells too little:
a mask does not say what came, and proto3 JSON leaves out what is false or zero, so that an answer says something by
what is not in it (§5.2).
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from adapters._exchanges import NOT_JSON, Exchange, Sent
from adapters._google_requests import MASKS
from adapters._terms import Term
from policies import DAY

LEGAL = 30 * DAY  # then delete: SST B.1.3, B.6.3.1

PLACE_IDS, COORDINATES, ADDRESSES, OTHER = "place_ids", "coordinates", "addresses", "other_content"
TERMS = {
    PLACE_IDS: Term(keep_at_most=None, clause="SST A.3"),
    COORDINATES: Term(keep_at_most=LEGAL, clause="SST B.6.3.1"),
    ADDRESSES: Term(keep_at_most=LEGAL, clause="SST B.1.3"),
    OTHER: Term(keep_at_most=0, clause="main terms 3.2.3"),
}

# Field masks whose answers hold nothing else; whatever is spelled otherwise counts as anything.
_OF_IDS = ("id", "name", "place_id")
_OF_POINTS = (
    *("location", "location.latitude", "location.longitude", "viewport", "viewport.low", "viewport.high"),
    *("geometry", "geometry.location", "geometry.viewport"),
)
_BY_MASK = {
    **dict.fromkeys(_OF_IDS, PLACE_IDS),
    **dict.fromkeys(_OF_POINTS, COORDINATES),
    **{f"places.{path}": PLACE_IDS for path in ("id", "name")},
    **{f"places.{path}": COORDINATES for path in _OF_POINTS},
    **{f"candidates.{path}": COORDINATES for path in _OF_POINTS},
    "candidates.place_id": PLACE_IDS,
    "suggestions.placePrediction.placeId": PLACE_IDS,
    "suggestions.placePrediction.place": PLACE_IDS,
    "result.geocode.placeId": PLACE_IDS,
    "result.geocode.location": COORDINATES,
    "result.geocode.bounds": COORDINATES,
}
_IDS = frozenset({"id", "placeId", "place_id"})
_POINTS = frozenset({"lat", "lng", "latitude", "longitude"})
_RESOURCES = frozenset({"name", "place"})  # "places/ID"
_ADDRESS_APIS = ("/v1:", "/v1%3A", "/v1%3a", "/maps/api/geocode/")


def content(exchange: Exchange) -> Collection[str]:
    """The kinds of content in an answer."""
    return _asked(exchange.sent) | _held(exchange.json, _anything(exchange.sent))


def may_be_kept(sent: Sent) -> bool:
    """Whether all that a request asks for may be kept at all, for however long. Asked on every read."""
    return sent.path.startswith(_ADDRESS_APIS) or OTHER not in _asked(sent)


def _anything(sent: Sent) -> str:
    """What a field may be that nothing here names."""
    return ADDRESSES if sent.path.startswith(_ADDRESS_APIS) else OTHER


def _asked(sent: Sent) -> set[str]:
    """By every mask there is: without one, anything may be in the answer."""
    masks = [value for name, value in sent.query if name in MASKS and value]
    masks += [value for name, value in sent.headers.items() if name.lower() == "x-goog-fieldmask" and value]
    paths = [path.strip().replace("/", ".") for mask in masks for path in mask.split(",")]
    return {_BY_MASK.get(path, _anything(sent)) for path in paths} or {_anything(sent)}


def _held(json: Any, anything: str) -> set[str]:
    if json is NOT_JSON:
        return {anything}
    return {_kind(name, value, anything) for name, value in _leaves(json)} - {""}


def _kind(name: str, value: object, anything: str) -> str:
    if name in _IDS:
        return PLACE_IDS
    if name in _POINTS:
        return COORDINATES
    if name in _RESOURCES and isinstance(value, str) and value.startswith("places/") and value.count("/") == 1:
        return PLACE_IDS
    return "" if name == "status" and value in ("OK", "ZERO_RESULTS") else anything


def _leaves(json: Any) -> Iterator[tuple[str, object]]:
    """Every value that holds no others, with the name of the member it is in. Without recursion: answers are deep."""
    waiting: list[tuple[str, Any]] = [("", json)]
    while waiting:
        name, value = waiting.pop()
        inside: Iterable[tuple[str, Any]]
        if isinstance(value, dict):
            inside = value.items()
        elif isinstance(value, list):
            inside = ((name, item) for item in value)
        else:
            yield name, value
            continue
        waiting.extend(inside)
