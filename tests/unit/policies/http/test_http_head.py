"""HEAD: it renews what it agrees with, and outdates what it does not (RFC 9111 §4.3.5)."""

import pytest

from policies.http.head import Effect, effect_on

MODIFIED = "Sun, 06 Nov 1994 08:49:37 GMT"
LATER = "Sun, 06 Nov 1994 08:49:38 GMT"
STORED = {"etag": '"a"', "last-modified": MODIFIED, "content-type": "a/b"}


@pytest.mark.parametrize(
    ("stored", "head", "effect"),
    [
        (STORED, {"etag": '"a"'}, Effect.FRESHENS),
        (STORED, {"etag": '"a"', "last-modified": MODIFIED, "content-length": "10"}, Effect.FRESHENS),
        (STORED, {"last-modified": MODIFIED}, Effect.FRESHENS),
        (STORED, {"content-length": " 10 "}, Effect.FRESHENS),
        (STORED, {}, Effect.FRESHENS),  # nothing in it speaks against it
        ({}, {"content-length": "10"}, Effect.FRESHENS),
        ({}, {}, Effect.FRESHENS),
        (STORED, {"etag": '"b"'}, Effect.OUTDATES),
        (STORED, {"etag": 'W/"a"'}, Effect.OUTDATES),
        (STORED, {"etag": '"a"', "last-modified": LATER}, Effect.OUTDATES),
        (STORED, {"etag": '"b"', "last-modified": MODIFIED}, Effect.OUTDATES),
        (STORED, {"etag": '"a"', "content-length": "11"}, Effect.OUTDATES),
        (STORED, {"content-length": "ten"}, Effect.OUTDATES),
        (STORED, {"content-length": ""}, Effect.OUTDATES),
        ({}, {"etag": '"a"'}, Effect.OUTDATES),
        ({}, {"last-modified": MODIFIED, "content-length": "10"}, Effect.OUTDATES),
    ],
)
def test_head_renews_an_answer_of_the_same_state_and_length_and_outdates_any_other(stored, head, effect):
    assert effect_on(stored, 10, 200, head) is effect


@pytest.mark.parametrize("status", [204, 206, 301, 304, 404, 410, 500, 503])
def test_only_a_200_to_head_tells_anything(status):
    assert effect_on(STORED, 10, status, {"etag": '"b"'}) is Effect.NOTHING
    assert effect_on(STORED, 10, status, {"etag": '"a"'}) is Effect.NOTHING
