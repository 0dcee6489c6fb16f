"""The caller's base URL and address are learned from trusted proxies, and from nobody else."""

from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from proxy.callers.forwarded import Base, Forwarding, Origin, is_host
from proxy.callers.rfc7239 import Malformed, node_address, parse_forwarded
from proxy.errors import BadRequest

PROXY, OUTER, CLIENT, STRANGER = "10.0.0.1", "10.0.0.2", "192.0.2.7", "203.0.113.9"
FORWARDING = Forwarding(["10.0.0.0/24"])
DIRECT = Base("http", "larder:8080")


def values(fields: dict[str, str | list[str]]) -> Callable[[str], list[str]]:
    lower = {name.lower(): [value] if isinstance(value, str) else value for name, value in fields.items()}
    return lambda name: lower.get(name.lower(), [])


def origin(fields: dict[str, str | list[str]], peer: str = PROXY) -> Origin:
    return FORWARDING.origin(peer, "http", "larder:8080", values(fields))


def test_without_a_front_proxy_the_request_speaks_for_itself() -> None:
    assert origin({}, peer=CLIENT) == Origin(DIRECT, CLIENT)
    assert origin({}) == Origin(DIRECT, PROXY)
    assert DIRECT.url == "http://larder:8080"


def test_forwarded_tells_scheme_host_and_client() -> None:
    told = origin({"Forwarded": 'for=192.0.2.7;proto=https;host="api.example:8443";by=_hidden'})

    assert told == Origin(Base("https", "api.example:8443"), CLIENT)
    assert told.base.url == "https://api.example:8443"


def test_x_forwarded_tells_scheme_host_prefix_and_client() -> None:
    told = origin(
        {
            "X-Forwarded-For": CLIENT,
            "X-Forwarded-Proto": "HTTPS",
            "X-Forwarded-Host": "api.example",
            "X-Forwarded-Prefix": "/larder/",
        }
    )

    assert told == Origin(Base("https", "api.example", "/larder"), CLIENT)
    assert told.base.url == "https://api.example/larder"


@pytest.mark.parametrize(
    ("chain", "client"),
    [
        (CLIENT, CLIENT),
        (f"{STRANGER}, {CLIENT}", CLIENT),
        (f"{STRANGER}, {CLIENT}, {OUTER}", CLIENT),
        ([STRANGER, CLIENT, OUTER], CLIENT),
        (f"{PROXY}, {OUTER}", PROXY),
        (f"{CLIENT}:4711, {OUTER}:80", CLIENT),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:DB8::1]:443", "2001:db8::1"),
        (f"{STRANGER}, unknown", None),
        (f"{STRANGER}, garbage, {OUTER}", None),
        (f"{STRANGER}, {CLIENT}x", None),
    ],
)
def test_the_client_is_the_rightmost_address_that_is_no_trusted_proxy(
    chain: str | list[str], client: str | None
) -> None:
    assert origin({"X-Forwarded-For": chain}).client == client

    lines = [chain] if isinstance(chain, str) else chain
    elements = [", ".join(f'for="{_bracketed(node)}"' for node in line.split(", ")) for line in lines]
    assert origin({"Forwarded": elements}).client == client


def _bracketed(node: str) -> str:
    return f"[{node}]" if node.count(":") > 1 and not node.startswith("[") else node


def test_what_a_client_wrote_before_the_proxies_did_is_not_believed() -> None:
    told = origin(
        {"Forwarded": "for=10.0.0.9;host=evil.example;proto=http, for=192.0.2.7;proto=https;host=api.example"}
    )
    assert told == Origin(Base("https", "api.example"), CLIENT)

    told = origin(
        {
            "X-Forwarded-For": f"10.9.9.9, {CLIENT}",
            "X-Forwarded-Host": "evil.example, api.example",
            "X-Forwarded-Proto": ["http", "https"],
        }
    )
    assert told == Origin(Base("https", "api.example"), CLIENT)


def test_with_two_trusted_proxies_the_outer_one_knows_the_base_url() -> None:
    told = origin({"Forwarded": f"for={CLIENT};host=api.example;proto=https, for={OUTER};host=inner;proto=http"})
    assert told == Origin(Base("https", "api.example"), CLIENT)

    told = origin({"Forwarded": f"for={CLIENT}, for={OUTER};host=api.example;proto=https"})
    assert told == Origin(Base("https", "api.example"), CLIENT)


def test_two_families_that_name_different_clients_are_both_not_believed() -> None:
    told = origin({"Forwarded": "for=10.9.9.9;host=evil.example", "X-Forwarded-For": CLIENT})

    assert told == Origin(DIRECT, None)


def test_two_families_that_agree_complete_each_other() -> None:
    told = origin(
        {"Forwarded": f"for={CLIENT};proto=https", "X-Forwarded-For": CLIENT, "X-Forwarded-Host": "api.example"}
    )

    assert told == Origin(Base("https", "api.example"), CLIENT)


def test_a_proxy_that_does_not_say_for_whom_it_asks_leaves_the_client_unknown() -> None:
    assert origin({"X-Forwarded-Proto": "https"}) == Origin(Base("https", "larder:8080"), None)
    assert origin({"Forwarded": "proto=https"}) == Origin(Base("https", "larder:8080"), None)


