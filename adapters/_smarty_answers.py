"""What an answer of Smarty means: refusals, errors, and whether every input was matched (UPSTREAMS.md §4.3–§4.5)."""

from adapters._answers import ERROR_INSIDE, NOT_WHAT_IT_SAYS, is_success, is_unreadable
from adapters._exchanges import Exchange, Kind, Received, Verdict, http_verdict
from adapters._json import mapping, rows, strict_json, written_json
from adapters._vocabulary import Problem

NO_MATCH = "no_match"
VERIFIED = frozenset({"Y", "S", "D"})  # dpv_match_code: confirmed, without its secondary, with one missing


def verdict(received: Received) -> Verdict:
    """What an answer means. 401 and 402 are about the credential: wrong, or without lookups left."""
    if received.status == 402:
        return Verdict(Kind.CREDENTIAL_REFUSED, detail="quota-used-up")
    if is_success(received):
        if is_unreadable(received):
            return NOT_WHAT_IT_SAYS
        found = mapping(received.json)
        if "errors" in found or "error" in found:
            return ERROR_INSIDE
    return http_verdict(received)


def street_outcome(exchange: Exchange) -> str | None:
    """An answer in which any input has no deliverable match lives as short as that one should."""
    matched: set[int] = set()
    for candidate in rows(exchange.json):
        code = mapping(candidate.get("analysis")).get("dpv_match_code")
        if not isinstance(code, str) or code not in VERIFIED:
            return NO_MATCH
        matched.add(_input_index(candidate))
    return None if matched == _inputs(exchange) else NO_MATCH


def zip_outcome(exchange: Exchange) -> str | None:
    """An invalid ZIP is a 200 with a status in its element."""
    elements = rows(exchange.json)
    matched = {_input_index(element) for element in elements if "status" not in element}
    return None if matched == _inputs(exchange) and len(matched) == len(elements) else NO_MATCH


def international_outcome(exchange: Exchange) -> str | None:
    """Only what is wholly verified is as good as a confirmed delivery point."""
    found = [mapping(row.get("analysis")).get("verification_status") for row in rows(exchange.json)]
    return None if found and all(status == "Verified" for status in found) else NO_MATCH


def shape_error(problem: Problem, _path: str) -> bytes:
    """An error as the SDK reads it: an object whose `errors` is a list (a list alone kills it)."""
    error: dict[str, object] = {"id": problem.status, "message": problem.detail or problem.title}
    if problem.faults:
        error["fields"] = [{"field": fault.field, "message": fault.message} for fault in problem.faults]
    return written_json({"errors": [error]})


def _input_index(row: dict[str, object]) -> int:
    index = row.get("input_index", 0)
    return index if isinstance(index, int) else -1


def _inputs(exchange: Exchange) -> set[int]:
    """The places of the inputs: one for a GET, one for each element of a POST; unreadable: none that could match."""
    if exchange.sent.method != "POST":
        return {0}
    body = strict_json(exchange.sent.body)
    return set(range(len(body))) if isinstance(body, list) and body else {-2}
