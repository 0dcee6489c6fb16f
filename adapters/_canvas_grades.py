"""Whether a Canvas answer carries grades: those live for a minute and are never served stale (UPSTREAMS.md §8)."""

from adapters._exchanges import Exchange, Sent

GRADED = "graded"

_ASKED = frozenset(
    {
        "current_grading_period_scores",
        "current_points",
        "grades",
        "score_statistics",
        "submission",
        "submission_history",
        "submissions",
        "total_scores",
    }
)
_STATES = ("current", "final", "unposted_current", "unposted_final", "override")
_PERIODS = ("", "computed_", "current_period_", "current_period_computed_")
_SCORES = frozenset(
    {f"{period}{state}_{what}" for period in _PERIODS for state in _STATES for what in ("score", "grade")}
    | {"score", "grade", "entered_score", "entered_grade", "current_points", "unposted_current_points"}
)


_NESTED = (dict, list)


def included(sent: Sent) -> tuple[str, ...]:
    """What `include[]` asks for."""
    return (*sent.all("include[]"), *sent.all("include"))


def is_graded(exchange: Exchange) -> bool:
    """Whether grades or scores were asked for, or are in the answer without having been asked for."""
    return not _ASKED.isdisjoint(included(exchange.sent)) or _has_scores(exchange.json)


def outcome(exchange: Exchange) -> str | None:
    """Which of an endpoint's outcomes an answer is."""
    return GRADED if is_graded(exchange) else None


def _has_scores(json: object) -> bool:
    waiting = [json]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            # A score of null is no score: it is there for everybody who may see grades and has none yet.
            if not _SCORES.isdisjoint(value) and any(value.get(name) is not None for name in _SCORES):
                return True
            waiting += [one for one in value.values() if isinstance(one, _NESTED)]
        elif isinstance(value, list):
            waiting += value
    return False
