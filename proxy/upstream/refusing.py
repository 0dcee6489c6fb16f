"""Refusing: what callers hear whose credential the upstream refused a while ago, without asking it again.

The caller's own credential hears the upstream's own words again: they were said to it. A credential that Larder holds
is used for many callers, and what was said to one of them is not for the others: they hear the same in Larder's words,
in the shape and with the status that their SDK knows.
"""

from dataclasses import replace

from adapters import Adapter, Problem
from policies.http.fields import as_mapping, without
from proxy.upstream.calls import Call
from proxy.upstream.messages import Reply

LONGEST = 64 * 1024  # bytes of a body that is remembered

_ONCE = frozenset({"set-cookie"})  # said to one who asked, not to who asks later


def remembered_of(reply: Reply, call: Call) -> Reply | None:
    """What is kept of a refusal; None where it could not be said again."""
    if call.credential == "held":
        return replace(reply, fields=(), headers={}, body=b"", stream=None, calls=0)
    if reply.stream is not None or len(reply.body) > LONGEST or call.outgoing.method == "HEAD":
        return None
    fields = without(reply.fields, _ONCE)
    return replace(reply, fields=fields, headers=as_mapping(fields), calls=0)


def said_again(remembered: Reply, call: Call, adapter: Adapter, upstream: str) -> Reply:
    """The answer for who comes with the credential while it rests."""
    if call.credential != "held":
        return remembered
    status = remembered.status
    if status < 400:  # the older Google APIs say it in a 200
        status = 402 if remembered.verdict.detail == "quota-used-up" else 403
    detail = f"{upstream} refused the credential that Larder holds, and is not asked again for a while."
    body = (
        adapter.shape_error(Problem(status, "Credential refused", detail), call.path) if adapter.shape_error else None
    )
    kind = "text/plain; charset=utf-8" if body is None else "application/json; charset=utf-8"
    fields = (("Content-Type", kind),)
    return replace(
        remembered, fields=fields, headers=as_mapping(fields), body=detail.encode() if body is None else body
    )
