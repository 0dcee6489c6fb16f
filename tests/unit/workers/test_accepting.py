"""Accepting: several listeners on one socket share its connections, lose none, and hand on what callers keep open."""

import asyncio
import errno
import socket
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import uvloop
from aiohttp import web

from proxy.http.sockets import bound_sockets
from proxy.workers import accepting
from proxy.workers.accepting import Accepting
from proxy.workers.handing import handing_pair, taken_from
from proxy.workers.listening import SharedListener

DRAIN = 5  # seconds
HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request):
    """Runs a story on each kind of event loop."""
    return request.param


class Caller:
    """A connection, spoken to by the byte."""

    def __init__(self, reader, writer):
        self._reader, self._writer = reader, writer

    async def send(self, data):
        self._writer.write(data)
        await self._writer.drain()

    async def read(self):
        """The body of one answer."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        return (await self._reader.readexactly(length)).decode()

    async def ask(self):
        await self.send(HEAD + b"\r\n")
        return await self.read()

    def close(self):
        self._writer.close()


async def a_moment(seconds):
    await asyncio.sleep(min(seconds, 0.001))


async def some_turns():
    for _ in range(20):
        await asyncio.sleep(0)


class Machine:
    """Listeners that share a socket, as those of several workers do."""

    def __init__(self, stack):
        self._stack = stack
        [self.bound] = bound_sockets("127.0.0.1", 0)
        stack.callback(self.bound.close)
        self.goes_in, self.comes_out = handing_pair()
        stack.callback(self.goes_in.close)
        stack.callback(self.comes_out.close)
        self.waits, self.began = {}, asyncio.Event()

    async def listener(self, name):
        """One more, whose answers tell its name; they wait for an Event under that name, if there is one."""

        async def handler(_):
            self.began.set()
            if name in self.waits:
                await self.waits[name].wait()
            return web.Response(text=name)

        listener = SharedListener(handler, [self.bound.dup()], max_head=8192, sleep=a_moment)
        await listener.open()
        listener.take_over(self.comes_out.dup())
        self._stack.push_async_callback(listener.close, DRAIN)
        return listener

    async def caller(self):
        caller = Caller(*await asyncio.open_connection(*self.bound.getsockname()))
        self._stack.callback(caller.close)
        return caller

    async def replaced(self, listener):
        """Drain a listener, as a worker that has a successor does."""
        listener.hand_over(self.goes_in)
        await listener.stop_listening()
        await listener.close(DRAIN)


@asynccontextmanager
async def a_machine():
    async with AsyncExitStack() as stack:
        yield Machine(stack)


def test_connections_spread_over_all_who_listen(run):
    async def story():
        async with a_machine() as machine:
            await machine.listener("one")
            await machine.listener("two")

            callers = await asyncio.gather(*[machine.caller() for _ in range(40)])  # more than one waits at a time
            answers = await asyncio.gather(*[caller.ask() for caller in callers])

        assert set(answers) == {"one", "two"}

    run(story())


def test_the_port_is_known_also_when_nobody_listens_any_more(run):
    async def story():
        async with a_machine() as machine:
            listener = await machine.listener("one")
            port = machine.bound.getsockname()[1]

            assert listener.port == port
            await listener.stop_listening()
            assert listener.port == port

    run(story())


def test_what_a_listener_that_ends_did_not_take_is_served_by_the_others(run):
    async def story():
        async with a_machine() as machine:
            first = await machine.listener("one")
            await first.stop_listening()
            callers = [await machine.caller() for _ in range(10)]  # in the kernel: nobody listens
            await machine.listener("two")

            assert {await caller.ask() for caller in callers} == {"two"}

    run(story())


def test_a_connection_that_is_kept_goes_on_with_the_successor(run):
    async def story():
        async with a_machine() as machine:
            old = await machine.listener("old")
            callers = [await machine.caller() for _ in range(20)]
            assert {await caller.ask() for caller in callers} == {"old"}
            await machine.listener("new")

            await machine.replaced(old)

            assert {await caller.ask() for caller in callers} == {"new"}

    run(story())


def test_a_connection_that_never_asked_yet_goes_on_with_the_successor(run):
    async def story():
        async with a_machine() as machine:
            old = await machine.listener("old")
            caller = await machine.caller()
            await (await machine.caller()).ask()  # the loop had its turn
            await machine.listener("new")

            await machine.replaced(old)

            assert await caller.ask() == "new"

    run(story())


def test_a_request_under_way_is_answered_where_it_began_and_the_next_one_elsewhere(run):
    async def story():
        async with a_machine() as machine:
            machine.waits["old"] = asyncio.Event()
            old = await machine.listener("old")
            caller = await machine.caller()
            asked = asyncio.create_task(caller.ask())
            await machine.began.wait()
            await machine.listener("new")

            replaced = asyncio.create_task(machine.replaced(old))
            await some_turns()
            machine.waits["old"].set()

            assert await asked == "old"
            await replaced
            assert await caller.ask() == "new"

    run(story())


def test_half_a_request_is_not_handed_over(run):
    async def story():
        async with a_machine() as machine:
            old = await machine.listener("old")
            caller = await machine.caller()
            await caller.ask()
            await caller.send(HEAD)
            await (await machine.caller()).ask()
            await machine.listener("new")

            replaced = asyncio.create_task(machine.replaced(old))
            await some_turns()
            await caller.send(b"\r\n")

            assert await caller.read() == "old"
            await replaced
            assert await caller.ask() == "new"

    run(story())


def test_without_successors_kept_connections_end(run):
    async def story():
        async with a_machine() as machine:
            only = await machine.listener("only")
            caller = await machine.caller()
            await caller.ask()

            await only.stop_listening()
            await only.close(DRAIN)

            with pytest.raises(asyncio.IncompleteReadError):
                await caller.ask()

    run(story())


def test_nobody_takes_what_nobody_gave():
    goes_in, comes_out = handing_pair()

    assert taken_from(comes_out) is None

    goes_in.close()
    comes_out.close()


def test_a_system_without_room_for_a_connection_is_asked_again_later(run, monkeypatch):
    class Full(socket.socket):
        times = 3

        def accept(self):
            if self.times:
                self.times -= 1
                raise OSError(errno.EMFILE, "no more")
            return super().accept()

    async def story():
        full = Full()
        full.bind(("127.0.0.1", 0))
        full.listen()
        full.settimeout(0)
        made = asyncio.get_running_loop().create_future()

        class Protocol(asyncio.Protocol):
            def connection_made(self, transport):
                made.set_result(transport)

        taking = Accepting(Protocol, [full])
        _, writer = await asyncio.open_connection(*full.getsockname())
        async with asyncio.timeout(5):
            (await made).close()
        writer.close()
        taking.close()
        assert full.times == 0

    monkeypatch.setattr(accepting, "ACCEPT_AGAIN", 0.001)
    run(story())


def test_every_address_of_a_name_is_listened_on():
    bound = bound_sockets("localhost", 0)

    assert {one.getsockname()[0] for one in bound} <= {"127.0.0.1", "::1"}
    assert all(one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) for one in bound)
    for one in bound:
        one.close()


def test_a_port_in_use_is_an_error_and_leaves_nothing_bound():
    [taken] = bound_sockets("127.0.0.1", 0)

    with pytest.raises(OSError, match="in use"):
        bound_sockets("127.0.0.1", taken.getsockname()[1])

    taken.close()
