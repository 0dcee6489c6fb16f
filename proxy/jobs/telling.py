"""Telling: a job's record as its caller sees it."""

from collections.abc import Iterable
from datetime import UTC, datetime

from policies.http.fields import Fields
from proxy.answers import Answer, CacheStatus
from proxy.errors import whole_seconds
from proxy.jobs.record import Record, wait_for
from proxy.typed.errands import Errand
from proxy.typed.job_models import Job, Jobs, Progress
from proxy.typed.provenance import JSON
from proxy.typed.visitors import Visitor

ROOT = "/v1/jobs"


def document(job_id: str, record: Record, errand: Errand, now: float) -> Answer:
    """That a request is under way: 202 (RFC 9110 §15.3.3). `now`: seconds since the epoch."""
    visitor = errand.wish.visitor
    applied = (("Location", _place(visitor, job_id)), ("Preference-Applied", "respond-async"))
    return _answer(202, job_id, record, visitor, now, applied)


def status(job_id: str, record: Record, visitor: Visitor, now: float) -> Answer:
    """Where a job stands; while it is not over, when to ask again."""
    return _answer(200, job_id, record, visitor, now, ())


def listing(jobs: Iterable[tuple[str, Record]], visitor: Visitor) -> Answer:
    """Where several jobs stand, by their ids."""
    told = Jobs(data=tuple(_job(job_id, record, visitor) for job_id, record in jobs))
    return Answer(200, JSON, told.model_dump_json(by_alias=True).encode(), CacheStatus(), tier="none")


def _answer(status: int, job_id: str, record: Record, visitor: Visitor, now: float, more: Fields) -> Answer:
    body = _job(job_id, record, visitor).model_dump_json(by_alias=True).encode()
    wait = () if record.is_over else (("Retry-After", str(whole_seconds(wait_for(record, now)))),)
    return Answer(status, (*JSON, *more, *wait), body, CacheStatus(), tier="none")


def _job(job_id: str, record: Record, visitor: Visitor) -> Job:
    place = _place(visitor, job_id)
    return Job.model_validate(
        {
            "id": job_id,
            "route": record.route,
            "status": record.state,
            "progress": Progress(done=record.done, total=record.total),
            "created_at": datetime.fromtimestamp(record.created_at, UTC),
            "expires_at": datetime.fromtimestamp(record.expires_at, UTC) if record.is_over else None,
            "links": {"self": place, "result": f"{place}/result"},
        }
    )


def _place(visitor: Visitor, job_id: str) -> str:
    return f"{visitor.base}{ROOT}/{job_id}"
