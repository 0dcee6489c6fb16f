"""`python -m sandbox`: runs the stand-ins until told to stop."""

import argparse
import asyncio
import signal
import sys

from aiohttp import web

from sandbox.app import make_sandbox
from sandbox.settings import SandboxSettings

STOP_WITHIN = 2.0  # seconds for requests under way once a signal came


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000, help="0 takes a free one")
    parser.add_argument("--notify", action="append", default=[], metavar="URL", help="send Live Events there")
    parser.add_argument("--sign", action="store_true", help="send Live Events as signed JWTs")
    parser.add_argument("--webhook", action="append", default=[], metavar="URL", help="send Standard Webhooks there")
    return parser.parse_args(argv)


async def serve(settings: SandboxSettings, host: str, port: int) -> None:
    """Serves until SIGTERM or SIGINT; raises OSError when the address cannot be had."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    runner = web.AppRunner(make_sandbox(settings), access_log=None, shutdown_timeout=STOP_WITHIN)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        sys.stdout.write(f"sandbox ready on http://{host}:{runner.addresses[0][1]}\n")
        sys.stdout.flush()
        await stop.wait()
    finally:
        await runner.cleanup()


def main(argv: list[str] | None = None) -> int:
    """0 after a clean stop, 2 when it cannot start."""
    given = _arguments(argv)
    settings = SandboxSettings(notify=tuple(given.notify), sign=given.sign, webhooks=tuple(given.webhook))
    try:
        asyncio.run(serve(settings, given.host, given.port))
    except OSError as error:
        sys.stderr.write(f"sandbox: cannot listen on {given.host}:{given.port}: {error.strerror or error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
