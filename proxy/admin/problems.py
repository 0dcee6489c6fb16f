"""What the admin listener refuses, and how it says so: problem+json, with what an operator needs to put it right."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from aiohttp import web

from adapters import Problem
from proxy.admin.writing import json_bytes
from proxy.config.file import ConfigProblem
from proxy.errors import PROBLEM_JSON, LarderError, whole_seconds

RETRY_AFTER = 5  # seconds, where nothing better is known


class AdminProblem(LarderError):
    """A refusal with header fields and members of its own (RFC 9457 §3.2)."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        fields: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        wait = RETRY_AFTER if status is HTTPStatus.SERVICE_UNAVAILABLE else None
        super().__init__(Problem(status, status.phrase, detail, retry_after=wait))  # RFC 9457 §4.2.1: about:blank
        self.fields = dict(fields or {})
        self.members = dict(members or {})


class UnknownOperator(AdminProblem):
    """401: no token came, or not the right one (RFC 6750 §3)."""

    def __init__(self, *, presented: bool) -> None:
        challenge = 'Bearer realm="larder admin"' + (', error="invalid_token"' if presented else "")
        detail = "This is not the admin token." if presented else "Send the admin token: `Authorization: Bearer …`."
        super().__init__(HTTPStatus.UNAUTHORIZED, detail, fields={"WWW-Authenticate": challenge})


class ForeignHost(AdminProblem):
    """421: on loopback, only loopback's own names lead here, so that no web page can (DNS rebinding)."""

    def __init__(self) -> None:
        detail = "The admin listener is bound to loopback and answers only as localhost, 127.0.0.1 or [::1]."
        super().__init__(HTTPStatus.MISDIRECTED_REQUEST, detail)


class UnknownPath(AdminProblem):
    """404: names the paths there are."""

    def __init__(self, known: Iterable[str]) -> None:
        super().__init__(HTTPStatus.NOT_FOUND, f"There is no such path. Known: {', '.join(sorted(known))}.")


class UnknownUpstreamName(AdminProblem):
    """404: names the nearest."""

    def __init__(self, right: str) -> None:
        super().__init__(
            HTTPStatus.NOT_FOUND,
            f"There is no upstream of that name; it has to be {right}{'' if right.endswith('?') else '.'}",
        )


class NoSuchChange(AdminProblem):
    """404: nothing of that ID is on record."""

    def __init__(self) -> None:
        super().__init__(HTTPStatus.NOT_FOUND, "There is no such change; `GET /admin/audit` shows those there are.")


class NotUndone(AdminProblem):
    """409: a change that cannot be taken back, and why."""

    def __init__(self, why: str) -> None:
        super().__init__(HTTPStatus.CONFLICT, why)


class NothingHeld(AdminProblem):
    """404: nothing of that ID is in quarantine."""

    def __init__(self) -> None:
        detail = "Nothing of that ID is in quarantine; `GET /admin/quarantine` shows what is."
        super().__init__(HTTPStatus.NOT_FOUND, detail)


class NotAcceptable(AdminProblem):
    """409: an answer in quarantine that cannot be stored, and why."""

    def __init__(self, why: str, fate: str) -> None:
        super().__init__(HTTPStatus.CONFLICT, why, members={"fate": fate})


class NotDecided(AdminProblem):
    """503: nobody can say what is in quarantine, or whether it was decided on already."""

    def __init__(self) -> None:
        detail = "The durable store failed, or a worker did not answer; nothing was decided: send it again."
        super().__init__(HTTPStatus.SERVICE_UNAVAILABLE, detail)


class WrongMethod(AdminProblem):
    """405: with `Allow` (RFC 9110 §15.5.6)."""

    def __init__(self, allowed: Iterable[str]) -> None:
        names = ", ".join(sorted(allowed))
        super().__init__(HTTPStatus.METHOD_NOT_ALLOWED, f"This path takes {names}.", fields={"Allow": names})


class NotDurable(AdminProblem):
    """503: flushed in memory, but the store that should have kept it could not; `done` says what was."""

    def __init__(self, done: Mapping[str, Any]) -> None:
        detail = "Flushed, but the durable store could not keep it, so a restart may forget it: send it again."
        super().__init__(HTTPStatus.SERVICE_UNAVAILABLE, detail, members=done)


class NotErased(AdminProblem):
    """503: a person was purged for good, but something of them may be left; `done` is the receipt so far."""

    def __init__(self, done: Mapping[str, Any]) -> None:
        detail = "Nothing of this person is served any more, but something may be left of them: send it again."
        if done["store"].get("damaged"):
            detail += " Before that, delete the damaged files beside the database (*.broken-*), which nobody can read."
        super().__init__(HTTPStatus.SERVICE_UNAVAILABLE, detail, members=done)


class CannotCount(AdminProblem):
    """503: the durable store failed, so that a dry run would tell less than the truth."""

    def __init__(self) -> None:
        super().__init__(HTTPStatus.SERVICE_UNAVAILABLE, "The durable store failed; what is there cannot be counted.")


class ReloadUnderWay(AdminProblem):
    """409: one reload at a time."""

    def __init__(self) -> None:
        super().__init__(HTTPStatus.CONFLICT, "Another reload is under way; ask again when it has ended.")


class ConfigRefused(AdminProblem):
    """422: the config is refused as a whole, with everything that is wrong with it."""

    def __init__(self, problems: Sequence[ConfigProblem]) -> None:
        rows = [{"file": one.file, "line": one.line, "field": one.field, "message": one.message} for one in problems]
        detail = f"The config has {len(rows)} problem{'s'[: len(rows) != 1]}; the one before it still holds."
        super().__init__(HTTPStatus.UNPROCESSABLE_ENTITY, detail, members={"problems": rows})


def problem_response(error: LarderError) -> web.Response:
    """Any of Larder's errors as this listener writes it."""
    problem = error.problem
    members = {"type": problem.type, "title": problem.title, "status": int(problem.status), "detail": problem.detail}
    headers = {"Content-Type": PROBLEM_JSON, "Cache-Control": "no-store"}
    if problem.retry_after is not None:
        headers["Retry-After"] = str(whole_seconds(problem.retry_after))
    if isinstance(error, AdminProblem):
        members = {**error.members, **members}
        headers |= error.fields
    return web.Response(status=problem.status, headers=headers, body=json_bytes(members))
