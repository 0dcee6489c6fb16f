"""Faults on demand: what shall go wrong, for which requests, how often."""

import asyncio
from typing import Annotated, Any, Literal, NamedTuple, get_args
from urllib.parse import unquote_plus

from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from sandbox.journal import path_matches
from sandbox.settings import STRICT, UnknownField

Kind = Literal[
    "status",  # answer `status`, in the upstream's own error shape unless `body` says otherwise
    "latency",  # wait `seconds`, then go on: to the next fault that fits, or to the real answer
    "reset",  # TCP reset instead of an answer
    "reset_mid_body",  # the real answer's headers, half its body, then a TCP reset
    "reset_after_headers",  # the real answer's headers, then a TCP reset
    "throttle",  # as this upstream throttles; courseworks with 403 or 429, where `status` is one of them
    "hang",  # no answer until the caller leaves or the fault is cleared
    "hang_after_headers",  # the real answer's headers, then nothing
    "hang_mid_body",  # the real answer's headers, half its body, then nothing
    "down",  # the connection closed without an answer
    "html_502",  # the load balancer's page
    "malformed",  # the real answer with its body cut in the middle, well framed
    "empty_list",  # 200 `[]`
    "chunked",  # the real answer in small chunks
    "drip",  # the real answer, a byte every `seconds`; all of the rest when the fault is cleared
    "truncated_gzip",  # the real answer as half a gzip, well framed
    "bomb",  # a gzip of `size` bytes that takes about a thousandth of them
    "endless",  # a body in chunks that goes on until the caller leaves or the fault is cleared
]
KINDS: tuple[str, ...] = get_args(Kind)
UPSTREAMS = ("courseworks", "smartystreets", "google")


class Asked(NamedTuple):
    """A request, as plans look at it. `path` below the upstream's prefix; `query` as it came."""

    upstream: str
    method: str
    path: str
    query: str = ""
    body: bytes = b""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class FaultPlan:
    """`path` is raw, below the upstream's prefix, `*` at its end = prefix; `times` null = until cleared; `every` n =
    each n-th request that fits (2: up, down, up, down); `containing`: a text that stands in the query, decoded, or in
    the body (one bad address in a batch, say).
    """

    upstream: Literal["courseworks", "smartystreets", "google"]
    kind: Kind
    path: str = "*"
    method: str | None = None
    status: int = 503
    body: Any = None
    headers: dict[str, str] | None = None
    seconds: float = 1.0
    size: Annotated[int, Field(ge=2)] = 64 * 1024 * 1024  # bytes
    times: int | None = None
    every: Annotated[int, Field(ge=1)] = 1
    containing: str = ""

    def fits(self, asked: "Asked") -> bool:
        return (
            self.upstream == asked.upstream
            and (self.method is None or self.method.upper() == asked.method)
            and path_matches(self.path, asked.path)
            and (self.containing in unquote_plus(asked.query) or self.containing.encode() in asked.body)
        )


PLAN: TypeAdapter[FaultPlan] = TypeAdapter(FaultPlan)


def read_plan(given: Any) -> FaultPlan:
    """A plan from a control body; raises UnknownField naming the field and the valid ones."""
    try:
        return PLAN.validate_python(given)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "body"
        known = ", ".join(FaultPlan.__dataclass_fields__)
        raise UnknownField(f"field {field!r}: {first['msg']}; valid fields are: {known}") from error


class Fault:
    """A plan under way: how many requests fitted it, and how many it struck."""

    def __init__(self, number: str, plan: FaultPlan) -> None:
        self.id = number
        self.plan = plan
        self.met = 0
        self.struck = 0
        self.cleared = asyncio.Event()

    def is_spent(self) -> bool:
        return self.plan.times is not None and self.struck >= self.plan.times

    def meets(self) -> bool:
        """Count a request that fits; whether it is one to strike."""
        self.met += 1
        return self.met % self.plan.every == 0

    def shown(self) -> dict[str, Any]:
        plan = {name: getattr(self.plan, name) for name in FaultPlan.__dataclass_fields__}
        return {"id": self.id, **plan, "struck": self.struck}


class Faults:
    """The faults in force, oldest first."""

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}
        self._number = 0

    def add(self, plan: FaultPlan) -> Fault:
        self._number += 1
        fault = Fault(str(self._number), plan)
        self._faults[fault.id] = fault
        return fault

    def strike(self, asked: Asked) -> list[Fault]:
        """The faults that meet this request, each counted: every latency that fits, then the oldest other one."""
        fitting = [
            fault
            for fault in self._faults.values()
            if fault.plan.fits(asked) and not fault.is_spent() and fault.meets()
        ]
        slow = [fault for fault in fitting if fault.plan.kind == "latency"]
        chosen = slow + [fault for fault in fitting if fault.plan.kind != "latency"][:1]
        for fault in chosen:
            fault.struck += 1
        return chosen

    def all(self) -> list[Fault]:
        return list(self._faults.values())

    def remove(self, number: str) -> bool:
        fault = self._faults.pop(number, None)
        if fault is not None:
            fault.cleared.set()
        return fault is not None

    def clear(self) -> int:
        """How many were in force."""
        numbers = list(self._faults)
        for number in numbers:
            self.remove(number)
        return len(numbers)
