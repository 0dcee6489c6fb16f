"""What a supervisor tells of its workers, and what becomes of what a worker held and counted when it is gone."""

import io
import json

import pytest

from proxy.observing import Observing
from proxy.telemetry.logs import configure_logs
from proxy.telemetry.metrics import Metrics
from proxy.workers.aggregating import Totals, samples_of
from proxy.workers.asking import WorkerSilent
from proxy.workers.control import Measured
from proxy.workers.desk import CrewDesk
from proxy.workers.watched import Watched


class Page:
    """Notes which processes it is to forget."""

    def __init__(self):
        self.forgotten = []

    def forget_process(self, process):
        self.forgotten.append(process)


class Worker:
    """Has counted so many restarts (of something), and tells so when it is asked, or as its last word."""

    process = 7

    def __init__(self, counted, last=None):
        self.counted, self.last_measured = counted, None if last is None else text(last)
        self.while_asked = lambda: None

    async def ask(self, question, within):
        self.while_asked()
        if self.counted is None:
            raise WorkerSilent("")
        return [Measured(text(self.counted))]


def text(counted):
    metrics = Metrics()
    metrics.count_by("larder_retries_total", counted, "courseworks")
    return metrics.exposition()[1]


class Scene:
    """A supervisor's eyes over workers that are no processes."""

    def __init__(self):
        self.log, self.page, self.totals, self.crew = io.StringIO(), Page(), Totals(), []
        self.observing = Observing(configure_logs("info", "json", self.log))
        self.watched = Watched(self.observing, self.page, self.totals)
        self.desk = CrewDesk(self.crew, None, None, self.totals, self.observing, None, None)

    @property
    def lines(self):
        return [json.loads(line) for line in self.log.getvalue().splitlines()]

    @property
    def retries(self):
        samples = samples_of(self.totals.exposition(Metrics().exposition()[1])[1])
        return samples.get(("larder_retries_total", (("upstream", "courseworks"),)), 0.0)

    @property
    def restarts(self):
        return samples_of(self.observing.metrics.exposition()[1])["larder_worker_restarts_total", ()]


@pytest.fixture
def scene():
    return Scene()


def test_what_a_dead_worker_held_is_free_and_its_last_word_counts(scene):
    scene.watched.ended(Worker(0, last=5))

    assert scene.page.forgotten == [7]
    assert scene.retries == 5


def test_a_lost_worker_is_counted_and_said_with_how_it_went_and_when_the_next_one_comes(scene):
    scene.watched.lost(7, "killed by signal 9", 0.5)
    scene.watched.not_started(7, "the disk is full", 1.0)
    scene.watched.restarted(7)
    scene.watched.not_drained(7)

    assert scene.restarts == 2
    told = [{name: value for name, value in line.items() if name != "time"} for line in scene.lines]
    assert told == [
        {"level": "error", "process": 7, "how": "killed by signal 9", "again_in": 0.5, "event": "a worker ended"},
        {
            "level": "error",
            "process": 7,
            "reason": "the disk is full",
            "again_in": 1.0,
            "event": "a worker cannot start",
        },
        {"level": "info", "process": 7, "event": "a worker serves again"},
        {"level": "warning", "process": 7, "event": "a worker did not end in time"},
    ]


def test_silence_is_said_now_and_then(scene):
    for _ in range(3):
        scene.watched.silent("count")

    assert [line["event"] for line in scene.lines] == ["a worker does not answer"]


async def test_all_are_measured_and_of_the_silent_what_was_told_last_holds(scene):
    scene.crew += [Worker(1), Worker(2)]
    await scene.desk.measure()
    scene.crew[0].counted, scene.crew[1].counted = None, 3
    await scene.desk.measure()

    assert scene.retries == 1 + 3


async def test_a_worker_that_ends_while_it_is_measured_is_not_counted_twice(scene):
    worker = Worker(4, last=4)
    scene.crew.append(worker)

    def end():
        scene.crew.clear()
        scene.watched.ended(worker)

    worker.while_asked = end
    await scene.desk.measure()

    assert scene.retries == 4
