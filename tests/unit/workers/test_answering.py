"""A worker's answers: about its memory, its guards and its metrics; and a config that it takes in two steps."""

import asyncio
import json
import socket
from contextlib import asynccontextmanager

import pytest

from policies import Circuit
from proxy.store.contract import Filter
from proxy.workers.accepted import plans_from
from proxy.workers.aggregating import samples_of
from proxy.workers.answering import Answering
from proxy.workers.asking import Line
from proxy.workers.channel import to_supervisor, to_worker
from proxy.workers.control import (
    Abort,
    Commit,
    ConfigText,
    Count,
    Done,
    Failed,
    Guard,
    Measure,
    Prepare,
    Refused,
    Remove,
    Report,
    Summaries,
    Wanted,
)
from tests.house import running_larder
from tests.unit.store.samples import an_entry

CONFIG = {
    "server": {"port": 0},
    "store": {"durable": "none"},
    "upstreams": {"courseworks": {"base_url": "http://127.0.0.1:9"}},
}
TAG = "courseworks/course:565"


@asynccontextmanager
async def a_line_to(larder):
    """A supervisor's line to a worker with this Larder."""
    ours, theirs = socket.socketpair()
    line, channel = Line(await to_worker(ours)), await to_supervisor(theirs)
    answering = Answering(larder, channel, lambda config: plans_from(config, {}))

    async def hear():
        while (ask := await channel.hear()) is not None:
            answering.take(ask)

    listening, hearing = asyncio.create_task(line.listen()), asyncio.create_task(hear())
    yield line
    hearing.cancel()
    await channel.close()
    await listening


@pytest.fixture
async def worker():
    """A Larder, a line to it, and its log."""
    async with running_larder(CONFIG) as (larder, log), a_line_to(larder) as line:
        yield larder, line, log


def config(**changes):
    return ConfigText("config.yaml", json.dumps(CONFIG | changes))


async def test_memory_is_counted_told_and_emptied(worker):
    larder, line, _ = worker
    for number in range(3):
        larder.memory.put(an_entry(number, age=float(number)))
    wanted = Wanted.of(Filter(TAG, limit=2))

    assert await line.ask(Count(wanted), 5) == [Done(3)]
    [several] = await line.ask(Summaries(wanted), 5)
    assert [told.summary for told in several.entries] == await larder.memory.summaries(Filter(TAG, limit=2))
    assert await line.ask(Remove(TAG.encode()), 5) == [Done(3)]
    assert len(larder.memory) == 0


async def test_memory_and_guards_are_reported_as_they_are(worker):
    larder, line, _ = worker
    larder.memory.put(an_entry())
    upstream = larder.upstreams["courseworks"]
    upstream.breaker.failed(upstream.breaker.check())
    larder.observing.payload_refused("courseworks", "GET /")

    [state] = await line.ask(Report(), 5)

    assert (state.entries, state.bytes) == (1, an_entry().size)
    [shown] = state.upstreams
    assert (shown.name, shown.circuit, shown.calls, shown.failures, shown.payloads_refused) == (
        "courseworks",
        "closed",
        1,
        1,
        1,
    )


async def test_an_order_holds_when_it_is_answered_and_is_reported(worker):
    larder, line, _ = worker

    assert await line.ask(Guard("courseworks", "open", 60.0), 5) == [Done()]
    assert await line.ask(Guard("courseworks", "drain", 90.0), 5) == [Done()]

    orders = larder.upstreams["courseworks"].orders
    assert (orders.forced, orders.is_draining) == (Circuit.OPEN, True)
    [state] = await line.ask(Report(), 5)
    assert (state.upstreams[0].forced, 80 < state.upstreams[0].draining <= 90) == ("open", True)

    assert await line.ask(Guard("courseworks", "auto"), 5) == [Done()]
    assert orders.forced is None


async def test_an_order_on_an_upstream_that_is_not_here_any_more_is_about_nothing(worker):
    _, line, log = worker

    assert await line.ask(Guard("gone", "open", 60.0), 5) == [Done()]
    assert '"level":"error"' not in log.getvalue()


async def test_metrics_are_told_as_prometheus_reads_them(worker):
    larder, line, _ = worker
    larder.memory.put(an_entry())

    [measured] = await line.ask(Measure(), 5)

    assert samples_of(measured.text)["larder_memory_entries", ()] == 1


async def test_a_config_holds_when_it_is_committed_and_not_before(worker):
    larder, line, _ = worker
    later = config(server={"port": 0, "max_body": "1MiB"})

    assert await line.ask(Prepare(later), 5) == [Done()]
    assert larder.plans.settings.server.max_body != 1024**2
    assert await line.ask(Commit(), 5) == [Done()]
    assert larder.plans.settings.server.max_body == 1024**2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"servr": {}}, "did you mean server?"),
        (
            {"webhooks": {"campus": {"kind": "standard-webhooks", "upstream": "courseworks", "secret": "whsec_a"}}},
            "webhooks.campus",
        ),
    ],
)
async def test_a_config_that_cannot_be_used_is_refused_with_the_reason(worker, changes, said):
    larder, line, _ = worker
    before = larder.plans

    [refused] = await line.ask(Prepare(config(**changes)), 5)

    assert isinstance(refused, Refused)
    assert said in refused.problems[0].message
    assert larder.plans is before


async def test_what_was_thrown_away_cannot_be_committed_and_that_is_said_without_its_text(worker):
    larder, line, log = worker
    before = larder.plans
    await line.ask(Prepare(config()), 5)
    await line.ask(Abort(), 5)

    assert await line.ask(Commit(), 5) == [Failed("RuntimeError")]
    assert larder.plans is before
    assert "nothing was prepared" not in log.getvalue()
    assert '"kind":"RuntimeError"' in log.getvalue()
