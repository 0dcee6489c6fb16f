"""Codings: a stored answer for a caller that cannot take the content coding it lies in (RFC 9110 §8.4, §12.5.3).

Only then is it touched: an upstream that varies by Accept-Encoding says so, and its variants are kept apart.
"""

import zlib

from policies.http.codings import is_acceptable
from policies.http.etags import is_weak
from policies.http.fields import as_mapping, without
from policies.http.targeted import control_of
from proxy.answers import Answer
from proxy.asking import Ask
from proxy.keys import joined

MOST_DECODED = 4 * 1024 * 1024  # bytes: what grows beyond is left as it is; it is done where everybody waits

_OF_THE_CODED = frozenset(
    {"content-digest", "content-encoding", "content-length", "content-md5", "digest", "repr-digest"}
)  # RFC 9530: digests are of what is coded
_ZLIB = {"gzip": 31, "x-gzip": 31, "deflate": 15}  # the wbits of each


def decoded_for(ask: Ask, answer: Answer) -> Answer:
    """The answer without its coding, if this caller refuses that and it can be undone; else as it is."""
    if answer.status != 200 or all(name.lower() != "content-encoding" for name, _ in answer.fields):
        return answer
    headers = as_mapping(answer.fields)
    coding = headers["content-encoding"].strip().lower()
    if coding not in _ZLIB or is_acceptable(joined(ask.sent.headers, "accept-encoding"), coding):
        return answer
    if "no-transform" in control_of(headers).directives:  # RFC 9111 §5.2.2.6
        return answer
    body = _undone(answer.body, _ZLIB[coding])
    if body is None:
        return answer
    answer.body = body
    answer.fields = without(answer.fields, _OF_THE_CODED | {"etag", "vary"})
    etag, vary = headers.get("etag"), headers.get("vary")
    if etag is not None:  # the same in meaning, not in octets (RFC 9110 §8.8.1)
        answer.fields += (("ETag", etag if is_weak(etag) else f"W/{etag}"),)
    answer.fields += (("Vary", "Accept-Encoding" if vary is None else f"{vary}, Accept-Encoding"),)
    return answer


def _undone(body: bytes, wbits: int) -> bytes | None:
    """The content; None where it is not coded so, is cut off, or grows too large."""
    decompressor = zlib.decompressobj(wbits)
    try:
        content = decompressor.decompress(body, MOST_DECODED)
    except zlib.error:
        return None
    return content if decompressor.eof and not decompressor.unused_data else None
