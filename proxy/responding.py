"""Responding: an answer as it leaves, with what Larder adds to it."""

from aiohttp import ClientError, web
from multidict import CIMultiDict

from adapters import Adapter
from proxy.answers import Answer
from proxy.errors import LarderError, render, whole_seconds
from proxy.links import REWRITTEN, Bases, rewritten
from proxy.messages import Fields


def headers_of(answer: Answer, bases: Bases, traceparent: str) -> CIMultiDict[str]:
    """The header fields of an answer to this caller."""
    headers: CIMultiDict[str] = CIMultiDict(answer.fields)
    if not REWRITTEN.isdisjoint(map(str.lower, headers)):
        headers = CIMultiDict(rewritten(answer.fields, bases))
    if answer.age is not None:
        headers["Age"] = str(answer.age)
    # Each cache on the way appends itself (RFC 9211 §2).
    headers["Cache-Status"] = ", ".join([*headers.getall("Cache-Status", []), str(answer.cache)])
    headers["traceparent"] = traceparent
    if answer.status in (429, 503):
        _make_retry_after_whole(headers, answer.retry_after)
    return headers


def _make_retry_after_whole(headers: CIMultiDict[str], wait: float | None) -> None:
    """The Smarty SDK dies on a 429 whose Retry-After is missing, a date or a fraction (UPSTREAMS.md §1.7)."""
    if not headers.get("Retry-After", "").isdigit():
        headers["Retry-After"] = str(whole_seconds(wait or 1.0))


def response_of(answer: Answer, headers: CIMultiDict[str]) -> web.Response:
    """The response to an answer whose body is here."""
    return web.Response(status=answer.status, headers=headers, body=answer.body)


async def stream_out(request: web.BaseRequest, answer: Answer, headers: CIMultiDict[str]) -> web.StreamResponse:
    """Send an answer whose body is still under way."""
    stream = answer.stream
    if stream is None:
        raise ValueError("this answer's body is here already")
    response = web.StreamResponse(status=answer.status, headers=headers)
    try:
        await response.prepare(request)
        async for chunk in stream:
            await response.write(chunk)
        await response.write_eof()
    except (ClientError, OSError, TimeoutError):
        # The upstream or the caller went away in the middle: an end without an end is all that can still be said.
        response.force_close()
        if request.transport is not None:
            request.transport.abort()
    finally:
        await stream.close()
    return response


def problem_response(error: LarderError, adapter: Adapter | None, path: str, traceparent: str) -> web.Response:
    """The response to an error of Larder's own."""
    status, fields, body = render(error.problem, adapter, path)
    cache_status: Fields = (("Cache-Status", f"larder; detail={error.word}"), ("traceparent", traceparent))
    return web.Response(status=status, headers=CIMultiDict((*fields, *cache_status)), body=body)
