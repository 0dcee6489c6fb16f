"""Provenance: where a typed answer comes from, how old it is, and until when it may be kept."""

from collections.abc import Sequence
from datetime import UTC, datetime

from proxy.answers import Answer
from proxy.asking import Ask
from proxy.batches.composing import age_of, status_of, tier_of, word_of
from proxy.plan import Plan
from proxy.typed.address_models import Provenance

JSON = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))


def provenance(ask: Ask, answer: Answer, now: float) -> Provenance:
    """Of one answer. `now`: seconds since the epoch."""
    made_at = answer.made_at if answer.made_at is not None else now
    most = kept_at_most(ask.plan)
    status = "bypass" if answer.cache.fwd == "bypass" else word_of(answer.cache)
    return Provenance.model_validate(
        {
            "status": status,
            "fetched_at": datetime.fromtimestamp(made_at, UTC),
            "hard_expires_at": None if most is None else datetime.fromtimestamp(made_at + most, UTC),
            "age": max(0, int(now - made_at)),
        }
    )


def kept_at_most(plan: Plan) -> float | None:
    """Seconds for which an answer may be kept by a provider's terms or an operator's word; None: neither says."""
    most = plan.upstream.keep_at_most if plan.cache is None else plan.cache.keep_at_most
    return min(most, plan.shortest_term) if plan.upstream.adapter.terms or plan.is_end_said else None


def answer_of(body: bytes, answers: Sequence[Answer], calls: int) -> Answer:
    """The whole answer, of those it was made of. `calls`: that were made upstream for it."""
    found = list(answers)
    return Answer(200, JSON, body, status_of(found), calls=calls, age=age_of(found), tier=tier_of(found))
