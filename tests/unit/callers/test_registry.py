"""Callers are found by key or by network; keys are compared without telling which one matched."""

import hmac
from ipaddress import IPv4Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.callers import registry
from proxy.callers.addresses import Networks, is_loopback, parse_address
from proxy.callers.keys import hash_key
from proxy.callers.registry import LOCAL, Caller, Callers, DeclaredCaller

ENROLLMENT = DeclaredCaller(
    "enrollment",
    keys=(hash_key("old"), hash_key("new")),
    networks=("10.0.0.0/8", "2001:db8::/32"),
    allow=("courseworks",),
)
HOUSING = DeclaredCaller("housing", keys=(hash_key("housing"),), networks=("10.1.0.0/16",))


@pytest.fixture
def callers() -> Callers:
    return Callers([ENROLLMENT, HOUSING])


def name(caller: Caller | None) -> str | None:
    return caller and caller.name


@pytest.mark.parametrize(("key", "who"), [("old", "enrollment"), ("new", "enrollment"), ("housing", "housing")])
def test_each_of_several_keys_finds_its_caller_every_time(callers: Callers, key: str, who: str) -> None:
    assert name(callers.by_key(key)) == who
    assert name(callers.by_key(key)) == who


@pytest.mark.parametrize("wrong", ["", "OLD", "old ", hash_key("old"), "\ud800", "x" * 100_000])
def test_a_wrong_key_finds_nobody(callers: Callers, wrong: str) -> None:
    assert callers.by_key(wrong) is None


@pytest.mark.parametrize("key", ["old", "housing", "wrong"])
def test_a_key_not_yet_accepted_is_compared_with_every_hash(
    callers: Callers, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = []

    def counting(known: bytes, presented: bytes) -> bool:
        compared.append(known)
        return hmac.compare_digest(known, presented)

    monkeypatch.setattr(registry, "compare_digest", counting)

    callers.by_key(key)

    assert len(set(compared)) == 3


def test_wrong_keys_are_not_remembered(callers: Callers, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    monkeypatch.setattr(registry, "compare_digest", lambda *digests: bool(compared.append(digests)))

    callers.by_key("wrong")
    callers.by_key("wrong")

    assert len(compared) == 6


def test_the_narrowest_network_says_who_calls(callers: Callers) -> None:
    assert name(callers.by_address("10.1.2.3")) == "housing"
    assert name(callers.by_address("10.2.2.3")) == "enrollment"
    assert name(callers.by_address("2001:db8::1")) == "enrollment"
    assert callers.by_address("192.0.2.1") is None


def test_an_ipv4_address_mapped_into_ipv6_is_the_ipv4_address(callers: Callers) -> None:
    assert name(callers.by_address("::ffff:10.2.2.3")) == "enrollment"


@pytest.mark.parametrize("address", ["", "unknown", "10.2", "10.2.2.3, 10.1.1.1", "9" * 5000, "10.2.2.3\n"])
def test_what_is_no_address_is_nobody(callers: Callers, address: str) -> None:
    assert callers.by_address(address) is None


def test_a_caller_may_use_what_it_is_allowed_and_everything_where_nothing_is_said(callers: Callers) -> None:
    enrollment, housing = callers.by_key("old"), callers.by_key("housing")
    assert enrollment is not None
    assert housing is not None

    assert enrollment.may_use("courseworks")
    assert not enrollment.may_use("google")
    assert housing.may_use("google")
    assert LOCAL.may_use("google")


def test_an_empty_allow_list_allows_nothing() -> None:
    caller = Callers([DeclaredCaller("idle", keys=(hash_key("k"),), allow=())]).by_key("k")

    assert caller is not None
    assert not caller.may_use("google")


def test_without_callers_nothing_is_configured_and_nobody_is_known() -> None:
    callers = Callers([])

    assert not callers.configured
    assert callers.by_key("old") is None
    assert callers.by_address("127.0.0.1") is None


@pytest.mark.parametrize("text", ["canary-key", "sha256:canary", "sha256:" + "0" * 62, "md5:" + "0" * 64, "0" * 64])
def test_what_is_no_hash_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match="larder key") as refused:
        Callers([DeclaredCaller("a", keys=(text,))])

    assert text not in str(refused.value)


def test_a_key_written_twice_for_one_caller_is_one_key() -> None:
    callers = Callers([DeclaredCaller("a", keys=(hash_key("k"), hash_key("k")))])

    assert name(callers.by_key("k")) == "a"


def test_a_key_of_two_callers_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        Callers([DeclaredCaller("a", keys=(hash_key("k"),)), DeclaredCaller("b", keys=(hash_key("k"),))])


def test_many_addresses_do_not_make_the_memory_grow_or_the_answers_wrong() -> None:
    networks = Networks([("10.0.0.0/8", "ours")])

    for _ in range(2):
        for number in range(10_000):
            octets = f"{number >> 8 & 255}.{number & 255}"
            assert networks.find(f"10.0.{octets}") == "ours"
            assert networks.find(f"11.0.{octets}") is None


@given(st.ip_addresses(v=4), st.integers(0, 32), st.ip_addresses(v=4))
def test_an_address_is_in_a_network_exactly_when_the_standard_library_says_so(base, length, address) -> None:
    network = IPv4Network((base, length), strict=False)

    found = Networks([(str(network), "ours")]).find(str(address))

    assert (found == "ours") == (address in network)


@given(st.text(max_size=80))
def test_no_text_breaks_the_reading_of_addresses(text: str) -> None:
    parsed = parse_address(text)

    assert parsed is None or ip_address(str(parsed)) == parsed


@pytest.mark.parametrize(
    ("address", "ours"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("", False),
    ],
)
def test_loopback_is_this_machine(address: str, ours: bool) -> None:  # noqa: FBT001 - a table's column
    assert is_loopback(address) is ours
