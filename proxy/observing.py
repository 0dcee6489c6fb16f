"""Observing: what happens, told to metrics and log in fixed words. All parts of the proxy report here."""

import random
import time
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from proxy.answers import Answer
from proxy.config.file import ConfigProblem
from proxy.doubts.sightings import Sighting
from proxy.store.contract import StoreError
from proxy.telemetry.logs import Log
from proxy.telemetry.metrics import Metrics
from proxy.telemetry.traces import Trace, Traces, current_trace

_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})


class Told(Protocol):
    """What is known of a request when it was answered."""

    trace: Trace
    caller: str
    upstream: str
    endpoint: str
    answer: Answer | None
    word: str  # why there is none
    calls: int  # made all the same


class Observing:
    """One process's eyes."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.metrics = Metrics()
        self.traces = Traces(random.getrandbits)
        self.refused_payloads: dict[str, int] = {}
        self._said: dict[str, float] = {}

    # requests

    def arrived(self, method: str, trace: Trace) -> None:
        """A request came in."""
        if self.log.debugs:
            known = method if method in _METHODS else "other"
            self.log.say("debug", "request arrived", method=known, trace_id=trace.trace_id)

    def answered(self, told: Told, status: int, seconds: float) -> None:
        """A request was answered."""
        answer = told.answer
        cache = told.word if answer is None else answer.cache.word
        self.metrics.request((told.caller, told.upstream, told.endpoint, status, cache), seconds)
        self.log.request(
            {
                "event": "request",
                "level": "info",
                "time": time.time(),
                "caller": told.caller,
                "upstream": told.upstream,
                "endpoint": told.endpoint,
                "status": status,
                "cache": cache,
                "tier": "none" if answer is None else answer.tier,
                "age": None if answer is None else answer.age,
                "duration_ms": round(seconds * 1000, 2),
                "upstream_calls": told.calls if answer is None else answer.calls,
                "trace_id": told.trace.trace_id,
            }
        )

    def failed(self, trace: Trace, error: BaseException) -> None:
        """Larder itself failed on a request: where, and on what kind of exception; its text may quote the request."""
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place is not None else "unknown"
        self.log.say("error", "failed", kind=type(error).__name__, where=where, trace_id=trace.trace_id)

    # upstreams

    def attempt(self, upstream: str, endpoint: str, outcome: str, seconds: float) -> None:
        """One attempt ended."""
        self.metrics.count("larder_upstream_calls_total", upstream, endpoint, outcome)
        self.metrics.observe("larder_upstream_call_duration_seconds", seconds, upstream)

    def retry(self, upstream: str) -> None:
        """Another attempt will be made."""
        self.metrics.count("larder_retries_total", upstream)

    def covered(self, upstream: str, detail: str) -> None:
        """A stored answer was given in place of one that could not be had."""
        self.metrics.count("larder_stale_served_total", upstream, detail)

    def failed_over(self, upstream: str, to: str, word: str) -> None:
        """An address was asked of another provider, since this one gave no answer."""
        self.metrics.count("larder_failovers_total", upstream, to, word)
        self._say_now_and_then("warning", "another provider is asked", upstream=upstream, to=to, why=word)

    def payload_refused(self, upstream: str, endpoint: str) -> None:
        """A payload was kept from replacing a stored answer."""
        self.refused_payloads[upstream] = self.refused_payloads.get(upstream, 0) + 1
        self.metrics.count("larder_payload_refused_total", upstream, endpoint)

    def quarantined(self, sighting: Sighting, *, is_new: bool) -> None:
        """An answer was kept from replacing a good one; `is_new`: this change for the first time."""
        self.metrics.count("larder_quarantined_total", sighting.upstream, sighting.endpoint, sighting.reason)
        if is_new:
            self._say_of("warning", "an answer was quarantined", sighting)

    def believed(self, sighting: Sighting, why: str) -> None:
        """A change that was doubted is let in: "told", "accepted" or "repeated"."""
        self._say_of("info", "a doubted answer was believed", sighting, why=why)

    def _say_of(self, level: str, event: str, sighting: Sighting, **facts: Any) -> None:
        before, after = sighting.rows
        self._say_now_and_then(
            level,
            event,
            id=sighting.id,
            upstream=sighting.upstream,
            endpoint=sighting.endpoint,
            reason=sighting.reason,
            rows_before=before,
            rows_after=after,
            **facts,
        )

    def credential_refused(self, upstream: str, whose: str) -> None:
        """An upstream refused a credential; Larder's own is an operator's alarm."""
        self.metrics.count("larder_credential_refused_total", upstream, whose)
        if whose == "larder":
            self._say_now_and_then("error", "the credential Larder holds is refused", upstream=upstream)

    def user_learned(self, upstream: str, outcome: str) -> None:
        """A credential's user was asked for."""
        self.metrics.count("larder_users_learned_total", upstream, outcome)

    # jobs

    def job(self, route: str, state: str, **facts: float) -> None:
        """A job was begun, resumed, put back or lost, or ended as `state` says; `facts` of it, in numbers."""
        self.metrics.count("larder_jobs_total", route, state)
        self.log.say("info", "job", endpoint=route, state=state, **facts)

    def broke(self, error: BaseException) -> None:
        """Larder itself failed on a job."""
        self.failed(current_trace.get(), error)

    def callback(self, outcome: str) -> None:
        """That a job ended was told, or could not be."""
        self.metrics.count("larder_job_callbacks_total", outcome)
        if outcome != "taken":
            self._say_now_and_then("warning", "a callback was not taken", outcome=outcome)

    # stores, notifications, config

    def store_failed(self, operation: str, error: StoreError) -> None:
        """The durable store could not do something; Larder goes on without it."""
        self.metrics.count("larder_store_errors_total", operation)
        self._say_now_and_then("error", "durable store failed", operation=operation, error=str(error))

    def coherence_lost(self, reason: str) -> None:
        """Purges of other machines may go unheard: nothing is served from memory as current."""
        self.metrics.count("larder_coherence_lost_total")
        self.log.say("error", "coherence lost: purges of other instances may go unheard", reason=reason)

    def coherence_regained(self) -> None:
        """All was heard again."""
        self.log.say("info", "coherent with other instances")

    def purges_resent(self, count: int, reason: str) -> None:
        """Redis lacked purges that this machine knows of, and was told again."""
        self.metrics.count_by("larder_purges_resent_total", count)
        self.log.say("warning", "purges were recorded again", count=count, reason=reason)

    def clocks_differ(self, seconds: float) -> None:
        """This machine's clock is more than a second ahead of Redis's, or behind it (DESIGN.md §5, edge 9)."""
        self.log.say("warning", "this machine's clock and Redis's are apart", ahead_by=round(seconds, 3))

    def store_found(self, durability: str, warnings: Sequence[str]) -> None:
        """What Redis keeps of what it acknowledges, and what could not be made sure of."""
        self.log.say("info", "purges in Redis", durability=durability)
        for warning in warnings:
            self.log.say("warning", "Redis", warning=warning)

    def not_encrypted(self, upstreams: list[str]) -> None:
        """Education records are kept as they came, since there are no keys to encrypt them under."""
        self.log.say("warning", "education records are not encrypted at rest: set store.encryption_keys", of=upstreams)

    def moved_aside(self, where: str) -> None:
        """The durable store's file was broken."""
        self.log.say("error", "the durable store was broken: moved aside, started fresh", moved_to=where)

    def webhook(self, source: str, outcome: str) -> None:
        """A notification was received."""
        self.metrics.count("larder_webhooks_total", source, outcome)

    def keys_failed(self, reason: str) -> None:
        """A sender's signing keys could not be fetched."""
        self._say_now_and_then("warning", "signing keys could not be fetched", reason=reason)

    def noticed(self, notices: Iterable[ConfigProblem]) -> None:
        """The config that holds may not be what was meant."""
        for notice in notices:
            self.log.say("warning", "config", notice=str(notice))

    def reloaded(self, outcome: str, **facts: Any) -> None:
        """The config was read again."""
        self.metrics.count("larder_config_reloads_total", outcome)
        self.log.say("info" if outcome == "taken" else "error", "config reload", outcome=outcome, **facts)

    def changed(self, change: str, **facts: Any) -> None:
        """An operator changed something; what was before and after is in the audit log."""
        self.log.say("info", "change", change=change, **facts)

    def ready(self, port: int, admin_port: int) -> None:
        """Larder serves."""
        self.log.say("info", "larder serves", port=port, admin_port=admin_port)

    def drain_timed_out(self) -> None:
        """Work was still under way when draining ended."""
        self.log.say("warning", "drain ended with work under way")

    def close(self) -> None:
        """Write what is pending."""
        self.log.flush()

    def _say_now_and_then(self, level: str, event: str, **facts: Any) -> None:
        """What may happen with every request is written once in ten seconds; the metric counts them all."""
        which, now = f"{event} {facts.get('upstream', '')} {facts.get('endpoint', '')}", time.monotonic()
        if now - self._said.get(which, -10.0) >= 10.0:
            self._said[which] = now
            self.log.say(level, event, **facts)
