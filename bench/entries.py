"""Entries: answers as the proxy itself makes and keeps them, for the figures of memory and of start."""

import json
from collections.abc import Iterator

from multidict import CIMultiDict

from bench.scene import ASKER
from bench.stand_ins import canvas_headers, course
from policies.http.fields import as_mapping
from proxy.asker import Asker
from proxy.asking import Incoming
from proxy.kept.deciding import decide
from proxy.kept.storing import Made, entry_of
from proxy.messages import Entry
from proxy.plan import Plan, UpstreamPlan
from proxy.upstream.messages import Reply

TAGS = 8
ACCEPTED = ASKER["Accept"]  # it is part of the key


def reply_of(number: int, body: bytes) -> Reply:
    """A Canvas answer with fields of its own."""
    headers = canvas_headers(f"https://courseworks2.columbia.edu/api/v1/courses/{number}")
    headers["ETag"] = f'W/"{number:032x}"'
    headers["X-Request-Context-Id"] = f"{number:08x}-79a5-4f0e-9a52-1d2c3b4a5f60"
    headers["Date"] = "Tue, 24 Nov 2026 01:46:21 GMT"
    fields = tuple((str(name), f"{value}") for name, value in headers.items())
    return Reply(200, fields, as_mapping(fields), body)


def entries(asker: Asker, upstream: UpstreamPlan, token: str, many: int, now: float) -> Iterator[Entry]:
    """Courses with eight tags each; `{number}` in the token is replaced, so each may be another student's."""
    for number in range(many):
        path = f"/api/v1/courses/{number}"
        plan, params = upstream.match("GET", path)
        bearer = f"Bearer {token.replace('{number}', str(number))}"
        headers: CIMultiDict[str] = CIMultiDict({"Accept": ACCEPTED, "Authorization": bearer})
        ask = asker.ask(upstream, plan, params, Incoming("GET", path, "", headers, b"", "bench"))
        reply = reply_of(number, json.dumps(course(number)).encode())
        made = Made(0, number + 1, now, number / many, settles=False)  # jitter differs, as it does
        yield entry_of(ask, reply, decide(ask, reply, me=None), _tags(plan, number), made)


def _tags(plan: Plan, number: int) -> tuple[str, ...]:
    """As long and as different as those of a course and the people in it."""
    return tuple(f"{plan.upstream.name}/in:course:{number * TAGS + n}" for n in range(TAGS))
