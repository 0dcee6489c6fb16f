"""GET /v1/students/{id}/overview: profile, courses and sections, read side by side, each told apart."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from adapters import Reading, Record
from proxy.answers import Answer
from proxy.asking import Ask
from proxy.errors import LarderError, by_itself
from proxy.typed.catalogues import Source, source_of
from proxy.typed.course_models import Asked, CoursesPart, Overview, Part, ProfilePart, SectionsPart
from proxy.typed.errors import NoPart
from proxy.typed.lists import Found, Reader
from proxy.typed.patience import patience_of
from proxy.typed.provenance import answer_of, provenance
from proxy.typed.routes import Wish
from proxy.typed.tagging import tagged
from proxy.typed.verifying import item_problem

T = TypeVar("T", bound=Record)

# Where all parts say the same of who asks and for whom, it is said once.
_OF_ALL = frozenset({401, 403, 404, 429, 504})


class _Came(NamedTuple):
    """A part, as it came or did not."""

    part: Part
    found: Found | None
    error: LarderError | None


class Overviews:
    """Reads overviews of students."""

    def __init__(self, reader: Reader, clock: Callable[[], float], monotonic: Callable[[], float]) -> None:
        """`clock` tells seconds since the epoch."""
        self._reader = reader
        self._clock = clock
        self._monotonic = monotonic

    async def overview(self, wish: Wish) -> Answer:
        """All parts that come. Raises LarderError where none does."""
        asked: Asked = wish.query
        source = source_of(wish.visitor, asked.upstream, patience_of(wish.visitor.headers, self._monotonic))
        catalogue, of = source.catalogue, wish.params["id"]
        profile = source.ask(catalogue.profile, of)
        is_me = of == catalogue.me  # then the courses are those that /v1/courses reads
        listed, whose = (catalogue.courses, None) if is_me else (catalogue.courses_of, of)
        courses, sections = source.ask(listed, whose), source.ask(catalogue.sections_of, of)
        came = await asyncio.gather(
            *map(
                wish.work.one_by_one,
                (
                    self._part(source, self._reader.one, profile, catalogue.profile, ProfilePart),
                    self._part(source, self._reader.all, courses, listed, CoursesPart),
                    self._part(source, self._reader.all, sections, catalogue.sections_of, SectionsPart),
                ),
            )
        )
        for one in came:
            wish.work.used(one.found.parts if one.found is not None else ())
        return _answer(wish, source, came)

    async def _part(
        self,
        source: Source,
        read: Callable[[Ask], Awaitable[Found]],
        ask: Ask,
        reading: Reading[T],
        part: type[Part],
    ) -> _Came:
        try:
            found = await read(ask)
        except LarderError as error:
            told = source.error(by_itself(error))
            return _Came(part(status=told.problem.status, problem=item_problem(told)), None, told)
        rows: Any = [row async for row in found.read(reading)]
        data = rows[0] if part is ProfilePart else tuple(rows)
        cache = provenance(ask, found.oldest, self._clock())
        return _Came(part.model_validate({"status": 200, "data": data, "cache": cache}), found, None)


def _answer(wish: Wish, source: Source, came: Sequence[_Came]) -> Answer:
    found = [one.found for one in came if one.found is not None]
    errors = [one.error for one in came if one.error is not None]
    calls = sum(one.calls for one in found) + sum(one.calls for one in errors)
    profile, courses, sections = (one.part for one in came)
    if not found:
        error = _of_all(errors, [profile, courses, sections])
        error.calls = calls
        raise error
    overview = Overview.model_validate(
        {"upstream": source.upstream.name, "profile": profile, "courses": courses, "sections": sections}
    )
    answer = answer_of(overview.model_dump_json().encode(), [one.oldest for one in found], calls)
    if errors:
        return answer  # without a tag: what is missing may be there the next time, and what is there is not all
    return tagged(wish.visitor, answer, *(one.part.model_dump_json(include={"data"}).encode() for one in came))


def _of_all(errors: list[LarderError], parts: list[Part]) -> LarderError:
    """What is told where no part came."""
    statuses = {error.problem.status for error in errors}
    if len(statuses) == 1 and statuses <= _OF_ALL:
        return errors[0]
    waits = [error.problem.retry_after for error in errors if error.problem.retry_after is not None]
    names = ("profile", "courses", "sections")
    shown = {name: part.model_dump(mode="json") for name, part in zip(names, parts, strict=True)}
    none = NoPart(min(waits, default=1), parts=shown)
    none.word = errors[0].word
    return none
