"""Header fields of typed answers, as the OpenAPI document tells of them: which come with which status."""

from collections.abc import Iterable
from typing import Any

_TEXT: dict[str, Any] = {"type": "string"}
_SECONDS: dict[str, Any] = {"type": "integer", "minimum": 0}

FIELDS: dict[str, dict[str, Any]] = {
    "Cache-Status": {
        "required": True,
        "schema": _TEXT,
        "description": "Where the answer came from (RFC 9211); of a problem `detail` says in a fixed word why.",
    },
    "traceparent": {"required": True, "schema": _TEXT, "description": "Of this request (W3C Trace Context)."},
    "Cache-Control": {
        "required": True,
        "schema": _TEXT,
        "description": "`no-store`; of courses and people `private, no-cache`.",
    },
    "Age": {"schema": _SECONDS, "description": "Seconds of the oldest stored answer in it; missing: none is."},
    "ETag": {"required": True, "schema": _TEXT, "description": "Strong; of what it says, not of its age."},
    "Vary": {"required": True, "schema": _TEXT, "description": "`Authorization`."},
    "Location": {
        "required": True,
        "schema": {"type": "string", "format": "uri"},
        "description": "Where the job stands.",
    },
    "Preference-Applied": {"required": True, "schema": _TEXT, "description": "`respond-async`."},
    "Retry-After": {
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
        "description": "Whole seconds after which it is worth another try.",
    },
    "Poll-After": {
        "schema": {"type": "integer", "minimum": 1},
        "description": "Whole seconds after which it is worth asking again; missing: the job is over.",
    },
    "Some-ETag": {
        "schema": _TEXT,
        "description": "Strong; of what it says. Missing where it has none (a part failed).",
    },
    "Some-Vary": {"schema": _TEXT, "description": "`Authorization`, beside an `ETag`."},
    "WWW-Authenticate": {"required": True, "schema": _TEXT, "description": "What would let you in (RFC 9110 §11.6.1)."},
    "Accept": {"required": True, "schema": _TEXT, "description": "The media type that is read here."},
    "Accept-Encoding": {"required": True, "schema": _TEXT, "description": "`identity`."},
}
"""By the name of each in the document; a field that is not always there where it stands has another one there."""

_EACH = ("Cache-Status", "traceparent", "Cache-Control")
_OF_PROBLEM = {
    401: ("WWW-Authenticate",),
    409: ("Retry-After",),
    415: ("Accept", "Accept-Encoding"),
    429: ("Retry-After",),
    503: ("Retry-After",),
}
_REALLY = {"Poll-After": "Retry-After", "Some-ETag": "ETag", "Some-Vary": "Vary"}

READ = ("Age", "ETag", "Vary")
UNDER_WAY = ("Location", "Preference-Applied", "Retry-After")
OF_JOB = ("Poll-After",)
PERHAPS_TAGGED = ("Age", "Some-ETag", "Some-Vary")


def with_fields(names: Iterable[str] = ()) -> dict[str, Any]:
    """The `headers` of a response: those of each, and these."""
    return {_REALLY.get(name, name): {"$ref": f"#/components/headers/{name}"} for name in (*_EACH, *names)}


def of_problem(status: int) -> dict[str, Any]:
    """Those of a problem."""
    return with_fields(_OF_PROBLEM.get(status, ()))
