"""The admin listener beside the proxy: on a port of its own, so that the network can keep it apart."""

import time

from aiohttp import web

from proxy.admin.app import make_admin
from proxy.admin.desk import Desk
from proxy.larder import Larder
from proxy.reloading import Reloader
from proxy.telemetry.traces import current_trace
from proxy.tier import measure


class AdminListener:
    """Serves the operators of one Larder that is open."""

    def __init__(self, larder: Larder, reloader: Reloader, token: str) -> None:
        settings = larder.plans.settings.admin
        self._host, self._port = settings.host, settings.port
        desk = Desk(
            host=settings.host,
            token=token,
            clock=time.time,
            fences=larder.fences,
            purger=larder.purger,
            memory=larder.memory,
            durable=larder.durable,
            upstreams=larder.upstreams,
            plans=lambda: larder.plans,
            reload=reloader.reload,
            exposition=lambda: exposition(larder),
            on_error=larder.observing.store_failed,
            on_failure=lambda error: larder.observing.failed(current_trace.get(), error),
            on_flush=lambda mode: larder.observing.metrics.count("larder_purges_total", mode),
            payloads_refused=lambda name: larder.observing.refused_payloads.get(name, 0),
        )
        self._runner = web.AppRunner(make_admin(desk), access_log=None)

    @property
    def port(self) -> int:
        """The port it listens on, also where the system chose it."""
        return int(self._runner.addresses[0][1])

    async def open(self) -> None:
        """Listen. Raises OSError when the address cannot be had."""
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()

    async def close(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()


def exposition(larder: Larder) -> tuple[str, bytes]:
    """The metrics, with what is only looked at when somebody asks."""
    metrics = larder.observing.metrics
    for upstream in larder.upstreams:
        metrics.set("larder_breaker_open", float(upstream.breaker.state != "closed"), upstream.name)
    metrics.set("larder_memory_entries", len(larder.memory))
    metrics.set("larder_memory_bytes", larder.memory.bytes)
    metrics.set("larder_memory_evictions", larder.memory.evictions)
    measure(metrics, larder.tier)
    metrics.set("larder_log_lines_lost", larder.observing.log.lost)
    return metrics.exposition()
