"""Aggregating: totals of all workers, which no restart makes smaller; gauges by the rule that the table gives them."""

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import Gauge

from proxy.telemetry.metrics import METRICS, Metrics, Over
from proxy.workers.aggregating import Totals, samples_of

TOLD = ("enrollment", "courseworks", "GET /api/v1/courses/{course}", 200, "hit")
HITS = (
    "larder_requests_total",
    (
        ("cache", "hit"),
        ("caller", "enrollment"),
        ("endpoint", "GET /api/v1/courses/{course}"),
        ("status", "200"),
        ("upstream", "courseworks"),
    ),
)


def text_of(metrics):
    return metrics.exposition()[1]


def after(requests, **gauges):
    metrics = Metrics()
    for _ in range(requests):
        metrics.request(TOLD, 0.001)
    for name, value in gauges.items():
        metrics.set(name, value)
    return metrics


def shown(totals, own=None):
    return samples_of(totals.exposition(text_of(own or Metrics()))[1])


def test_counters_and_histograms_of_all_processes_add_up():
    totals = Totals()
    totals.heard(1, text_of(after(3)))
    totals.heard(2, text_of(after(4)))

    all_of_them = shown(totals, after(1))

    cache, upstream = ("cache", "hit"), ("upstream", "courseworks")
    assert all_of_them[HITS] == 8
    assert all_of_them["larder_request_duration_seconds_count", (cache, upstream)] == 8
    assert all_of_them["larder_request_duration_seconds_bucket", (cache, ("le", "0.001"), upstream)] == 8
    assert all_of_them["larder_request_duration_seconds_bucket", (cache, ("le", "0.0005"), upstream)] == 0


def test_what_a_worker_told_last_stays_counted_when_it_is_gone():
    totals = Totals()
    totals.heard(1, text_of(after(5)))
    totals.heard(2, text_of(after(7)))
    totals.ended(1)
    totals.heard(3, text_of(after(1)))

    assert shown(totals)[HITS] == 13


def test_a_worker_that_told_nothing_before_it_ended_changes_nothing():
    totals = Totals()
    totals.heard(1, text_of(after(5)))
    totals.ended(2)

    assert shown(totals)[HITS] == 5


def test_gauges_go_by_their_rule():
    by_rule = {metric.name: metric.over for metric in METRICS if metric.kind is Gauge}
    totals = Totals()
    totals.heard(1, text_of(after(0, larder_memory_entries=5, larder_fence=9, larder_durable_bytes=100)))
    totals.heard(2, text_of(after(0, larder_memory_entries=7, larder_fence=8, larder_durable_bytes=50)))

    all_of_them = shown(totals, after(0, larder_durable_bytes=70))

    assert (by_rule["larder_memory_entries"], all_of_them["larder_memory_entries", ()]) == (Over.SUM, 12)
    assert (by_rule["larder_fence"], all_of_them["larder_fence", ()]) == (Over.MAX, 9)
    assert (by_rule["larder_durable_bytes"], all_of_them["larder_durable_bytes", ()]) == (Over.LAST, 70)


def test_the_gauges_of_a_worker_go_with_it():
    totals = Totals()
    totals.heard(1, text_of(after(0, larder_memory_entries=5)))
    totals.heard(2, text_of(after(0, larder_memory_entries=7)))
    totals.ended(1)

    assert shown(totals)["larder_memory_entries", ()] == 7


def test_one_process_with_nothing_beside_it_is_shown_as_it_is():
    own = after(3, larder_memory_entries=5)
    own.set("larder_breaker_open", 1, "courseworks")

    assert Totals().exposition(text_of(own)) == own.exposition()


def test_a_metric_that_the_table_does_not_have_is_left_out():
    totals = Totals()
    totals.heard(1, b"# TYPE larder_of_tomorrow gauge\nlarder_of_tomorrow 1.0\n")

    assert not [name for name, _ in shown(totals) if "tomorrow" in name]


@settings(max_examples=settings.default.max_examples // 2)
@given(st.lists(st.tuples(st.sampled_from(["told", "ended"]), st.integers(0, 3)), max_size=40))
def test_no_total_ever_goes_back(happenings):
    totals, lives, told, before = Totals(), {}, {}, 0.0
    for number, (what, place) in enumerate(happenings):
        life, metrics = lives.setdefault(place, (number, Metrics()))
        if what == "ended":
            totals.ended(life)
            told[life] = told.get(life, 0)
            del lives[place]
        else:
            metrics.request(TOLD, 0.001)
            told[life] = told.get(life, 0) + 1
            totals.heard(life, text_of(metrics))
        now = shown(totals).get(HITS, 0.0)
        assert now >= before
        assert now == sum(told.values())
        before = now
