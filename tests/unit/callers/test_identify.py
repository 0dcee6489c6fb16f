"""A caller is known in four ways, and a wrong key is refused whatever else would speak for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.callers.identify import (
    Presented,
    Way,
    identify,
    is_loopback_host,
    redacted_path,
    split_key,
)
from proxy.callers.keys import hash_key
from proxy.callers.registry import LOCAL, Callers, DeclaredCaller
from proxy.errors import LarderError, MisdirectedHost, UnknownCaller

CALLERS = Callers(
    [
        DeclaredCaller("enrollment", keys=(hash_key("right"),), networks=("10.0.0.0/8",)),
        DeclaredCaller("housing", keys=(hash_key("housing"),)),
    ]
)
NOBODY = Callers([])
ELSEWHERE, INSIDE = "192.0.2.1", "10.0.0.1"


def presented(
    header: str | None = None,
    prefix: str | None = None,
    address: str | None = ELSEWHERE,
    host: str = "larder.example",
    candidates: tuple[str, ...] = (),
) -> Presented:
    return Presented(header, prefix, address, host, candidates)


@pytest.mark.parametrize(
    ("request_", "who", "way"),
    [
        (presented(header="right"), "enrollment", Way.HEADER),
        (presented(prefix="right"), "enrollment", Way.PREFIX),
        (presented(header="right", prefix="right"), "enrollment", Way.HEADER),
        (presented(candidates=("AIzaSomebody", "right")), "enrollment", Way.PLACE),
        (presented(address=INSIDE), "enrollment", Way.NETWORK),
        (presented(address=INSIDE, candidates=("the provider's own",)), "enrollment", Way.NETWORK),
        (presented(header="housing", address=INSIDE), "housing", Way.HEADER),
        (presented(candidates=("housing",), address=INSIDE), "housing", Way.PLACE),
    ],
)
def test_a_caller_is_known_in_each_of_the_four_ways(request_: Presented, who: str, way: Way) -> None:
    found = identify(CALLERS, request_)

    assert (found.caller.name, found.way) == (who, way)


def test_which_candidate_was_the_larder_key_is_told_so_that_it_never_goes_upstream() -> None:
    assert identify(CALLERS, presented(candidates=("other", "right"))).candidate == 1
    assert identify(CALLERS, presented(header="right")).candidate is None


@pytest.mark.parametrize(
    "request_",
    [
        presented(),
        presented(address=None),
        presented(candidates=("wrong",)),
        presented(header="wrong", address=INSIDE),
        presented(header="", address=INSIDE),
        presented(prefix="wrong", address=INSIDE),
        presented(prefix="", address=INSIDE),
        presented(header="wrong", candidates=("right",)),
        presented(header="right", prefix="wrong", address=INSIDE),
        presented(header="wrong", prefix="right", address=INSIDE),
        presented(header="right", prefix="housing", address=INSIDE),
        presented(address="127.0.0.1", host="localhost"),
    ],
)
def test_without_a_right_key_or_a_known_network_and_with_any_wrong_key_nobody_gets_in(request_: Presented) -> None:
    with pytest.raises(UnknownCaller):
        identify(CALLERS, request_)


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8080", "127.0.0.1:8080", "[::1]:8080", "app.localhost", "127.9.9.9"]
)
def test_without_callers_this_machine_is_the_local_caller(host: str) -> None:
    found = identify(NOBODY, presented(address="127.0.0.1", host=host))

    assert (found.caller, found.way) == (LOCAL, Way.LOCAL)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evillocalhost",
        "localhost@evil.example",
        "localhost:8080:9",
        "localhost/",
        "localhost evil",
        "10.0.0.1",
        "[::2]",
        "[]",
        "",
        "l" * 100_000,
        "[" + "1" * 100_000 + "]",
    ],
)
def test_without_callers_a_foreign_host_is_refused_though_it_comes_from_this_machine(host: str) -> None:
    with pytest.raises(MisdirectedHost):
        identify(NOBODY, presented(address="127.0.0.1", host=host))


@pytest.mark.parametrize("address", [ELSEWHERE, None, ""])
def test_without_callers_another_machine_is_refused_whatever_host_it_names(address: str | None) -> None:
    with pytest.raises(MisdirectedHost):
        identify(NOBODY, presented(address=address, host="localhost"))


def test_without_callers_every_presented_key_is_a_wrong_one() -> None:
    with pytest.raises(UnknownCaller):
        identify(NOBODY, presented(header="right", address="127.0.0.1", host="localhost"))


@pytest.mark.parametrize(
    ("raw", "parts"),
    [
        ("/@KEY/courseworks/api", ("/@KEY", "KEY", "/courseworks/api")),
        ("/%40KEY/courseworks", ("/%40KEY", "KEY", "/courseworks")),
        ("/@K%45Y/courseworks", ("/@K%45Y", "KEY", "/courseworks")),
        ("/@KEY", ("/@KEY", "KEY", "/")),
        ("/@/courseworks", ("/@", "", "/courseworks")),
        ("/@A/@B/x", ("/@A", "A", "/@B/x")),
        ("/courseworks/@me", ("", None, "/courseworks/@me")),
        ("/", ("", None, "/")),
    ],
)
def test_the_key_comes_off_the_path_and_the_rest_stays_as_it_was_sent(
    raw: str, parts: tuple[str, str | None, str]
) -> None:
    assert split_key(raw) == parts


@given(st.text(), st.text())
def test_prefix_and_rest_make_the_path_again(key: str, rest: str) -> None:
    raw = f"/@{key}/{rest}"

    parts = split_key(raw)

    assert raw in (parts.prefix + parts.path, parts.prefix + parts.path.removeprefix("/"))
    assert parts.path.startswith("/")


@pytest.mark.parametrize("raw", ["/@canary/x?a=1", "/%40canary", "/@A/@canary/x", "/x?token=canary", "/@canary?x"])
def test_a_redacted_path_holds_no_key_and_no_query(raw: str) -> None:
    assert "canary" not in redacted_path(raw)


def test_neither_repr_nor_error_shows_a_key() -> None:
    request_ = presented(header="canary-h", prefix="canary-p", candidates=("canary-c",))

    with pytest.raises(LarderError) as refused:
        identify(CALLERS, request_)

    assert "canary" not in repr(request_) + repr(refused.value) + str(refused.value.problem)


hostile = st.one_of(st.none(), st.text(max_size=40), st.sampled_from(["right", "housing", INSIDE, "localhost"]))


@given(hostile, hostile, hostile, st.text(), st.lists(st.text(), max_size=3))
def test_whatever_is_presented_only_a_right_key_or_a_known_network_lets_in(
    header: str | None, prefix: str | None, address: str | None, host: str, candidates: list[str]
) -> None:
    request_ = Presented(header, prefix, address, host, candidates)

    try:
        found = identify(CALLERS, request_)
    except UnknownCaller:
        return

    right = {"right": "enrollment", "housing": "housing"}
    keys = [key for key in (header, prefix) if key is not None]
    if keys:
        assert {right.get(key) for key in keys} == {found.caller.name}
    elif found.way is Way.PLACE:
        assert found.candidate is not None
        assert right.get(candidates[found.candidate]) == found.caller.name
    else:
        assert address is not None
        assert CALLERS.by_address(address) == found.caller


@given(st.text())
def test_no_host_breaks_the_check(host: str) -> None:
    assert is_loopback_host(host) in (True, False)
