"""Mistakes in config.yaml: whatever stands where, it is taken or told as a whole, and no mistake hides another."""

from copy import deepcopy
from pathlib import Path

import yaml
from hypothesis import given
from hypothesis import strategies as st

from proxy.config.file import ConfigError, ConfigFile
from proxy.config.loading import plans_of

TEXT = (Path(__file__).parents[2] / "config.yaml").read_text()
GOOD = ConfigFile("config.yaml", TEXT, {}).data
CALLERS = [{"name": "a", "networks": ["10.0.0.0/8"]}, {"name": "b", "allow": ["courseworks"]}]
ENDPOINT = {"timeout": {"total": "5s"}, "retry": {"budget": "10%"}, "cache": {"ttl": "5m", "partition": "principal"}}
GOOD = GOOD | {"callers": CALLERS, "log": {"level": "info"}}
GOOD["upstreams"]["courseworks"]["endpoints"]["GET /own"] = ENDPOINT
VALUES = (
    None,
    True,
    -1,
    0.5,
    10**9,
    "",
    "x",
    "5 min",
    "${NOPE}",
    "$NOPE",
    [],
    ["x"],
    {},
    {"x": 1},
    [{}],
    {"name": "a"},
)


def places(value, place=()):
    """Every field, and everything in every list."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inner:
        yield (*place, name)
        yield from places(one, (*place, name))


PLACES = sorted(places(GOOD), key=repr)
SECTIONS = ("server", "admin", "log", "callers", "webhooks", "upstreams")


def changed(data, place, value):
    """The same with something else there, or with a misspelt name."""
    data = deepcopy(data)
    holder = data
    for part in place[:-1]:
        holder = holder[part]
    if value == "misspelt" and isinstance(holder, dict):
        holder[f"{place[-1]}x"] = holder.pop(place[-1])
    else:
        holder[place[-1]] = value
    return data


def told(data):
    """Field and message of each problem."""
    text = yaml.safe_dump(data, sort_keys=False)
    problems = problems_in(text)
    lines = [problem.line for problem in problems]
    assert lines == sorted(lines)
    assert all(1 <= line <= len(text.splitlines()) for line in lines)
    return {(problem.field, problem.message) for problem in problems}


def problems_in(text):
    """At least one, if it is not taken."""
    try:
        plans_of(ConfigFile("config.yaml", text, {}))
    except ConfigError as error:
        return error.problems or [None]
    return []


@given(st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from((*VALUES, "misspelt"))), min_size=1, max_size=5))
def test_whatever_stands_where_is_taken_or_told(changes):
    data = GOOD
    for place, value in changes:
        try:
            data = changed(data, place, value)
        except (KeyError, IndexError, TypeError):  # an earlier change took it away
            continue

    assert told(data) == told(data)


LEAVES = {
    section: [place for place in PLACES if place[0] == section and len(place) > 1]
    for section in ("server", "admin", "log")
}


@given(st.data())
def test_a_mistake_hides_none_in_another_section(data):
    one, other = data.draw(st.permutations(sorted(LEAVES)))[:2]
    values = st.sampled_from((None, "x", [], {"x": 1}, "misspelt"))
    first = (data.draw(st.sampled_from(LEAVES[one])), data.draw(values))
    second = (data.draw(st.sampled_from(LEAVES[other])), data.draw(values))

    assert told(changed(changed(GOOD, *first), *second)) >= told(changed(GOOD, *first)) | told(changed(GOOD, *second))


@given(st.sampled_from([place for place in PLACES if place[0] in ("webhooks", "store", "v1")]), st.sampled_from(VALUES))
def test_a_mistake_in_an_upstream_hides_none_elsewhere(place, value):
    broken = changed(GOOD, ("upstreams", "courseworks", "retry"), {"budget": 20})
    alone = told(changed(GOOD, place, value))

    assert told(changed(broken, place, value)) == alone | told(broken)
