"""Providers: each upstream as one of its callers uses it, and how that caller's SDK reads an error."""

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from policies import DAY, MINUTE
from tests.house import ADA, bearer

PROBLEM = "application/problem+json"


@dataclass(frozen=True, eq=False)
class Provider:
    """`side`: whose faults of the sandbox are its own; `root`: where Larder's base URL leads there; `template`: what is
    asked for below it.
    """

    name: str
    side: str
    root: str
    template: str
    grows_old: float  # seconds, after which what is stored only stands in for failures
    reads_error: Callable[[bytes, str], bool]
    block: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Callable[[int], Any] = lambda _number: None
    change: Mapping[str, Any] | None = None  # of the sandbox, by which number 0 becomes another one
    label: str = ""

    def __str__(self) -> str:
        return self.label or self.name

    def path(self, number: int) -> str:
        """What is asked for; there are as many as one likes."""
        return self.template.format(number=number, one_more=number + 1)


def canvas_error(body: bytes, content_type: str) -> bool:
    """canvasapi shows what JSON says, and the text of all else."""
    return _is_text(body, content_type) or isinstance(_object(body).get("errors"), list)


def smarty_error(body: bytes, content_type: str) -> bool:
    """An object whose `errors` is a list of messages, or no JSON at all (UPSTREAMS.md §4.5)."""
    return _is_text(body, content_type) or all("message" in one for one in _object(body)["errors"])


def classic_error(body: bytes, content_type: str) -> bool:
    """googlemaps wants a `status` in every 200 (§5.3)."""
    return _is_text(body, content_type) or bool(_object(body).get("status") or _object(body).get("error"))


def rpc_error(body: bytes, content_type: str) -> bool:
    """An `error` with a code and a status (§5.5)."""
    return _is_text(body, content_type) or {"code", "message", "status"} <= _object(body)["error"].keys()


def problem(body: bytes, content_type: str) -> bool:
    """Larder's own words (RFC 9457), or whatever the upstream said."""
    return content_type != PROBLEM or {"type", "title", "status", "detail"} <= _object(body).keys()


def _object(body: bytes) -> dict[str, Any]:
    found = json.loads(body)
    return found if isinstance(found, dict) else {}


def _is_text(body: bytes, content_type: str) -> bool:
    return content_type.startswith("text/")


def _letter(number: int) -> dict[str, Any]:
    lines = [f"12 Example Place Apt {number}"]
    return {"address": {"regionCode": "US", "locality": "Sampleton", "addressLines": lines}}


BASIC = {"Authorization": f"Basic {b64encode(b'sandbox-id:sandbox-token').decode()}"}
KEY = {"X-Goog-Api-Key": "AIzaSandboxKey"}
STREET = "street=12+Example+Place&city=Sampleton&state=NY&zipcode=10099&addressee={number}"
COURSEWORKS = Provider(
    "courseworks",
    "courseworks",
    "/courseworks",
    "/api/v1/courses?n={one_more}",
    10 * MINUTE,
    canvas_error,
    block={"learn_user": False},
    headers=bearer(ADA),
    change={"kind": "rename_course", "course_id": 100, "name": "Another"},
)
SMARTY = Provider(
    "smartystreets",
    "smartystreets",
    "/smartystreets/{api}",
    f"/us-street/street-address?{STREET}",
    32 * DAY,
    smarty_error,
    headers=BASIC,
)
GEOCODING = Provider(
    "google",
    "google",
    "/google",
    "/maps/api/geocode/json?address={one_more}+Example+Place,+Sampleton+NY",
    8 * DAY,
    classic_error,
    headers=KEY,
)
VALIDATION = Provider(
    "google",
    "google",
    "/google",
    "/v1:validateAddress",
    8 * DAY,
    rpc_error,
    headers=KEY,
    body=_letter,
    label="google v1",
)
MIRROR = Provider(
    "mirror",
    "smartystreets",
    "/smartystreets/us-street",
    f"/street-address?{STREET}",
    2 * MINUTE,
    problem,
    headers=BASIC,
    block={
        "adapter": "http",
        "credential": {"header": "authorization", "value": BASIC["Authorization"]},
        "endpoints": {"GET /street-address": {"cache": {"ttl": "60s", "stale_if_error": "24h"}}},
    },
)
