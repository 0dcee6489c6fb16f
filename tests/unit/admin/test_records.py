"""What operators changed is shown, without secrets and persons; and undone by one call."""

import pytest

from proxy.admin.desk import ReloadReport
from proxy.operating.audit import By
from tests.unit.admin.operators import ALICES, COURSE, OTHER, PRINCIPAL

BREAKER = "/admin/upstreams/courseworks/breaker"


async def changes(operator, query=""):
    heard = await operator.ask("GET", f"/admin/audit{query}")
    assert heard.status == 200
    return heard.json["changes"]


async def order(operator, **document):
    return (await operator.ask("POST", BREAKER, document=document, token=ALICES)).json["change"]


async def test_where_nothing_was_changed_nothing_is_shown(operator):
    assert await changes(operator) == []


async def test_changes_are_shown_newest_first_with_who_made_them(world, operator):
    change = await order(operator, state="open", **{"for": "10m"})
    await operator.flush(tag="courseworks/course:565")

    flushed, ordered = await changes(operator)

    assert ordered == {
        "id": change,
        "at": ordered["at"],
        "who": "alice",
        "how": "admin",
        "what": "breaker",
        "of": "courseworks",
        "before": {"state": "auto"},
        "after": {"state": "open", "for": 600.0},
        "undoes": None,
        "undoable": True,
    }
    assert (flushed["who"], flushed["what"], flushed["undoable"]) == ("admin", "flush", False)


@pytest.mark.parametrize(
    ("target", "on_record"),
    [
        ({"all": True}, {"all": True}),
        ({"upstream": "courseworks"}, {"upstream": "courseworks"}),
        ({"endpoint": f"courseworks {COURSE}"}, {"endpoint": f"courseworks {COURSE}"}),
        ({"tag": "courseworks/course:565"}, {"tag": "courseworks/course:565"}),
        ({"tag": "courseworks/user:17"}, {"tag": "(a person)"}),
        ({"tag": "courseworks/in:user:17"}, {"tag": "(a person)"}),
        ({"tag": "courseworks/user:17:enrollments"}, {"tag": "(a person)"}),
        ({"principal": PRINCIPAL}, {"principal": "(a person)"}),
        ({"principal": OTHER.removeprefix("principal:")}, {"principal": "(a person)"}),
        ({"principal": "caller:enrollment"}, {"principal": "caller:enrollment"}),
        ({"key": "00" * 16}, {"key": "00" * 16}),
    ],
)
async def test_a_flush_is_on_record_without_the_person_it_was_about(world, operator, target, on_record):
    heard = await operator.flush(**target, mode="hard")

    [change] = await changes(operator)
    assert (heard.json["change"], heard.json["audited"]) == (change["id"], True)
    assert change["after"] == on_record | {"mode": "hard"}
    assert "user:17" not in world.log.getvalue()


async def test_a_dry_run_is_no_change(operator):
    await operator.flush(all=True, dry_run=True)

    assert await changes(operator) == []


async def test_a_flush_that_is_not_durable_is_on_record_too(world, operator):
    await world.durable.close()

    heard = await operator.flush(all=True)

    assert heard.status == 503
    assert heard.problem["change"] == (await changes(operator))[0]["id"]


async def test_a_reload_carries_the_operators_name(world, operator):
    world.report = ReloadReport(("server.max_body",), change="0a", audited=False)

    heard = await operator.ask("POST", "/admin/config/reload", token=ALICES)

    assert world.reloaded_by == [By("alice", "admin")]
    assert (heard.json["change"], heard.json["audited"]) == ("0a", False)


async def test_as_many_are_shown_as_are_asked_for(operator):
    for seconds in (1, 2, 3):
        await order(operator, state="open", **{"for": seconds})

    assert [one["after"]["for"] for one in await changes(operator, "?limit=2")] == [3.0, 2.0]


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "limit=1&limit=1", "who=alice"])
async def test_a_wrong_question_is_refused(operator, query):
    assert (await operator.ask("GET", f"/admin/audit?{query}")).status == 400


async def test_the_latest_change_is_undone_by_one_call_without_a_body(world, operator):
    change = await order(operator, state="open", **{"for": "10m"})

    heard = await operator.ask("POST", "/admin/undo", token=ALICES)

    assert heard.status == 200
    assert heard.json == {
        "undone": change,
        "what": "breaker",
        "of": "courseworks",
        "before": {"state": "open", "for": 600.0},
        "after": {"state": "auto"},
        "everywhere": True,
        "change": (await changes(operator))[0]["id"],
        "audited": True,
    }
    assert world.upstreams["courseworks"].orders.forced is None
    newest, undone = await changes(operator)
    assert (newest["what"], newest["undoes"], newest["who"]) == ("undo", change, "alice")
    assert undone["undoable"] is False


async def test_a_change_is_undone_by_its_id(world, operator):
    first = await order(operator, state="open", **{"for": "10m"})
    await operator.ask("POST", "/admin/upstreams/courseworks/drain", document={"for": "10m"})

    await operator.ask("POST", "/admin/undo", document={"change": first})

    orders = world.upstreams["courseworks"].orders
    assert (orders.forced, orders.is_draining) == (None, True)


@pytest.mark.parametrize(
    ("document", "status", "said"),
    [
        ({"change": "nothing"}, 404, "GET /admin/audit"),
        ({}, 409, "no change that can be undone"),
        ({"change": ""}, 400, "an empty string"),
        ({"change": 3}, 400, "a number"),
        ({"change": None}, 400, "null"),
        ({"chagne": "0a"}, 400, "did you mean change?"),
    ],
)
async def test_what_cannot_be_undone_says_why(operator, document, status, said):
    heard = await operator.ask("POST", "/admin/undo", document=document)

    assert heard.status == status
    assert said in heard.problem["detail"]


async def test_a_flush_cannot_be_undone(operator):
    change = (await operator.flush(all=True)).json["change"]

    heard = await operator.ask("POST", "/admin/undo", document={"change": change})

    assert heard.status == 409
    assert "what was forgotten is forgotten" in heard.problem["detail"]