NO_HOSTS = ["a b", "a/b", "a\x00", "a\r\nb", "user@a", "a:99999", "a:b", "a:", "", "[::zz]", "[::1", "-a", ".a", "é"]
NO_HOSTS += ["a#", "a?b", "a\\b", "a" * 300]


@pytest.mark.parametrize("host", NO_HOSTS)
def test_a_host_that_is_none_is_ignored_from_a_proxy_and_refused_from_a_caller(host: str) -> None:
    assert origin({"X-Forwarded-For": CLIENT, "X-Forwarded-Host": host}).base.host == "larder:8080"
    with pytest.raises(BadRequest):
        FORWARDING.origin(CLIENT, "http", host, values({}))


@pytest.mark.parametrize("host", ["a", "a.b-c_d", "a:1", "127.0.0.1:8080", "[::1]", "[2001:db8::1]:65535"])
def test_a_host_that_is_one_is_taken(host: str) -> None:
    assert is_host(host)
    assert origin({"Forwarded": f'for={CLIENT};host="{host}"'}).base.host == host


@pytest.mark.parametrize("scheme", ["javascript", "http:", "", "https, ftp", "ws"])
def test_a_scheme_that_is_none_is_ignored(scheme: str) -> None:
    assert origin({"X-Forwarded-For": CLIENT, "X-Forwarded-Proto": scheme}).base.scheme == "http"


@pytest.mark.parametrize(
    "prefix",
    [
        "//evil.example",
        "/a//b",
        "relative",
        "/a b",
        "/a\r\nb",
        "/..",
        "/a/../b",
        "/a?b",
        "/a#b",
        "/" + "a" * 600,
        "/",
        "",
    ],
)
def test_a_prefix_that_is_none_is_ignored(prefix: str) -> None:
    assert origin({"X-Forwarded-For": CLIENT, "X-Forwarded-Prefix": prefix}).base.prefix == ""


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        ("", []),
        (" , ,", []),
        ("for=_x", [{"for": "_x"}]),
        ("For=a;PROTO=http", [{"for": "a", "proto": "http"}]),
        ("for=a , for=b", [{"for": "a"}, {"for": "b"}]),
        ("for=a;;host=b;", [{"for": "a", "host": "b"}]),
        (r'for="a\"b,c;d\\"', [{"for": r'a"b,c;d' + "\\"}]),
        ('for="", for=b', [{"for": ""}, {"for": "b"}]),
    ],
)
def test_forwarded_is_read_as_rfc_7239_writes_it(text: str, elements: list[dict[str, str]]) -> None:
    assert parse_forwarded(text) == elements


@pytest.mark.parametrize(
    "text",
    [
        'for="a',
        "for=a b",
        "for =a",
        "for= a",
        "for",
        "=a",
        'for="a"b',
        "for=a=b",
        "for=[::1]",
        "for=a;for=b",
        "for=\x00",
        "a=b," * 2000,
    ],
)
def test_forwarded_that_breaks_its_grammar_is_refused_whole(text: str) -> None:
    with pytest.raises(Malformed):
        parse_forwarded(text)

    assert origin({"Forwarded": text}) == Origin(DIRECT, None)


def test_a_quote_a_client_left_open_does_not_swallow_what_the_proxy_adds() -> None:
    assert origin({"Forwarded": [f'for="{STRANGER}', f"for={CLIENT};host=api.example"]}) == Origin(DIRECT, None)


@pytest.mark.parametrize(
    "node", [None, "", "unknown", "_secret", "[192.0.2.1", "[::1]:x", "::1:80:x", "1.2.3", "1.2.3.4:"]
)
def test_a_node_without_an_address_has_none(node: str | None) -> None:
    assert node_address(node) is None


field_names = st.sampled_from(
    ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix"]
)
telling = st.sampled_from(["for=10.0.0.1;host=evil;proto=https", "10.0.0.1", "evil.example", "https", "/evil"])
hostile = st.dictionaries(field_names, st.lists(st.text() | telling, max_size=3))


@given(hostile)
def test_an_untrusted_peer_changes_nothing(fields: dict[str, str | list[str]]) -> None:
    assert origin(fields, peer=STRANGER) == Origin(DIRECT, STRANGER)
    assert Forwarding([]).origin(PROXY, "http", "larder:8080", values(fields)) == Origin(DIRECT, PROXY)


@given(hostile)
def test_whatever_a_trusted_peer_passes_on_the_base_url_is_a_url_and_the_client_an_address(
    fields: dict[str, str | list[str]],
) -> None:
    told = origin(fields)

    assert told.base.scheme in ("http", "https")
    assert is_host(told.base.host)
    assert told.base.url.isascii()
    assert told.base.url.isprintable()
    assert not set(told.base.url) & set(' "<>\\^`{|}')
    assert told.client is None or node_address(told.client) == told.client


@given(hostile, st.ip_addresses())
def test_a_client_cannot_choose_its_address(fields: dict[str, list[str]], address) -> None:
    """A proxy that appends to X-Forwarded-For decides who the client is, whatever else came with the request."""
    real = node_address(str(address))
    assume(real is not None and not real.startswith("10.0.0."))
    chain = [*fields.pop("X-Forwarded-For", []), str(address)]

    told = origin({**fields, "X-Forwarded-For": chain})

    assert told.client in (real, None)
