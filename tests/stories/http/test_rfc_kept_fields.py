"""Which fields of an answer are stored with it (RFC 9111 §3.1)."""

import pytest

from tests.stories.http.script import Rule, ask, cached, fetched, play, says, wait

FRESH = "max-age=60"
KEPT = {
    "x_anything": "at all",
    "content_type": "text/x-odd; charset=utf-8",
    "content_language": "de",
    "content_encoding": "gzip",
    "etag": '"1"',
    "last_modified": -1000,
    "cache_control": FRESH,
    "vary": "X-Other",
    "www_authenticate": "Basic",
    "content_disposition": 'attachment; filename="ü, ;.txt"',
}
NOT_KEPT = ["connection", "keep_alive", "te", "upgrade", "proxy_authenticate", "proxy_authentication_info"]


FIELDS = [
    Rule(
        "all fields of an answer are stored with it",
        "RFC 9111 §3.1",
        ask(origin=says(200, "a", **KEPT)),
        ask(expect=cached("a", **KEPT, date=0)),
    ),
    Rule(
        "lines of a field stay together in order",
        "RFC 9111 §3.1",
        ask(origin=says(200, "a", cache_control=FRESH, x_list=("1", "2, 3", "1"))),
        ask(expect=cached("a", x_list="1, 2, 3, 1")),
    ),
    Rule(
        "fields of the connection are not stored",
        "RFC 9111 §3.1",
        ask(
            origin=says(
                200,
                "a",
                cache_control=FRESH,
                connection="X-Hop, keep-alive",
                x_hop="1",
                x_end="2",
                keep_alive="timeout=5",
            )
        ),
        ask(expect=cached("a", x_hop=None, x_end="2", keep_alive=None)),
    ),
    *(
        Rule(
            f"{name} is not stored",
            "RFC 9111 §3.1",
            ask(origin=says(200, "a", cache_control=FRESH, **{name: "x"})),
            ask(expect=cached("a", **{name: None})),
        )
        for name in NOT_KEPT
    ),
    Rule(
        "an answer without a Date gets the moment it came",
        "RFC 9110 §6.6.1",
        wait(3),
        ask(origin=says(200, "a", cache_control=FRESH, date=None), expect=fetched("a", date=3)),
        wait(3),
        ask(expect=cached("a", date=3, age=3)),
    ),
    Rule(
        "the Date of an answer reaches the caller as it came",
        "RFC 9110 §6.6.1",
        ask(origin=says(200, "a", cache_control="no-store", date=-50), expect=fetched("a", date=-50)),
    ),
    Rule(
        "a stored answer keeps its Date",
        "RFC 9110 §6.6.1",
        ask(origin=says(200, "a", cache_control=FRESH)),
        wait(9),
        ask(expect=cached("a", date=0)),
    ),
]

RULES = [*FIELDS]


@pytest.mark.parametrize("rule", RULES, ids=str)
async def test_which_fields_are_kept(rule):
    await play(rule)
