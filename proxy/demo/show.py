"""The demo: sandbox and Larder started beside it, the tour, then time to try; and everything stopped at the end."""

import asyncio
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from aiohttp import ClientError, ClientSession, ClientTimeout

from proxy.demo.configuration import TOKEN_VARIABLE, write_config
from proxy.demo.ports import Ports, PortTaken
from proxy.demo.processes import StartFailed, child
from proxy.demo.screen import Screen, screen_for
from proxy.demo.snippets import snippets_for
from proxy.demo.stage import Stage
from proxy.demo.tour import TOUR, Check, Checks, Step

START_WITHIN = 20.0  # seconds
ANSWER_WITHIN = 20.0
KEPT, BROKEN, NOT_STARTED = 0, 1, 2

USUAL = Ports()
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def show(
    *, stays: bool, ports: Ports = USUAL, screen: Screen | None = None, tour: tuple[Step, ...] = TOUR
) -> int:
    """The whole demo. 0: every step was as promised; 1: one was not; 2: it could not start, said in one line.

    `stays`: once the tour is over, everything runs on until Ctrl-C.
    """
    screen = screen_for(sys.stdout) if screen is None else screen
    told = False

    def tell() -> None:
        nonlocal told
        told = True

    with _ended_by_signals(tell):
        try:
            return await _show(ports, screen, tour, stays=stays)
        except (PortTaken, StartFailed) as error:
            sys.stderr.write(f"larder: {error}\n")
            return NOT_STARTED
        except asyncio.CancelledError:
            if not told:
                raise
            return BROKEN


async def _show(ports: Ports, screen: Screen, tour: tuple[Step, ...], *, stays: bool) -> int:
    ports.check_free()
    with TemporaryDirectory(prefix="larder-demo-") as name:
        folder = Path(name)
        async with _everything(ports, folder, screen) as stage:
            kept = await _given(tour, stage, screen)
            if stays:
                _invite(ports, folder, screen)
                await _until_told()
    return KEPT if kept else BROKEN


@asynccontextmanager
async def _everything(ports: Ports, folder: Path, screen: Screen) -> AsyncIterator[Stage]:
    """The sandbox, Larder in front of it, and a client. Raises StartFailed."""
    token = secrets.token_hex(32)
    environment = {**os.environ, TOKEN_VARIABLE: token}
    config = write_config(ports, folder)
    sandbox = ["sandbox", "--port", str(ports.sandbox), "--sign", "--notify", f"{ports.proxy_url}/webhooks/canvas"]
    larder = ["proxy", "run", "--config", str(config)]
    screen.headline(f"Starting the sandbox on {ports.sandbox_url} and Larder on {ports.proxy_url} …")
    async with (
        ClientSession(timeout=ClientTimeout(ANSWER_WITHIN)) as session,
        child("sandbox", sandbox, folder, os.environ) as upstreams,
        child("larder", larder, folder, environment) as proxy,
    ):
        stage = Stage(session, ports, token, screen)
        await upstreams.until(stage.sandbox_serves, START_WITHIN)
        await proxy.until(stage.larder_serves, START_WITHIN)
        await stage.slow_down()
        _keep_token(folder, token)
        yield stage


async def _given(tour: tuple[Step, ...], stage: Stage, screen: Screen) -> bool:
    """Whether every promise was kept."""
    broken = []
    for number, step in enumerate(tour, start=1):
        screen.step(number, step.title, step.promise)
        checks = await _played(step, stage)
        screen.checks(checks)
        if not all(check.seen for check in checks):
            broken.append(step.title)
    verdict = "every promise was kept" if not broken else f"NOT as promised: {', '.join(broken)}"
    screen.headline(f"\nThe tour is over: {verdict}.")
    return not broken


async def _played(step: Step, stage: Stage) -> Checks:
    """What a step showed. One that breaks off is one that was not as promised."""
    try:
        return await step.play(stage)
    except (ClientError, TimeoutError, LookupError, TypeError, ValueError) as error:
        return [Check(f"the step broke off ({type(error).__name__}: {error})", seen=False)]


def _invite(ports: Ports, folder: Path, screen: Screen) -> None:
    screen.headline("\nLarder stays up. Point the SDKs you use at it (make demo has installed them in .venv):")
    screen.snippets(snippets_for(ports))
    token = folder / "admin.token"
    screen.headline(f'Operators: curl -H "Authorization: Bearer $(cat {token})" {ports.admin_url}/admin/entries')
    screen.headline(f"Config: {folder / 'config.yaml'}\nCtrl-C ends it.")


def _keep_token(folder: Path, token: str) -> None:
    """For whoever wants to try the admin paths: in a file that only its owner can read."""
    path = folder / "admin.token"
    path.touch(mode=0o600)
    path.write_text(token, encoding="ascii")


async def _until_told() -> None:
    """Until a signal ends the demo."""
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        # The end that was waited for; what is left is to stop the processes.
        if (task := asyncio.current_task()) is not None:
            task.uncancel()


@contextmanager
def _ended_by_signals(tell: Callable[[], None]) -> Iterator[None]:
    """A signal cancels the demo, so that everything it started is stopped before it ends."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def end() -> None:
        tell()
        if task is not None:
            task.cancel()

    for number in ENDINGS:
        loop.add_signal_handler(number, end)
    try:
        yield
    finally:
        for number in ENDINGS:
            loop.remove_signal_handler(number)
