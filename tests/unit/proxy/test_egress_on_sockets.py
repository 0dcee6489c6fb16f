"""Egress on real sockets: where a name must not lead nobody goes, by whatever way the address came to be its own."""

import asyncio
import socket
from contextlib import asynccontextmanager
from ipaddress import ip_address

import pytest
from aiohttp.abc import AbstractResolver

from policies import EgressPolicy
from tests.calling import line
from tests.raw_origin import End, raw_origin, turns, until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
REFUSED = ("egress-refused", False)
NAME = "upstream.example"
HERE, THERE = "127.0.0.1", "127.0.0.2"  # two addresses of this machine
ONLY_HERE = EgressPolicy(networks=(f"{HERE}/32",))
ONLY_THERE = EgressPolicy(networks=(f"{THERE}/32",))
BOTH = EgressPolicy(networks=("127.0.0.0/8",))
READS_AND_WRITES = pytest.mark.parametrize("is_safe", [True, False], ids=["a read", "a write"])


class Resolver(AbstractResolver):
    """Gives one answer after the other, the last one for ever; to questions that may come in now."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = 0
        self.opened = asyncio.Event()
        self.opened.set()

    async def resolve(self, host, port=0, family=socket.AF_INET):
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        await self.opened.wait()
        return [
            {"hostname": host, "host": address, "port": port, "family": family_of(address), "proto": 0, "flags": 0}
            for address in answer
        ]

    async def close(self):
        pass


def family_of(address):
    try:
        return socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET
    except ValueError:
        return socket.AF_INET


class Door:
    """A port at `THERE` where one would rather not be seen."""

    def __init__(self):
        self.connections = 0
        self.heard = b""

    async def met(self, reader, writer):
        self.connections += 1
        self.heard += await reader.read(1)
        writer.close()


@asynccontextmanager
async def two_places(*answers, scripts=(OK,)):
    """An origin HERE, a door THERE on the same port, a name for which the resolver has these answers, and a line."""
    resolver, door = Resolver(*answers), Door()
    async with raw_origin(*scripts) as there:
        server = await asyncio.start_server(door.met, THERE, there.port)
        async with server, line(f"http://{NAME}:{there.port}", resolver=resolver) as call:
            call.resolver = resolver
            yield call, there, door


@READS_AND_WRITES
async def test_a_name_that_leads_to_this_machine_is_refused_and_nobody_is_connected(is_safe):
    async with two_places([HERE, THERE]) as (call, there, door):
        assert await call.failure(is_safe=is_safe) == REFUSED
        await turns()

        assert (there.connections, door.connections) == (0, 0)


@pytest.mark.parametrize("host", ["localhost", "us-street.localhost", "127.0.0.1"])
@READS_AND_WRITES
async def test_localhost_and_an_address_lead_where_they_say(host, is_safe):
    async with two_places([HERE]) as (call, there, _):
        reply = await call(url=f"http://{host}:{there.port}", is_safe=is_safe)

        assert reply.body == b"ok"


async def test_localhost_leads_nowhere_else():
    async with two_places(["10.255.255.1"]) as (call, there, _):
        assert await call.failure(url=f"http://localhost:{there.port}") == REFUSED


@READS_AND_WRITES
async def test_declared_networks_hold_for_names(is_safe):
    async with two_places([HERE]) as (call, there, _):
        assert (await call(egress=ONLY_HERE, is_safe=is_safe)).body == b"ok"
        assert await call.failure(egress=ONLY_THERE, is_safe=is_safe) == REFUSED

        assert len(there.seen) == 1


@READS_AND_WRITES
async def test_declared_networks_hold_for_addresses_which_nobody_resolves(is_safe):
    async with raw_origin(OK) as there, line(there.url) as call:
        assert await call.failure(egress=ONLY_THERE, is_safe=is_safe) == REFUSED
        assert there.connections == 0

        assert (await call(egress=ONLY_HERE, is_safe=is_safe)).body == b"ok"


async def test_of_several_addresses_only_those_allowed_are_tried():
    async with two_places([THERE, HERE]) as (call, _, door):
        assert (await call(egress=ONLY_HERE)).body == b"ok"

        assert door.connections == 0


async def test_a_name_that_leads_elsewhere_the_second_time_is_refused_then(monkeypatch):
    """DNS rebinding: what was looked up is forgotten after a minute, and a kept connection after 4 seconds."""
    now = [100.0]
    monkeypatch.setattr("aiohttp.connector.monotonic", lambda: now[0])
    async with two_places([HERE], [THERE]) as (call, there, door):
        assert (await call(egress=ONLY_HERE)).body == b"ok"
        now[0] += 61
        assert await call.failure(egress=ONLY_HERE) == REFUSED

        assert (call.resolver.asked, there.connections, door.connections) == (2, 1, 0)


async def test_what_was_looked_up_for_one_upstream_is_judged_anew_for_another():
    async with two_places([HERE], scripts=((OK, End.FIN),)) as (call, there, _):
        assert (await call(egress=ONLY_HERE)).body == b"ok"
        await until(lambda: there.gone == 1)
        await turns()
        assert await call.failure(egress=ONLY_THERE) == REFUSED

        assert (call.resolver.asked, there.connections) == (1, 1)


async def test_two_who_wait_for_the_same_look_up_are_judged_each_by_their_own_policy():
    async with two_places([HERE]) as (call, there, _):
        call.resolver.opened.clear()
        allowed = asyncio.ensure_future(call(egress=ONLY_HERE))
        refused = [asyncio.ensure_future(call.failure(egress=policy)) for policy in (ONLY_THERE, EgressPolicy())]
        await turns()
        call.resolver.opened.set()

        assert (await allowed).body == b"ok"
        assert await asyncio.gather(*refused) == [REFUSED, REFUSED]
        assert (call.resolver.asked, there.connections) == (1, 1)


async def test_a_kept_connection_is_not_used_by_whom_its_end_is_forbidden():
    async with two_places([HERE]) as (call, there, _):
        assert (await call(egress=ONLY_HERE)).body == b"ok"
        assert await call.failure(egress=EgressPolicy()) == REFUSED
        await until(lambda: there.gone == 1)

        assert (len(there.seen), there.connections) == (1, 1)


async def test_a_kept_connection_to_a_forbidden_end_makes_way_for_one_to_another():
    async with two_places([HERE, THERE]) as (call, there, door):
        assert (await call(egress=BOTH)).body == b"ok"
        await call.failure(egress=ONLY_THERE)

        assert (len(there.seen), there.gone, door.connections, door.heard) == (1, 1, 1, b"G")


async def test_a_connection_that_led_elsewhere_than_it_was_resolved_hears_nothing(monkeypatch):
    """Whatever lets an address slip through: the connection's own end is looked at before anything is sent."""
    monkeypatch.setattr("proxy.upstream.http_client.allowed_of", lambda host, results: results)
    async with two_places([THERE]) as (call, _, door):
        for is_safe in (True, False):
            assert await call.failure(egress=ONLY_HERE, is_safe=is_safe) == REFUSED
        await until(lambda: door.connections == 2)
        await turns()

        assert door.heard == b""


@pytest.mark.parametrize(
    "address", ["127.1", "2130706433", "0x7f000001", "localhost", "", "fe80::1%lo", "::ffff:127.0.0.1"]
)
async def test_an_address_that_only_a_resolver_understands_is_refused(address):
    async with two_places([address]) as (call, there, _):
        assert await call.failure() == REFUSED
        assert there.connections == 0


@READS_AND_WRITES
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_the_answer_and_nobody_goes_there(status, is_safe):
    async with raw_origin(OK) as elsewhere:
        said = b"HTTP/1.1 %d Go\r\nLocation: %s/x\r\nContent-Length: 0\r\n\r\n" % (status, elsewhere.url.encode())
        async with raw_origin(said) as there, line(there.url) as call:
            reply = await call("POST", "/x", ("Authorization", "Bearer secret"), is_safe=is_safe)

            assert (reply.status, reply.headers["location"]) == (status, f"{elsewhere.url}/x")
            assert (len(there.seen), elsewhere.connections) == (1, 0)
