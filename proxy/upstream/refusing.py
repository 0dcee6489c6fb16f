"""Refusing: what callers hear whose credential the upstream refused a while ago, without asking it again.

The caller's own credential hears the upstream's own words again: they were said to it. A credential that Larder holds
is used for many callers, and what was said to one of them is not for the others: they hear the same in Larder's words,
in the shape and with the status that their SDK knows.
"""

from dataclasses import replace

from adapters import Adapter, Problem
from policies.http.fields import as_mapping
from proxy.upstream.messages import Reply

LONGEST = 64 * 1024  # bytes of a body that is remembered


def refusal_of(reply: Reply, adapter: Adapter, upstream: str, path: str, *, is_held: bool) -> Reply | None:
    """The answer for who comes with the credential while it rests; None where that cannot be said again."""
    if is_held:
        return _in_own_words(reply, adapter, upstream, path)
    if reply.stream is not None or len(reply.body) > LONGEST:
        return None
    return replace(reply, calls=0)


def _in_own_words(reply: Reply, adapter: Adapter, upstream: str, path: str) -> Reply:
    """The same status, for the older Google APIs 200, and a body that says no more than that."""
    said = reply.status
    if said < 400:
        said = 402 if reply.verdict.detail == "quota-used-up" else 403
    detail = f"{upstream} refused the credential that Larder holds, and is not asked again for a while."
    body = adapter.shape_error(Problem(said, "Credential refused", detail), path) if adapter.shape_error else None
    content_type = "text/plain; charset=utf-8" if body is None else "application/json; charset=utf-8"
    fields = (("Content-Type", content_type),)
    return Reply(
        reply.status,
        fields,
        as_mapping(fields),
        detail.encode() if body is None else body,
        verdict=reply.verdict,
        calls=0,
        base=reply.base,
        requested_at=reply.requested_at,
        received_at=reply.received_at,
    )
