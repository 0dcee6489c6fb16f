"""Links under any header: what is not below the base stays byte for byte, what is begins with the caller's base."""

import re
from urllib.parse import urlsplit

from hypothesis import given
from hypothesis import strategies as st

from proxy.http.links import REWRITTEN, Bases, rewritten

HERE = "http://127.0.0.1:8080/@key/courseworks"
UPSTREAMS = st.sampled_from(["https://there", "https://there/canvas", "http://there:3000", "https://there:8443/a/b"])
REST = st.from_regex(r"([/?#][ -;=?-~]{0,20})?", fullmatch=True)  # anything printable but angle brackets
TEXT = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40)
NAMES = st.sampled_from(["Link", "link", "LOCATION", "Content-Location", "X-Link", "ETag", "Refresh"])
NEAR = st.one_of(  # addresses that look like the base and are not below it
    TEXT,
    st.builds(lambda text: f"https://there{text}", st.sampled_from([".example/a", "x", "@else/", ":1/", "-/a"])),
    st.builds(lambda text: f"https://else/{text}", TEXT),
    st.builds(lambda text: f"//there/{text}", TEXT),
)


def is_below(address: str, base: str) -> bool:
    """By what RFC 3986 makes of both: the same scheme and authority, and a path at or under the base's."""
    try:
        parts, root = urlsplit(address), urlsplit(base)
        same_origin = (parts.scheme, parts.hostname, port(parts)) == (root.scheme, root.hostname, port(root))
    except ValueError:
        return False
    if not parts.scheme and not parts.netloc:  # a path of the upstream's own
        same_origin = address.startswith("/")
    return same_origin and f"{parts.path}/".startswith(f"{root.path}/")


def port(parts):
    return parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def value_of(name, value, upstream):
    [(same, changed)] = rewritten(((name, value),), Bases(upstream, HERE))
    assert same == name
    return changed


@given(UPSTREAMS, REST, st.sampled_from(["Location", "content-location"]))
def test_an_address_below_the_base_keeps_its_rest_byte_for_byte(upstream, rest, name):
    assert value_of(name, upstream + rest, upstream) == HERE + rest


@given(UPSTREAMS, NEAR, st.sampled_from(["Location", "content-location"]))
def test_an_address_elsewhere_stays_byte_for_byte(upstream, address, name):
    changed = value_of(name, address, upstream)

    if not is_below(address, upstream):
        assert changed == address
    else:
        assert changed == address or changed.startswith(HERE)


@given(UPSTREAMS, NAMES, TEXT)
def test_a_field_that_is_no_link_is_never_touched(upstream, name, value):
    if name.lower() not in REWRITTEN:
        assert value_of(name, value, upstream) == value


@given(UPSTREAMS, st.lists(st.tuples(REST, TEXT.filter(lambda text: not set(text) & set("<>,"))), max_size=5))
def test_of_many_links_each_target_changes_and_nothing_else(upstream, links):
    def field(base):
        return ", ".join(f"<{base}{rest}>; {parameters}" for rest, parameters in links)

    assert value_of("Link", field(upstream), upstream) == field(HERE)


@given(UPSTREAMS, TEXT)
def test_what_stands_outside_angle_brackets_of_a_link_field_stays(upstream, value):
    outside = re.compile(r"<[^>]*>")

    assert outside.sub("<>", value_of("Link", value, upstream)) == outside.sub("<>", value)


@given(UPSTREAMS, st.lists(st.tuples(NAMES, TEXT), max_size=6))
def test_rewriting_never_raises_and_keeps_fields_in_their_places(upstream, fields):
    changed = rewritten(tuple(fields), Bases(upstream, HERE))

    assert [name for name, _ in changed] == [name for name, _ in fields]


@given(UPSTREAMS, REST)
def test_what_was_rewritten_is_rewritten_no_further(upstream, rest):
    once = value_of("Location", upstream + rest, upstream)

    assert value_of("Location", once, upstream) == once
