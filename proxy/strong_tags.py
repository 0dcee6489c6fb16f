"""Strong tags that Larder gives: made when an answer comes, kept in its head, and told in place of the upstream's own.

The upstream's own tag stays beside it: by that the upstream is asked whether what is stored still holds.
"""

from dataclasses import replace

from adapters import NOT_JSON, Kind
from policies.http.fields import Fields, without
from policies.http.strong_tags import strong_tag
from proxy.asking import Ask
from proxy.http.headers import LARDER_TAG
from proxy.upstream.messages import Reply

LARGEST = 1024 * 1024  # bytes; what is larger keeps the tag it came with, rather than hold everybody up
_MARK = f"\n{LARDER_TAG}: "


def tagged(ask: Ask, reply: Reply) -> Reply:
    """The answer with its tag, where its endpoint declares which members do not count."""
    volatile = ask.plan.endpoint.volatile
    if volatile is None or reply.status != 200 or reply.verdict.kind is not Kind.ANSWER:
        return reply
    if reply.json is NOT_JSON or len(reply.body) > LARGEST:
        return reply
    fields = without(reply.fields, {LARDER_TAG.lower()})
    return replace(reply, fields=(*fields, (LARDER_TAG, strong_tag(reply.json, volatile))))


def told(fields: Fields) -> Fields:
    """The fields as a caller gets them: with the tag that Larder made, if it made one, in place of the upstream's."""
    ours = next((value for name, value in fields if name == LARDER_TAG), None)
    if ours is None:
        return fields
    return (*without(fields, {LARDER_TAG.lower(), "etag"}), ("ETag", ours))


def less_foreign_tag(ask: Ask, fields: Fields) -> Fields:
    """The fields of an answer to HEAD: GET has another tag here than the upstream's (RFC 9110 §9.3.2)."""
    return fields if ask.plan.endpoint.volatile is None else without(fields, {"etag"})


def tag_in(head: str) -> str | None:
    """The tag in a stored head."""
    _, found, rest = f"\n{head}".partition(_MARK)
    return rest.partition("\n")[0] if found else None
