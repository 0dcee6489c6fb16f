"""Metrics: one table from which they are made and documented. Labels are names of the config and fixed words."""

from enum import Enum
from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Over(Enum):
    """What a gauge of all processes of a machine is, where each process has its own. Counters and histograms add up."""

    SUM = "sum"
    MAX = "max"
    LAST = "last"  # what they have in common, told by whoever told last


class Metric(NamedTuple):
    """A metric as it is declared."""

    name: str
    kind: type[Counter] | type[Gauge] | type[Histogram]
    help: str
    labels: tuple[str, ...] = ()
    over: Over = Over.SUM  # of a gauge, over processes


METRICS = (
    Metric(
        "larder_requests_total", Counter, "Requests answered", ("caller", "upstream", "endpoint", "status", "cache")
    ),
    Metric("larder_request_duration_seconds", Histogram, "Time to answer", ("upstream", "cache")),
    Metric("larder_upstream_calls_total", Counter, "Attempts made upstream", ("upstream", "endpoint", "outcome")),
    Metric("larder_upstream_call_duration_seconds", Histogram, "Time of an attempt", ("upstream",)),
    Metric("larder_retries_total", Counter, "Attempts that repeated one", ("upstream",)),
    Metric("larder_stale_served_total", Counter, "Stored answers given in place of failures", ("upstream", "detail")),
    Metric("larder_failovers_total", Counter, "Addresses asked of another provider", ("upstream", "to", "detail")),
    Metric("larder_payload_refused_total", Counter, "Payloads kept from replacing answers", ("upstream", "endpoint")),
    Metric(
        "larder_quarantined_total",
        Counter,
        "Answers refused and held back, each time they came",
        ("upstream", "endpoint", "reason"),
    ),
    Metric("larder_quarantine_entries", Gauge, "Refused answers in memory that wait for a word"),
    Metric("larder_credential_refused_total", Counter, "Credentials an upstream refused", ("upstream", "whose")),
    Metric("larder_users_learned_total", Counter, "Credentials whose user was asked for", ("upstream", "outcome")),
    Metric("larder_jobs_total", Counter, "Jobs that began, ended or changed hands", ("endpoint", "outcome")),
    Metric("larder_job_callbacks_total", Counter, "Callbacks of jobs", ("outcome",)),
    Metric("larder_webhooks_total", Counter, "Notifications received", ("source", "outcome")),
    Metric("larder_store_errors_total", Counter, "What the durable store could not do", ("operation",)),
    Metric("larder_config_reloads_total", Counter, "Reloads of the config", ("outcome",)),
    Metric(
        "larder_breaker_open", Gauge, "1 while the circuit is open or half-open, or held open", ("upstream",), Over.MAX
    ),
    Metric("larder_purges_total", Counter, "Purges carried out", ("mode",)),
    Metric("larder_log_lines_lost", Gauge, "How often the log could not be written"),
    Metric("larder_memory_entries", Gauge, "Entries in memory"),
    Metric("larder_memory_bytes", Gauge, "Bytes of entries in memory"),
    Metric("larder_memory_evictions", Gauge, "Entries that made room for others"),
    Metric("larder_durable_bytes", Gauge, "Bytes the durable store holds", over=Over.LAST),
    Metric("larder_durable_dropped", Gauge, "Entries the durable store did not keep"),
    Metric("larder_fence", Gauge, "The number of the latest purge", over=Over.MAX),
    Metric("larder_durable_unreadable", Gauge, "Entries whose bytes could not be trusted"),
    Metric("larder_incoherent", Gauge, "1 while purges of other instances may go unheard", over=Over.MAX),
    Metric("larder_coherence_lost_total", Counter, "How often coherence was lost"),
    Metric("larder_purges_resent_total", Counter, "Purges recorded again, since Redis lacked them"),
    Metric("larder_clock_skew_seconds", Gauge, "How far this machine's clock is ahead of Redis's", over=Over.LAST),
    Metric("larder_workers", Gauge, "Processes that serve"),
    Metric("larder_worker_restarts_total", Counter, "Workers that ended and were started again"),
)


class Metrics:
    """The metrics of one process."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._made: dict[str, Any] = {metric.name: self._make(metric) for metric in METRICS}
        self._children: dict[tuple[str, tuple[str, ...]], Any] = {}
        self._requests: dict[tuple[str, str, str, int, str], Counter] = {}
        self._durations: dict[tuple[str, str], Histogram] = {}

    def count(self, name: str, *labels: str) -> None:
        """Count one more."""
        self._child(name, labels).inc()

    def count_by(self, name: str, amount: float, *labels: str) -> None:
        """Count so many more."""
        self._child(name, labels).inc(amount)

    def set(self, name: str, value: float, *labels: str) -> None:
        """Set a gauge."""
        gauge = self._made[name]
        (gauge.labels(*labels) if labels else gauge).set(value)

    def observe(self, name: str, seconds: float, *labels: str) -> None:
        """Note a duration."""
        self._child(name, labels).observe(seconds)

    def _child(self, name: str, labels: tuple[str, ...]) -> Any:
        """The series of these labels, looked up once; there are as many as the config has names."""
        child = self._children.get((name, labels))
        if child is None:
            made = self._made[name]
            child = self._children[(name, labels)] = made.labels(*labels) if labels else made
        return child

    def request(self, told: tuple[str, str, str, int, str], seconds: float) -> None:
        """Count a request by (caller, upstream, endpoint, status, cache); children are looked up once."""
        counter = self._requests.get(told)
        if counter is None:
            caller, upstream, endpoint, status, cache = told
            counter = self._made["larder_requests_total"].labels(caller, upstream, endpoint, str(status), cache)
            self._requests[told] = counter
        counter.inc()
        where = (told[1], told[4])
        histogram = self._durations.get(where)
        if histogram is None:
            histogram = self._durations[where] = self._made["larder_request_duration_seconds"].labels(*where)
        histogram.observe(seconds)

    def exposition(self) -> tuple[str, bytes]:
        """Content type and text, as Prometheus reads it."""
        return CONTENT_TYPE_PLAIN_0_0_4, generate_latest(self.registry)

    def _make(self, metric: Metric) -> Counter | Gauge | Histogram:
        if metric.kind is Histogram:
            return Histogram(metric.name, metric.help, metric.labels, registry=self.registry, buckets=BUCKETS)
        return metric.kind(metric.name, metric.help, metric.labels, registry=self.registry)
