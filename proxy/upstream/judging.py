"""Judging: what an answer means, by its adapter, its endpoint's model, and what may be let in at all."""

from collections.abc import Sequence

from adapters import Adapter, Endpoint, Kind, Received, Verdict
from policies.retry_after import retry_after
from proxy.http.links import foreign_link
from proxy.upstream.messages import Reply
from proxy.upstream.reading import TooDeep, parsed


def judge(adapter: Adapter, reply: Reply, *, bases: Sequence[str], now: float) -> None:
    """Give a reply its JSON and its verdict. `bases`: where links may lead; `now`: seconds since the epoch."""
    if reply.stream is None and not adapter.by_headers:
        try:
            reply.json = parsed(reply.body)
        except TooDeep:
            reply.verdict = Verdict(Kind.FAILED, detail="too-deep")
            return
    verdict = adapter.verdict(Received(reply.status, reply.headers, reply.body, reply.json))
    said = retry_after(reply.headers.get("retry-after"), now)
    if said is not None:  # never early: the later of what the provider's body and its header say
        verdict = verdict._replace(retry_after=max(said, verdict.retry_after or 0.0))
    if verdict.kind is Kind.ANSWER and not adapter.by_headers and foreign_link(reply.headers, bases):
        verdict = Verdict(Kind.FAILED, detail="foreign-link")
    reply.verdict = verdict


def refuse_unfit(endpoint: Endpoint, reply: Reply) -> None:
    """The payload check: a good body that does not parse as the endpoint's model is unusable."""
    if reply.verdict.kind is not Kind.ANSWER or endpoint.model is None or reply.status != 200:
        return
    try:
        endpoint.model.validate_python(reply.json)
    except (ValueError, RecursionError):
        reply.verdict = Verdict(Kind.UNUSABLE, detail="payload-refused")
