"""Refusals: why a request is not read on, with a status (RFC 9110 §15, RFC 6585 §5) and a text on the rule."""

import re

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage

from adapters import Problem
from proxy.errors import BadRequest, LarderError

_TWICE = re.compile(r"Duplicate '([A-Za-z-]{1,40})' header found\.")  # as aiohttp says it, of the fields it knows

REFUSED: web.RequestKey[LarderError] = web.RequestKey("refused", LarderError)
"""Set on a request that stands for one that could not be read."""


class Unreadable(BadHttpMessage):
    """A request that cannot be read; `error` says why to the caller. Its connection ends behind that."""

    def __init__(self, error: LarderError) -> None:
        super().__init__("unreadable")
        self.error = error


def refusal_of(raised: BaseException) -> LarderError:
    """What a caller is told of an error of the parsers, whose texts quote what was sent: nothing of them but the name
    of a field that may stand there once.
    """
    if isinstance(raised, Unreadable):
        return raised.error
    twice = _TWICE.fullmatch(getattr(raised, "message", ""))
    return not_http() if twice is None else BadRequest(twice[1], "it twice", "there once (RFC 9110 §5.3)")


def not_http() -> LarderError:
    """400: the parsers' business."""
    return BadRequest("request", "what is not HTTP/1.1", "a request as RFC 9112 writes it")


def not_a_chunk() -> LarderError:
    """400: a body whose chunks are none."""
    return BadRequest("body", "a chunk that is none", "chunks as RFC 9112 §7.1 writes them")


def uri_too_long(limit: int) -> LarderError:
    """414: the request line is longer than a whole head may be."""
    return LarderError(Problem(414, "URI too long", f"The request line may have at most {limit} bytes."))


def expectation_failed() -> LarderError:
    """417: `Expect` with anything but 100-continue (RFC 9110 §10.1.1)."""
    return LarderError(Problem(417, "Expectation failed", "The only expectation that is known here is 100-continue."))


def too_many_fields(most: int) -> LarderError:
    """431: too many of them."""
    return LarderError(Problem(431, "Head too large", f"There may be at most {most} header fields."))


def not_a_tunnel() -> LarderError:
    """501: CONNECT (RFC 9110 §9.3.6)."""
    return LarderError(Problem(501, "Not implemented", "Larder is no tunnel: there is no CONNECT."))


def unknown_coding() -> LarderError:
    """501: a transfer coding that Larder does not undo (RFC 9112 §6.1)."""
    return LarderError(Problem(501, "Not implemented", "The only transfer coding that is known here is chunked, once."))


def other_version() -> LarderError:
    """505: not HTTP/1.x (RFC 9110 §15.6.6)."""
    return LarderError(Problem(505, "HTTP version not supported", "Larder speaks HTTP/1.1 and HTTP/1.0."))
