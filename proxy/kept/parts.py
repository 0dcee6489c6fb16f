"""Parts: 206 answers kept apart from whole ones, put together where they fit, and used for what lies inside them.

RFC 9111 §3.3, §3.4; RFC 9110 §15.3.7.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from msgspec import structs

from policies.http.fields import Fields, as_mapping, without
from policies.http.partial import Held, covered, is_whole, joined, may_combine, missing
from policies.http.ranges import Part, if_range_holds, parse_content_range, part_fields
from proxy.asking import Ask
from proxy.messages import Entry, pack_head
from proxy.upstream.messages import Reply

PARTIAL = 206
_OF_A_PART = frozenset({"content-digest", "content-length", "content-md5", "content-range"})
LARGEST_REST = 1024 * 1024  # bytes that are asked for to complete a beginning: they are waited for


def held_part(ask: Ask, key: bytes, look: Callable[[bytes], Entry | None]) -> Entry | None:
    """The stored part of the answer under `key` in which the range that is asked for lies."""
    asked = ask.conditions.get("range")
    entry = look(ask.part_key(key)) if asked is not None else None
    if entry is None or not if_range_holds(ask.conditions.get("if-range"), entry.headers, now=entry.stored_at):
        return None
    held = _held(entry.headers)
    return entry if held is not None and covered(held, asked) is not None else None


def rest_of(part: Entry | None) -> Fields:
    """The conditions under which the upstream gives what is missing of a stored beginning, or all of it where that has
    changed (RFC 9111 §3.3, RFC 9110 §13.1.5); none where nothing stored can be completed.
    """
    headers = part.headers if part is not None else {}
    held, etag = _held(headers), headers.get("etag", "")
    rest = missing(held) if held is not None and etag.startswith('"') else None
    if held is not None and (held.complete or 0) - held.last > LARGEST_REST:
        rest = None
    return (("Range", rest), ("If-Range", etag)) if rest is not None else ()


def completed(part: Entry, reply: Reply) -> Reply | None:
    """The whole answer that a stored beginning and a 206 make; None where they do not fit."""
    held, more = _held(part.headers), _held(reply.headers)
    if held is None or more is None or not may_combine(part.headers, reply.headers, now=reply.received_at):
        return None
    both = joined(held, part.body, more, reply.body)
    if both is None or not is_whole(both[0]):
        return None
    fields = without(reply.fields, _OF_A_PART)
    return replace(reply, status=200, fields=fields, headers=as_mapping(fields), body=both[1], length=len(both[1]))


def part_of(ask: Ask, entry: Entry, before: Entry | None, largest: int) -> Entry | None:
    """How the entry of a 206 is kept: together with the part `before` it, where both are of one representation.

    None where it is no single readable part, or larger than `largest` bytes.
    """
    held = _held(entry.headers)
    if held is None or len(entry.body) != held.last - held.first + 1:
        return None
    held, body, fence = _together(before, entry, held)
    if len(body) > largest:
        return None
    whole = is_whole(held)
    fields = entry.fields if whole else part_fields(entry.fields, Part(held.first, held.last), held.complete)
    fields = without(fields, _OF_A_PART if whole else {"content-length"})
    return structs.replace(
        entry,
        key=entry.key if whole else ask.part_key(entry.key),
        status=200 if whole else PARTIAL,
        head=pack_head(fields),
        body=body,
        fence=fence,
    )


def _together(before: Entry | None, entry: Entry, held: Held) -> tuple[Held, bytes, int]:
    """What is held of the part before and this one, its bytes and their fence; of this one, where they do not fit."""
    alone = (held, entry.body, entry.fence)
    if before is None or before.status != PARTIAL:
        return alone
    if not may_combine(before.headers, entry.headers, now=entry.stored_at):
        return alone
    earlier = _held(before.headers)
    both = joined(earlier, before.body, held, entry.body) if earlier is not None else None
    return alone if both is None else (*both, min(entry.fence, before.fence))  # what purged either purges both


def _held(headers: Mapping[str, str]) -> Held | None:
    content_range = parse_content_range(headers.get("content-range", ""))
    return Held(*content_range) if content_range is not None else None
