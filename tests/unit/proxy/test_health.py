"""Health: the process lives; and which part is not ready."""

import json

import pytest

from proxy.errors import LarderError
from proxy.health import Health


def said(health, path):
    response = health.respond(path)
    return response.status, json.loads(response.body)


@pytest.mark.parametrize("word", [None, "disk full"])
async def test_a_process_that_answers_lives_whatever_its_parts_say(word):
    assert said(Health({"store": lambda: word}), "/health") == (200, {"status": "ok"})


async def test_it_is_ready_when_every_part_is():
    health = Health({"store": lambda: None, "upstreams": lambda: None})

    assert said(health, "/ready") == (200, {"ready": True, "parts": {"store": "ok", "upstreams": "ok"}})


async def test_the_part_that_is_not_ready_is_named_with_its_reason():
    health = Health({"store": lambda: "disk full", "upstreams": lambda: None})

    assert said(health, "/ready") == (503, {"ready": False, "parts": {"store": "disk full", "upstreams": "ok"}})


async def test_parts_are_asked_anew_each_time():
    words = ["broken", None]
    health = Health({"store": lambda: words.pop(0)})

    assert [said(health, "/ready")[0] for _ in range(2)] == [503, 200]


async def test_a_process_that_drains_is_alive_but_not_ready():
    health = Health({"store": lambda: None})
    health.draining = True

    assert said(health, "/health")[0] == 200
    assert said(health, "/ready") == (503, {"ready": False, "parts": {"store": "ok", "draining": "draining"}})


@pytest.mark.parametrize("path", ["", "/", "/healthy", "/ready/", "/Health", "/metrics"])
async def test_there_are_no_other_paths(path):
    with pytest.raises(LarderError) as refused:
        Health({}).respond(path)

    assert refused.value.problem.status == 404
