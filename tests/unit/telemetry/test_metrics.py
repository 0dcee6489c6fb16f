"""Metrics: every one of the table is there, counted under its labels, and readable by Prometheus."""

import re
from collections.abc import Mapping

import pytest
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.parser import text_string_to_metric_families

from proxy.telemetry.metrics import METRICS, Metrics

TOLD = ("enrollment", "courseworks", "GET /api/v1/courses/{course}", 200, "hit")
LABELS = {
    "caller": "enrollment",
    "upstream": "courseworks",
    "endpoint": "GET /api/v1/courses/{course}",
    "status": "200",
    "cache": "hit",
}


def text_of(metrics: Metrics) -> str:
    return metrics.exposition()[1].decode()


def samples(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text_of(metrics))
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, labels: Mapping[str, str]) -> float | None:
    return samples(metrics).get((name, frozenset(labels.items())))


def test_every_metric_of_the_table_is_exposed_with_its_help_and_type() -> None:
    text = text_of(Metrics())

    for metric in METRICS:
        kind = {Counter: "counter", Gauge: "gauge", Histogram: "histogram"}[metric.kind]
        assert f"# HELP {metric.name} {metric.help}\n" in text
        assert f"# TYPE {metric.name} {kind}\n" in text


def test_names_follow_the_conventions_and_are_there_once() -> None:
    names = [metric.name for metric in METRICS]

    assert len(set(names)) == len(names)
    for metric in METRICS:
        assert re.fullmatch(r"larder_[a-z_]+", metric.name)
        assert metric.help
        assert metric.name.endswith("_total") is (metric.kind is Counter)
        assert metric.name.endswith("_seconds") or metric.kind is not Histogram


def test_no_label_has_room_for_a_person_a_path_or_a_query() -> None:
    allowed = {
        "mode",
        "caller",
        "upstream",
        "endpoint",
        "status",
        "cache",
        "outcome",
        "detail",
        "whose",
        "source",
        "operation",
        "reason",
        "to",  # an upstream
    }

    assert {label for metric in METRICS for label in metric.labels} <= allowed


def test_a_request_is_counted_and_timed_under_its_labels_every_time() -> None:
    metrics = Metrics()

    for _ in range(3):
        metrics.request(TOLD, 0.002)
    metrics.request((*TOLD[:3], 404, "miss"), 0.2)

    assert value(metrics, "larder_requests_total", LABELS) == 3
    assert value(metrics, "larder_requests_total", {**LABELS, "status": "404", "cache": "miss"}) == 1
    hits = {"upstream": "courseworks", "cache": "hit"}
    assert value(metrics, "larder_request_duration_seconds_count", hits) == 3
    assert value(metrics, "larder_request_duration_seconds_sum", hits) == pytest.approx(0.006)
    assert value(metrics, "larder_request_duration_seconds_bucket", {**hits, "le": "0.001"}) == 0
    assert value(metrics, "larder_request_duration_seconds_bucket", {**hits, "le": "0.0025"}) == 3


def test_counters_gauges_and_durations_of_the_table_can_be_told() -> None:
    metrics = Metrics()

    metrics.count("larder_retries_total", "courseworks")
    metrics.set("larder_breaker_open", 1, "courseworks")
    metrics.set("larder_memory_entries", 7)
    metrics.observe("larder_upstream_call_duration_seconds", 0.3, "courseworks")

    upstream = {"upstream": "courseworks"}
    assert value(metrics, "larder_retries_total", upstream) == 1
    assert value(metrics, "larder_breaker_open", upstream) == 1
    assert value(metrics, "larder_memory_entries", {}) == 7
    assert value(metrics, "larder_upstream_call_duration_seconds_count", upstream) == 1


def test_a_metric_or_label_the_table_does_not_have_is_a_mistake() -> None:
    metrics = Metrics()

    with pytest.raises(KeyError):
        metrics.count("larder_no_such_thing_total")
    with pytest.raises(ValueError, match="label"):
        metrics.count("larder_retries_total", "courseworks", "one too many")


def test_two_processes_worth_of_metrics_do_not_mix() -> None:
    one, other = Metrics(), Metrics()

    one.request(TOLD, 0.1)

    assert value(other, "larder_requests_total", LABELS) is None


def test_a_hostile_label_value_cannot_forge_a_sample() -> None:
    metrics = Metrics()
    forged = 'x"} 1\nlarder_forged_total{a="'

    metrics.count("larder_retries_total", forged)

    assert "larder_forged_total" not in {name for name, _ in samples(metrics)}
    assert value(metrics, "larder_retries_total", {"upstream": forged}) == 1


def test_the_content_type_is_prometheus_text() -> None:
    assert Metrics().exposition()[0].startswith("text/plain; version=")


def test_no_series_is_exposed_that_the_table_does_not_have() -> None:
    metrics = Metrics()
    metrics.request(TOLD, 0.1)

    assert "_created" not in text_of(metrics)


def test_a_hit_of_a_hundred_microseconds_can_be_told_from_one_of_four_hundred() -> None:
    fast, slow = Metrics(), Metrics()
    fast.request(TOLD, 0.0001)
    slow.request(TOLD, 0.0004)

    def buckets(metrics: Metrics) -> list[float]:
        return [count for (name, _), count in sorted(samples(metrics).items(), key=str) if name.endswith("_bucket")]

    assert buckets(fast) != buckets(slow)
