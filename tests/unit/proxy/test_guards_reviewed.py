"""Defects of guards that a hostile review found: each test says what should hold."""

import asyncio
from dataclasses import replace

import pytest

from adapters import Kind, Verdict
from policies import BreakerPolicy, Circuit, CircuitBreaker, ConcurrencyPolicy, Demand, GuardPolicies, RetryPolicy
from policies.pacing import Pacer
from policies.pacing_account import PacingPolicy
from proxy.config.loading import load_adapter
from proxy.upstream.calls import Tools
from proxy.upstream.failures import UpstreamFailure
from proxy.upstream.hosts import MOST, OTHERS, Hosts
from proxy.upstream.messages import Reply
from proxy.upstream.refusing import remembered_of, said_again
from proxy.upstream.registry import Upstreams
from tests.passing_time import PassingTime, turns
from tests.unit.proxy.conftest import Line, PlanOf, Script, Seen

REFUSED = (401, {"WWW-Authenticate": "Bearer", "Set-Cookie": "session=of-the-first"})


class Patient(Line):
    """A line whose waits last until its time has passed."""

    def __init__(self, script, time, **policies):
        self.script, self.clock, self.seen, self.waits, self.bases = script, time, Seen(), [], ("http://there",)
        self.policies = replace(GuardPolicies(retry=RetryPolicy(attempts=1)), **policies)
        self.upstreams = Upstreams(Tools(script.send, self.seen, time, time, time.sleep, lambda: 0.0))
        self.upstreams.follow([PlanOf(self.policies)])


async def test_who_waited_for_a_slot_does_not_go_out_in_a_pause_that_began_meanwhile():
    time = PassingTime()
    there = Patient(Script((429, {"Retry-After": "5"}), 200), time, concurrency=ConcurrencyPolicy(upstream=1))
    calls = [asyncio.create_task(there.call(url=f"http://there/{n}")) for n in range(20)]
    await turns(60)

    assert there.calls == 1

    await time.advance(4.9)
    assert there.calls == 1
    await time.advance(0.2)
    await turns(200)
    assert there.calls == 20
    await asyncio.gather(*calls, return_exceptions=True)


async def test_a_read_is_not_sent_again_before_the_upstream_wants_it_and_others_are(line):
    there = line((503, {"Retry-After": "20"}), 200, retry=RetryPolicy(attempts=1))
    for expected in ("upstream-failed", "paused"):
        with pytest.raises(UpstreamFailure) as caught:
            await there.call()
        assert caught.value.detail == expected
    assert caught.value.problem.problem.retry_after == 20

    assert (await there.call(url="http://there/other")).status == 200
    there.clock.advance(20)
    assert (await there.call()).status == 200


async def test_a_probe_of_a_refused_credential_that_was_never_sent_leaves_it_to_the_next(line):
    there = line(REFUSED, 200)
    await there.call(rests=True)
    there.clock.advance(300)

    with pytest.raises(UpstreamFailure):
        await there.call(rests=True, demand=Demand(deadline=there.clock() - 1))

    assert (await there.call(rests=True)).status == 200
    assert there.calls == 2


async def test_a_refusal_that_is_said_again_sets_no_cookie(line):
    there = line(REFUSED)
    first = await there.call(rests=True, credential="own")
    again = await there.call(rests=True, credential="own")

    assert "set-cookie" in first.headers
    assert (again.status, again.calls, "set-cookie" in again.headers) == (401, 0, False)
    assert again.headers["www-authenticate"] == "Bearer"


async def test_a_refused_head_is_not_what_a_get_hears(line):
    there = line(REFUSED)
    call = there.made(rests=True, credential="own")
    head = call._replace(outgoing=replace(call.outgoing, method="HEAD"))

    assert remembered_of(await there.upstream.call(head), head) is None


@pytest.mark.parametrize(
    ("path", "said"), [("/maps/api/geocode/json", b"OVER_DAILY_LIMIT"), ("/maps/api/geocode/xml", b"refused")]
)
def test_a_held_credential_hears_its_refusal_in_the_shape_of_the_path_it_asks(line, path, said):
    verdict = Verdict(Kind.CREDENTIAL_REFUSED, detail="quota-used-up")
    call = line(200).made(url="http://there" + path)

    again = said_again(Reply(200, (), {}, verdict=verdict, calls=0), call, load_adapter("google"), "google")

    assert again.status == 200
    assert said in again.body


async def test_one_scope_that_refuses_a_credential_says_nothing_of_another(line):
    there = line(REFUSED, 200)
    await there.call(rests=True, scope="/maps/api/elevation")

    assert (await there.call(rests=True, scope="/maps/api/geocode")).status == 200


def test_quotas_of_two_apis_are_two():
    there = Line(Script(200), PassingTime(), {})
    one = there.made()

    assert one.paced_as != one._replace(bases=("http://elsewhere",)).paced_as


def test_one_odd_answer_locks_no_credential_for_hours():
    pacer = Pacer(PacingPolicy(reserve=100, refill=10), lambda: 0.0)
    pacer.told("me", -1_000_000, None)

    assert pacer.take("me", Demand()) <= 300


def test_names_that_callers_make_up_neither_grow_circuits_nor_close_one():
    hosts = Hosts(("https://{api}.example",), BreakerPolicy(minimum_calls=1), lambda _: _circuit(), lambda: 0.0)
    first = hosts.circuit("https://known.example")
    first.failed(first.check())
    for number in range(10 * MOST):
        hosts.circuit(f"https://made-up-{number}.example")

    assert len(hosts.circuits) == MOST + 1
    assert hosts.circuit("https://known.example").state is Circuit.OPEN
    assert hosts.circuit("https://yet-another.example") is hosts.circuits[OTHERS]


def test_what_is_not_safe_to_repeat_is_no_probe_while_another_place_is_well():
    now = [0.0]
    hosts = Hosts(("a", "b"), BreakerPolicy(minimum_calls=1, cooldown=5), lambda _: _circuit(now), lambda: now[0])
    broken = hosts.circuit("a")
    broken.failed(broken.check())
    now[0] = 6.0

    assert {hosts.choose(("a", "b"), is_safe=False).base for _ in range(4)} == {"b"}
    assert hosts.choose(("a", "b")).base == "a"


def _circuit(now=(0.0,)):
    return CircuitBreaker(BreakerPolicy(minimum_calls=1, cooldown=5), lambda: now[0])
