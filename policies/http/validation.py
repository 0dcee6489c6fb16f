"""Validation: asking the origin whether stored answers still hold, and what its 304 does to them (RFC 9111 §4.3)."""

from collections.abc import Iterable, Mapping, Sequence

from policies.http.etags import is_weak, parse_etags, strongly_equal, weakly_equal
from policies.http.fields import Fields, without

Headers = Mapping[str, str]

_ANY = "*"
# Of the stored body, or for the one who asked, or (Age) spent in the arithmetic of the renewed answer's age.
_NEVER_RENEWED = frozenset({"age", "content-length", "content-range", "set-cookie"})
_OF_A_DECODED_BODY = frozenset({"content-encoding", "content-type"})


def validators(stored: Sequence[Headers], asked: Headers) -> Fields:
    """The conditions to send upstream for stored answers of one target, newest first, and a caller's request.

    Every stored tag, and beside them the caller's own (§4.3.2), each once. Last-Modified goes along with the tag of a
    single answer, for intermediaries that know no tags (§4.3.1); of several answers, the newest one's goes if none
    has a tag. Where nothing stored has a validator, the caller's own conditions travel. A stored part is only to be
    passed in for a request that it would satisfy (§4.3.2).
    """
    tags = _once(one["etag"] for one in stored if one.get("etag"))
    modified = stored[0].get("last-modified") if stored else None
    if tags:
        fields: Fields = (("If-None-Match", ", ".join(_once((*tags, *_tags_of(asked))))),)
        return (*fields, ("If-Modified-Since", modified)) if modified and len(stored) == 1 else fields
    if modified:
        # The caller's tags stay behind: they would hide this date (RFC 9110 §13.1.3); the cache compares them after.
        return (("If-Modified-Since", modified),)
    return () if stored and _asks_for_any(asked) else _own_conditions(asked)


def freshens(answer: Headers, stored: Sequence[Headers], sent: Fields = ()) -> tuple[int, ...]:
    """Which of the answers that could be chosen for the request, newest first, a 304 renews (§4.3.4); () for none.

    `sent` are the conditions that went out. A 304 that names no state speaks of a single stored answer if that has no
    validator either (the letter of §4.3.4), or if nothing but its own validators was sent: no other can be meant.
    """
    tag = answer.get("etag")
    if tag and not is_weak(tag):
        return tuple(index for index, one in enumerate(stored) if strongly_equal(one.get("etag", ""), tag))
    if tag or "last-modified" in answer:
        # A date counts as weak: whether it is a strong validator, a 304 does not tell (RFC 9110 §8.8.2.2).
        return tuple(index for index, one in enumerate(stored) if _corresponds(answer, one))[:1]
    return (0,) if len(stored) == 1 and _must_be_meant(stored[0], sent) else ()


def renewed(stored: Fields, answer: Fields, *, as_stored: bool) -> Fields:
    """A stored answer's fields after a later answer without content: each field of that replaces its namesakes (§3.2).

    Content-Length, Content-Range, Age and Set-Cookie are not taken over. Where the body is not `as_stored`, that is as
    it came but decoded, neither are the fields it depends on. Hop-by-hop fields are the caller's to strip.
    """
    kept_out = _NEVER_RENEWED if as_stored else _NEVER_RENEWED | _OF_A_DECODED_BODY
    new = without(answer, kept_out)
    replaced = {name.lower() for name, _ in new}
    return (*without(stored, replaced | {"age"}), *new)


def _asks_for_any(asked: Headers) -> bool:
    """`*` is true of any state: no 304 to it says that a stored one holds."""
    return _ANY in (parse_etags(asked.get("if-none-match", "")) or ())


def _tags_of(asked: Headers) -> tuple[str, ...]:
    return tuple(tag for tag in parse_etags(asked.get("if-none-match", "")) or () if tag != _ANY)


def _own_conditions(asked: Headers) -> Fields:
    pairs = (("If-None-Match", asked.get("if-none-match")), ("If-Modified-Since", asked.get("if-modified-since")))
    return tuple((name, value) for name, value in pairs if value is not None)


def _corresponds(answer: Headers, one: Headers) -> bool:
    """Whether a 304's weak validators are those of a stored answer; tags decide where both have one."""
    if answer.get("etag") and one.get("etag"):
        return weakly_equal(answer["etag"], one["etag"])
    return "last-modified" in answer and answer["last-modified"] == one.get("last-modified")


def _must_be_meant(one: Headers, sent: Fields) -> bool:
    own = validators([one], {})
    return not own or sent == own


def _once(tags: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tags))
