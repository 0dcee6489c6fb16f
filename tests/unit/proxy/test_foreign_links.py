"""Foreign links: a page link must stay with its upstream, however loosely a client reads it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.http.links import foreign_link

BASES = ("https://there", "http://other:3000/canvas")


@pytest.mark.parametrize(
    "link",
    [
        '<https://there/a?page=2>; rel="next"',
        "<HTTPS://There:443/a>;rel=next",
        "<http://other:3000/elsewhere>; rel=prev",
        '<//other:3000/a>; rel="next"',
        "<//there/a>; rel=next",
        "</a>; rel=next",
        "<a/b?c=https://elsewhere/>; rel=next",
        "<?page=2>; rel=next",
        "<>; rel=next",
        '<https://there/a>; rel="next", <https://there/b>; rel="last"',
        '<https://elsewhere/a>; rel="help"',
        '<https://elsewhere/a>; rel="canonical", </a>; rel=next',
        "<https://elsewhere/a>",
        "<https://elsewhere/a>; xrel=next",
        "https://elsewhere/a; rel=next",
        "",
    ],
)
def test_a_page_of_the_upstreams_own_is_not_foreign(link):
    assert not foreign_link({"link": link}, BASES)


@pytest.mark.parametrize("rel", ["next", '"next"', "'next'", "NEXT", '"up next"', "prev", "previous", "first", "last"])
def test_every_page_that_a_client_follows_counts_however_it_is_said(rel):
    assert foreign_link({"link": f"<https://elsewhere/a>; rel={rel}"}, BASES)


@pytest.mark.parametrize(
    "link",
    [
        "<https://elsewhere/a>; REL=next",
        "<https://elsewhere/a>;title=x ; rel = next",
        '<https://elsewhere/a>; rel="help"; rel="next"',
        '<https://elsewhere/a>; title="it; rel="next"',
        '<https://there/a>; rel="prev",<https://elsewhere/a>; rel="next"',
        '<https://elsewhere/a>; rel="next',
    ],
)
def test_a_relation_is_found_where_the_loosest_reader_would_find_it(link):
    assert foreign_link({"link": link}, BASES)


@pytest.mark.parametrize(
    "address",
    [
        "http://there/a",
        "https://there:8443/a",
        "http://other/a",
        "https://there.example/a",
        "https://there@elsewhere/a",
        r"https://elsewhere\@there/a",
        "//elsewhere/a",
        "///elsewhere/a",
        r"/\elsewhere/a",
        "/\t/elsewhere/a",
        "\x01//elsewhere/a",
        "https:elsewhere/a",
        "https:///elsewhere/a",
        "https://[there/a",
        "https://there:http/a",
        "ftp://there/a",
        "data:text/plain,a",
    ],
)
def test_another_origin_is_foreign_in_whatever_dress(address):
    assert foreign_link({"link": f"<{address}>; rel=next"}, BASES)


def test_an_answer_without_links_has_none_that_is_foreign():
    assert not foreign_link({"location": "<https://elsewhere/a>; rel=next"}, BASES)


@given(st.text(st.characters(max_codepoint=0xFF), max_size=60))
def test_whatever_a_link_says_it_is_judged(text):
    foreign_link({"link": f"<{text}>; rel=next"}, BASES)
    foreign_link({"link": text}, BASES)


PARTS = ["https:", "http:", "/", "//", "\\", "\t", " ", "@", ":", ":443", "there", "evil", ".", "?", "#", "[", "]"]


@given(st.lists(st.sampled_from(PARTS), max_size=8).map("".join))
def test_what_is_let_pass_leads_a_browser_to_the_upstream_too(address):
    """A backslash is a slash to it, a tab is nothing, and of slashes behind a scheme it takes any number."""
    if foreign_link({"link": f"<{address}>; rel=next"}, ("https://there",)):
        return
    read = address.replace("\\", "/").replace("\t", "").strip()
    scheme, colon, rest = read.partition(":")
    if colon and scheme in ("http", "https"):
        read = "//" + rest.lstrip("/")
    if read.startswith("//"):
        authority = re.split("[/?#]", read.lstrip("/"), maxsplit=1)[0]
        assert authority.rpartition("@")[2].removesuffix(":443").removesuffix(":") == "there"
