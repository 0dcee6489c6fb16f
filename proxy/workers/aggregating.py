"""Aggregating: the metrics of all processes of a machine as those of one Larder.

Counters and histograms add up, over workers that serve and workers that ended: a total never goes back because a worker
was replaced. Gauges are of those that live, each by the rule in the table (proxy/telemetry/metrics.py).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import add

from prometheus_client import Counter, Histogram
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector, CollectorRegistry

from proxy.telemetry.metrics import METRICS, Metric, Over

Series = tuple[str, tuple[tuple[str, str], ...]]
"""A sample's name and its labels."""

Samples = dict[Series, float]


def samples_of(text: bytes) -> Samples:
    """What one process told, read back."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


class Totals:
    """What was told of every life of every worker. A life is told apart by what stands for it."""

    def __init__(self) -> None:
        self._living: dict[object, Samples] = {}
        self._ended: Samples = {}  # sums of what does not go back

    def heard(self, life: object, text: bytes) -> None:
        """A worker told its metrics."""
        self._living[life] = samples_of(text)

    def ended(self, life: object) -> None:
        """A worker is gone: what it told last stays counted."""
        told = self._living.pop(life, {})
        for series, value in told.items():
            if series[0] in _ADDED:
                self._ended[series] = self._ended.get(series, 0.0) + value

    def exposition(self, own: bytes) -> tuple[str, bytes]:
        """Content type and text of all, the supervisor's `own` among them, as Prometheus reads it."""
        merged = _merged([self._ended, *self._living.values(), samples_of(own)])
        registry = CollectorRegistry()
        registry.register(_Families(merged))
        return CONTENT_TYPE_PLAIN_0_0_4, generate_latest(registry)


class _Families(Collector):
    """Samples as prometheus-client writes them out, in the table's order."""

    def __init__(self, samples: Mapping[Series, float]) -> None:
        self._samples = samples

    def collect(self) -> Iterator[Family]:
        by_metric: dict[str, list[tuple[Series, float]]] = {metric.name: [] for metric in METRICS}
        for series, value in self._samples.items():
            by_metric[_METRIC_OF[series[0]]].append((series, value))
        for metric in METRICS:
            family = Family(metric.name.removesuffix("_total"), metric.help, metric.kind.__name__.lower())
            for (name, labels), value in by_metric[metric.name]:
                family.add_sample(name, dict(labels), value)
            yield family


def _merged(told: Iterable[Samples]) -> Samples:
    """All as one; what no metric of the table has, as a worker of another version may tell, is left out."""
    merged: Samples = {}
    for samples in told:
        for series, value in samples.items():
            if series[0] not in _METRIC_OF:
                continue
            before = merged.get(series)
            merged[series] = value if before is None else _RULES[_over(series[0])](before, value)
    return merged


def _later(_: float, later: float) -> float:
    return later


_RULES: Mapping[Over, Callable[[float, float], float]] = {Over.SUM: add, Over.MAX: max, Over.LAST: _later}


def _samples_named(metric: Metric) -> tuple[str, ...]:
    if metric.kind is Histogram:
        return tuple(f"{metric.name}{suffix}" for suffix in ("_bucket", "_count", "_sum"))
    return (metric.name,)


_METRIC_OF = {name: metric.name for metric in METRICS for name in _samples_named(metric)}
_ADDED = {name for metric in METRICS if metric.kind in (Counter, Histogram) for name in _samples_named(metric)}
_OVER = {metric.name: metric.over for metric in METRICS}


def _over(name: str) -> Over:
    return Over.SUM if name in _ADDED else _OVER[name]
