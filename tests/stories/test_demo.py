"""The demo: the tour keeps its promises, tells when it does not, and leaves nothing running behind."""

import asyncio
import io
import signal
import socket
import sys

import pytest

from proxy.demo.ports import HOST, Ports, PortTaken
from proxy.demo.screen import PlainScreen
from proxy.demo.show import show
from proxy.demo.snippets import snippets_for
from proxy.demo.tour import TOUR, Check, Step
from tests.ports import free_port


def free_ports():
    return Ports(free_port(), free_port(), free_port())


async def run(**options):
    """The demo to its end: its exit status and what it showed."""
    output = io.StringIO()
    ports = options.pop("ports", None) or free_ports()
    status = await show(stays=False, ports=ports, screen=PlainScreen(output), **options)
    ports.check_free()  # whatever happened, nothing runs on
    return status, output.getvalue()


async def test_every_step_of_the_tour_is_as_promised():
    status, shown = await run()

    assert "NOT KEPT" not in shown
    assert status == 0
    assert [title for title in (step.title for step in TOUR) if f". {title}: " not in shown] == []
    for word in ("fwd=miss", "; hit;", "detail=circuit-open", "upstream calls so far: "):
        assert word in shown


async def test_a_promise_that_is_not_kept_is_told_and_gives_status_1():
    async def broken(stage):
        reading = await stage.read()
        return [Check("it is answered", reading.status == 200), Check("the moon is cheese", seen=False)]

    status, shown = await run(tour=(Step("A false promise", "The moon is cheese.", broken),))

    assert status == 1
    assert "NOT KEPT: the moon is cheese" in shown
    assert "kept: it is answered" in shown


async def test_a_step_that_breaks_off_is_a_promise_not_kept():
    async def breaks(stage):
        return [Check("a course", seen=(await stage.read()).json["no such member"])]

    status, shown = await run(tour=(Step("A step", "It ends.", breaks),))

    assert status == 1
    assert "NOT KEPT: the step broke off (TypeError" in shown


@pytest.mark.parametrize("taken", [0, 1, 2])
async def test_a_taken_port_is_told_in_one_line_and_gives_status_2(taken, capsys):
    ports = free_ports()
    with socket.socket() as other:
        other.bind((HOST, ports[taken]))
        other.listen()

        status = await show(stays=False, ports=ports, screen=PlainScreen(io.StringIO()))

    [line] = capsys.readouterr().err.splitlines()
    assert status == 2
    assert line.startswith(f"larder: port {ports[taken]}, where the demo puts ")


async def told_to_end(ports, more, after, number):
    """A demo in a process of its own that gets a signal once it showed a line: what it said, and its status."""
    program = (
        "import asyncio; from proxy.demo.show import show; from proxy.demo.ports import Ports;"
        f"raise SystemExit(asyncio.run(show(stays=True, ports=Ports{tuple(ports)}{more})))"
    )
    demo = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    said = b""
    try:
        while after not in said:
            line = await demo.stdout.readline()
            assert line, await demo.stderr.read()
            said += line
        with pytest.raises(PortTaken):
            ports.check_free()
        demo.send_signal(number)
        rest, errors = await demo.communicate()
    finally:
        if demo.returncode is None:
            demo.kill()
    assert errors == b""
    return (said + rest).decode(), demo.returncode


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_it_stays_up_with_snippets_to_paste_until_a_signal_ends_all_of_it(number):
    ports = free_ports()

    said, status = await told_to_end(ports, ", tour=()", b"Ctrl-C ends it.", number)

    assert status == 0
    assert all(snippet.code in said for snippet in snippets_for(ports))
    ports.check_free()


async def test_a_signal_within_the_tour_ends_everything_too_and_gives_status_1():
    ports = free_ports()

    _, status = await told_to_end(ports, "", b"1. First read", signal.SIGTERM)

    assert status == 1  # nobody saw all of it
    ports.check_free()


@pytest.mark.parametrize("which", [0, 1, 2])
async def test_a_snippet_runs_as_it_is_pasted(which, larder):
    async with larder() as house:
        snippet = snippets_for(Ports(proxy=house.larder.listener.port))[which]
        pasted = await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "ignore", "-c", snippet.code),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, errors = await pasted.communicate()

    assert (pasted.returncode, errors) == (0, b"")
    assert ("Course 1", "12 Example Pl Apt 3", "12 Example Pl")[which] in said.decode()
