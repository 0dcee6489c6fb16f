"""Serve: Larder without its admin listener, where `larder run` cannot start. `python -m bench.serve CONFIG`"""

import asyncio
import os
import signal
import sys
from pathlib import Path

import uvloop

from proxy.larder import Larder
from proxy.loading import load_plans
from proxy.observing import Observing
from proxy.telemetry.logs import configure_logs


async def serve(config: Path) -> None:
    """Serve until SIGTERM."""
    plans = load_plans(config, os.environ)
    observing = Observing(configure_logs(plans.settings.log.level, plans.settings.log.format))
    larder = Larder(plans, observing)
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    await larder.open()
    await told.wait()
    await larder.close()
    observing.close()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1])))
