"""Presenting: what one caller gets of a stored answer: all of it, a part, or that it has it already.

RFC 9111 §4.3.2 (conditions), RFC 9110 §14 (ranges), RFC 9111 §4.3.5 (HEAD answered from GET).
"""

from collections.abc import Mapping

from policies.http.conditions import is_not_modified, not_modified_fields
from policies.http.dates import http_date
from policies.http.fields import Fields, as_mapping, without
from policies.http.partial import Held, covered
from policies.http.ranges import Part, Wanted, if_range_holds, parse_content_range, part_fields, wanted
from proxy.answers import Answer
from proxy.asking import Ask
from proxy.http.codings import decoded_for


def presented(ask: Ask, answer: Answer, *, made_at: float, now: float) -> Answer:
    """The answer as this ask's method, preconditions and range have it. `made_at`: when the upstream made it."""
    is_head = ask.sent.method == "HEAD"
    if answer.stream is None and ask.goes_by_headers:
        answer = decoded_for(ask, answer)
    if answer.stream is not None or not (is_head or ask.conditions or answer.status == 206):
        return answer
    if ask.conditions or answer.status == 206:
        headers = as_mapping(answer.fields)
        if answer.status in (200, 206) and _has_it_already(ask, headers, made_at, now):
            answer.status, answer.fields, answer.body = 304, not_modified_fields(answer.fields), b""
        elif not is_head and _wants_part(ask) and answer.status in (200, 206):
            _cut(ask, answer, headers, now)
    if is_head and answer.status != 304:
        length = ("Content-Length", str(len(answer.body)))
        answer.fields, answer.body = (*without(answer.fields, {"content-length"}), length), b""
    return answer


def _wants_part(ask: Ask) -> bool:
    """Whether it gets one: not where tags leave something out, or parts of two answers would be put together by them
    (RFC 9110 §14.2: the whole is always right).
    """
    return "range" in ask.conditions and ask.plan.endpoint.volatile is None


def _has_it_already(ask: Ask, headers: Mapping[str, str], made_at: float, now: float) -> bool:
    date = http_date(headers.get("date"), now)
    return is_not_modified(ask.conditions, headers, stored_date=made_at if date is None else date, now=now)


def _cut(ask: Ask, answer: Answer, headers: Mapping[str, str], now: float) -> None:
    """Give the part that was asked for, if it is one that can be given (RFC 9110 §14.2)."""
    asked = ask.conditions["range"]
    if answer.status == 206:
        held = parse_content_range(headers.get("content-range", ""))
        part = covered(Held(*held), asked) if held is not None else None
        if held is not None and part is not None:
            _give(answer, part, held.first, held.complete)
        return
    if not if_range_holds(ask.conditions.get("if-range"), headers, now=now):
        return
    length = len(answer.body)
    chosen = wanted(asked, length)
    if isinstance(chosen, Part):
        _give(answer, chosen, 0, length)
    elif chosen is Wanted.UNSATISFIABLE:
        nothing: Fields = (("Content-Range", f"bytes */{length}"),)
        kept = without(answer.fields, {"content-range", "content-length", "content-type", "content-encoding"})
        answer.status, answer.fields, answer.body = 416, (*kept, *nothing), b""


def _give(answer: Answer, part: Part, begins_at: int, complete: int | None) -> None:
    answer.fields = without(part_fields(answer.fields, part, complete), {"content-length"})
    answer.body = answer.body[part.first - begins_at : part.last - begins_at + 1]
    answer.status = 206
