"""Whose credential reaches whom: a provider never gets what may be another's secret, or a Larder key."""

from types import SimpleNamespace

import pytest
from multidict import CIMultiDict

from proxy.callers.identify import Way
from proxy.callers.registry import LOCAL, Caller
from proxy.config.file import ConfigFile
from proxy.config.loading import plans_of
from proxy.errors import CallerNotAllowed
from proxy.keys import split_query
from proxy.typed.errors import InvalidFields, NotConfigured
from proxy.typed.providers import chosen, completers, verifiers
from proxy.typed.visitors import Visitor, credentials, headers_for, query_for

HELD = """
upstreams:
  google: {credential: {key: AIzaHeld}}
  smartystreets: {credential: {auth_id: held, auth_token: held}}
"""
NONE_HELD = "upstreams: {google: {}, smartystreets: {}}"
GOOGLE_HELD = "upstreams: {google: {credential: {key: AIzaHeld}}, smartystreets: {}}"


def visitor(config, query="", way=Way.LOCAL, caller=LOCAL, **headers):
    plans = plans_of(ConfigFile("config.yaml", config, {}))
    fields = CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()})
    return Visitor(caller, way, fields, split_query(query), SimpleNamespace(plans=plans))


def own(somebody, *names):
    """What each provider gets of the caller's own."""
    upstreams = [somebody.plans.upstreams[name] for name in names or ("google", "smartystreets")]
    found = credentials(somebody, upstreams)
    return {name: {*dict(one.fields), *dict(one.query)} for name, one in found.items()}


def test_where_larder_holds_a_credential_nothing_of_the_callers_travels():
    assert own(visitor(HELD, "auth-id=a&auth-token=b&key=c", Authorization="Basic x")) == {}


def test_what_only_one_provider_reads_reaches_that_one():
    mine = visitor(NONE_HELD, "auth-id=a&auth-token=b", X_Goog_Api_Key="c")

    assert own(mine) == {"google": {"X-Goog-Api-Key"}, "smartystreets": {"auth-id", "auth-token"}}


def test_what_two_providers_read_reaches_neither():
    assert own(visitor(NONE_HELD, "key=a", Authorization="Basic b")) == {"google": set(), "smartystreets": set()}


@pytest.mark.parametrize(
    ("config", "names"), [(NONE_HELD, ["smartystreets"]), (GOOGLE_HELD, ["google", "smartystreets"])]
)
def test_what_may_be_one_providers_only_reaches_it(config, names):
    assert own(visitor(config, Authorization="Basic b"), *names) == {"smartystreets": {"Authorization"}}


def test_what_stands_where_a_canvas_token_does_reaches_no_provider_of_addresses():
    with_canvas = NONE_HELD.replace("{google", "{courseworks: {}, google")
    query = "access_token=canvas&auth-id=a"
    mine = visitor(with_canvas, query, Authorization="Bearer canvas", X_Goog_Api_Key="c")

    assert own(mine, "smartystreets") == {"smartystreets": {"auth-id"}}
    assert own(mine, "google") == {"google": {"X-Goog-Api-Key"}}
    assert own(mine, "courseworks") == {"courseworks": {"Authorization", "access_token"}}


def test_who_may_not_read_courses_has_no_canvas_token_there():
    with_canvas = NONE_HELD.replace("{google", "{courseworks: {}, google")
    mine = visitor(with_canvas, caller=Caller("forms", frozenset({"smartystreets"})), Authorization="Basic b")

    assert own(mine, "smartystreets") == {"smartystreets": {"Authorization"}}


def test_a_larder_key_in_the_place_of_one_providers_credential_reaches_no_other():
    mine = visitor(GOOGLE_HELD, way=Way.PLACE, Authorization="Bearer larder-key")

    assert own(mine) == {"smartystreets": set()}


def test_of_a_callers_fields_only_those_travel_that_larder_reads():
    mine = visitor(NONE_HELD, Cache_Control="no-cache", Accept_Language="fr", Cookie="c", X_Larder_Key="k")

    assert dict(headers_for(mine, None, None)) == {"Content-Type": "application/json", "Cache-Control": "no-cache"}
    assert headers_for(mine, None, 1.5)["X-Request-Timeout"] == "1.500"


def test_a_callers_own_credential_stands_before_the_lookup_and_in_no_repr():
    mine = visitor(NONE_HELD, "auth-id=a+b&auth-token=canary")
    credential = credentials(mine, [mine.plans.upstreams["smartystreets"]])["smartystreets"]

    assert query_for(credential, (("street", "1 A St"),)) == "auth-id=a+b&auth-token=canary&street=1+A+St"
    assert "canary" not in repr(credential)


def test_a_provider_that_the_caller_may_not_use_is_not_asked():
    mine = visitor(HELD, caller=Caller("forms", frozenset({"smartystreets"})))

    assert [one.name for one in mine.may_use(["google", "smartystreets"])] == ["smartystreets"]
    with pytest.raises(CallerNotAllowed):
        mine.may_use(["google"])


def test_usually_those_are_asked_first_whose_answers_may_be_kept_and_google_completes_only_where_it_is_named():
    plans = visitor(HELD).plans

    assert verifiers(plans) == ("smartystreets", "google")
    assert completers(plans) == ("smartystreets",)


def test_an_operator_says_who_is_asked_in_which_order():
    named = "v1: {addresses: {providers: [google, smartystreets], autocomplete: [google]}}"
    plans = visitor(f"{NONE_HELD}\n{named}").plans

    assert verifiers(plans) == ("google", "smartystreets")
    assert completers(plans) == ("google",)


def test_where_no_upstream_can_do_it_nobody_is_asked():
    mine = visitor("upstreams: {courseworks: {}}")

    with pytest.raises(NotConfigured, match="can verify addresses"):
        chosen(mine, verifiers(mine.plans), (), "verify addresses")


@pytest.mark.parametrize(
    ("named", "field"),
    [(("courseworks",), "providers.0"), (("google", "google"), "providers.1"), (("x" * 999,), "providers.0")],
)
def test_who_is_named_has_to_be_configured_and_named_once(named, field):
    mine = visitor(HELD)
    with pytest.raises(InvalidFields) as refused:
        chosen(mine, verifiers(mine.plans), named, "verify addresses")

    assert [error["field"] for error in refused.value.problem.more["errors"]] == [field]
