"""The desk of a single process: what its operators may look at and do."""

import time

from aiohttp import web

from proxy.admin.app import make_admin
from proxy.admin.desk import Desk
from proxy.doubts.wards import OwnWard, Ward
from proxy.erasing import Eraser
from proxy.kept.tier import measure
from proxy.larder import Larder
from proxy.operating.tuning import Tuning
from proxy.telemetry.traces import current_trace
from proxy.upstream.view import UpstreamState, view_of


def admin_app(larder: Larder, tuning: Tuning, token: str) -> web.Application:
    """What serves the operators of one Larder that is open."""
    desk = Desk(
        host=larder.plans.settings.admin.host,
        token=token,
        clock=time.time,
        fences=larder.fences,
        purger=larder.purger,
        memory=larder.memory,
        durable=larder.durable,
        states=lambda: states(larder),
        plans=lambda: larder.plans,
        reload=tuning.configs.reload,
        order=tuning.orders.give,
        undo=tuning.undoing.undo,
        undoable=lambda: tuning.steps.open,
        audit=tuning.audit,
        ward=ward_of(larder),
        eraser=Eraser(larder.erasing, larder.purger, larder.durable, larder.observing.store_failed),
        digest=larder.digest,
        exposition=lambda: exposition(larder),
        on_error=larder.observing.store_failed,
        on_failure=lambda error: larder.observing.failed(current_trace.get(), error),
        on_flush=lambda mode: larder.observing.metrics.count("larder_purges_total", mode),
    )
    return make_admin(desk)


def ward_of(larder: Larder) -> Ward:
    """The quarantine of one Larder, and of those that share its store."""
    quarantine = larder.quarantine
    upstreams, on_error = (lambda: larder.plans.upstreams), larder.observing.store_failed
    return Ward(OwnWard(quarantine), quarantine.stored, upstreams, on_error)


def states(larder: Larder) -> list[UpstreamState]:
    """How the upstreams are now."""
    refused = larder.observing.refused_payloads
    return [view_of(upstream, refused.get(upstream.name, 0)) for upstream in larder.upstreams]


def exposition(larder: Larder) -> tuple[str, bytes]:
    """The metrics, with what is only looked at when somebody asks."""
    metrics = larder.observing.metrics
    for upstream in larder.upstreams:
        state = upstream.orders.forced or upstream.breaker.state
        metrics.set("larder_breaker_open", float(state != "closed"), upstream.name)
    metrics.set("larder_quarantine_entries", len(larder.quarantine))
    metrics.set("larder_memory_entries", len(larder.memory))
    metrics.set("larder_memory_bytes", larder.memory.bytes)
    metrics.set("larder_memory_evictions", larder.memory.evictions)
    measure(metrics, larder.tier)
    metrics.set("larder_log_lines_lost", larder.observing.log.lost)
    return metrics.exposition()
