"""Calls: one guarded call to Canvas without a socket, and what it is made of."""

import asyncio
import json
import random
import time
from collections.abc import Callable
from typing import NamedTuple

from bench.stand_ins import canvas_headers, course
from policies import Demand
from policies.http.fields import as_mapping
from proxy.plan import Plan, UpstreamPlan
from proxy.upstream.call import Upstream
from proxy.upstream.calls import Call, Tools
from proxy.upstream.judging import judge, refuse_unfit
from proxy.upstream.messages import Outgoing, ReadUpTo, Reply
from proxy.upstream.registry import Upstreams

PATH = "/api/v1/courses/100"


class _Quiet:
    """Telling metrics is no guard."""

    def attempt(self, upstream: str, endpoint: str, outcome: str, seconds: float) -> None:
        """Nobody wants to know."""

    def retry(self, upstream: str) -> None:
        """Nobody wants to know."""


class Called(NamedTuple):
    """An upstream that can be called, with and without its guards."""

    upstream: Upstream
    plan: Plan
    reply: Callable[[], Reply]  # what Canvas says

    async def call(self) -> Reply:
        """Through all guards."""
        return await self.upstream.call(self.made())

    async def bare(self) -> Reply:
        """Made, sent and judged, and no more."""
        self.made()
        reply = self.reply()
        self.judge(reply)
        return reply

    def judge(self, reply: Reply) -> None:
        """What every answer goes through, guards or not."""
        judge(self.upstream.adapter, reply, bases=self.upstream.base_urls, now=time.time())
        refuse_unfit(self.plan.endpoint, reply)

    def made(self) -> Call:
        """A caller's wish, as it goes to the guards."""
        bases = self.upstream.base_urls
        outgoing = Outgoing("GET", bases[0] + PATH, (), b"", is_safe=True, decode=True)
        demand = Demand(deadline=time.monotonic() + 35)
        return Call(
            outgoing, self.plan.endpoint, self.plan.name, "ada", self.plan.guards, _all, demand, bases, rests=True
        )


def called(plan: UpstreamPlan) -> Called:
    """An upstream as a Larder has it, but for its transport and its metrics."""
    body, fields = json.dumps(course(100)).encode(), tuple(canvas_headers(plan.base_url + PATH).items())
    headers = as_mapping(fields)

    def reply() -> Reply:
        return Reply(200, fields, headers, body)

    async def send(_outgoing: Outgoing, _patience: float, _read_up_to: ReadUpTo) -> Reply:
        return reply()

    upstreams = Upstreams(Tools(send, _Quiet(), time.monotonic, time.time, asyncio.sleep, random.random))
    upstreams.follow([plan])
    return Called(upstreams[plan.name], plan.match("GET", PATH)[0], reply)


def _all(_status: int, _headers: object) -> int:
    return 1_000_000
