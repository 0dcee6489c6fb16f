"""GET /v1/courses and what is below it, and /v1/me: read as the provider's SDK reads, told in nobody's words."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from adapters import Query, Reading, Record
from proxy.answers import Answer
from proxy.batches.composing import age_of, status_of, tier_of
from proxy.errors import LarderError, by_itself
from proxy.typed.catalogues import Source, source_of
from proxy.typed.course_models import (
    Asked,
    AskedCourse,
    AskedCourses,
    AskedProfile,
    AskedRoster,
    AskedSections,
    Courses,
    OneCourse,
    OneProfile,
    Read,
    Roster,
    Sections,
)
from proxy.typed.lists import Found, Reader
from proxy.typed.patience import patience_of
from proxy.typed.provenance import provenance
from proxy.typed.routes import Wish
from proxy.typed.tagging import tagged

T = TypeVar("T", bound=Record)


class Reads:
    """Reads courses, and who is in them."""

    def __init__(self, reader: Reader, clock: Callable[[], float], monotonic: Callable[[], float]) -> None:
        """`clock` tells seconds since the epoch."""
        self._reader = reader
        self._clock = clock
        self._monotonic = monotonic

    async def courses(self, wish: Wish) -> Answer:
        """The caller's courses. Raises LarderError."""
        asked: AskedCourses = wish.query
        source = self._source(wish, asked)
        found, rows = await self._all(source, source.catalogue.courses, None, asked.state)
        wanted = asked.model_copy(update={"term": source.forms(asked.term)})
        fitting = tuple(row for row in rows if wanted.fits(row))
        return self._answer(wish, found, Courses(data=fitting, **self._whence(source, found)), asked.fields)

    async def course(self, wish: Wish) -> Answer:
        """One course. Raises LarderError."""
        asked: AskedCourse = wish.query
        source = self._source(wish, asked)
        found, course = await self._one(source, source.catalogue.course, wish.params["id"])
        return self._answer(wish, found, OneCourse(data=course, **self._whence(source, found)), asked.fields)

    async def roster(self, wish: Wish) -> Answer:
        """Who is in a course. Raises LarderError."""
        asked: AskedRoster = wish.query
        source = self._source(wish, asked)
        found, rows = await self._all(source, source.catalogue.roster, wish.params["id"], asked.state)
        wanted = asked.model_copy(update={"section": source.forms(asked.section)})
        fitting = tuple(row for row in rows if wanted.fits(row))
        return self._answer(wish, found, Roster(data=fitting, **self._whence(source, found)), asked.fields)

    async def sections(self, wish: Wish) -> Answer:
        """A course's sections. Raises LarderError."""
        asked: AskedSections = wish.query
        source = self._source(wish, asked)
        found, rows = await self._all(source, source.catalogue.sections, wish.params["id"])
        return self._answer(wish, found, Sections(data=tuple(rows), **self._whence(source, found)), asked.fields)

    async def me(self, wish: Wish) -> Answer:
        """Who asks. Raises LarderError."""
        asked: AskedProfile = wish.query
        source = self._source(wish, asked)
        found, profile = await self._one(source, source.catalogue.profile, source.catalogue.me)
        return self._answer(wish, found, OneProfile(data=profile, **self._whence(source, found)), asked.fields)

    def _source(self, wish: Wish, asked: Asked) -> Source:
        return source_of(wish.visitor, asked.upstream, patience_of(wish.visitor.headers, self._monotonic))

    async def _one(self, source: Source, reading: Reading[T], of: str) -> tuple[Found, T]:
        found = await _told(source, self._reader.one(source.ask(reading, of)))
        [thing] = [reading.read(json) async for page in found.pages for json in page]
        return found, thing

    async def _all(
        self, source: Source, reading: Reading[T], of: str | None, states: Iterable[str] = ()
    ) -> tuple[Found, list[T]]:
        query: Query = reading.states(tuple(states))
        found = await _told(source, self._reader.all(source.ask(reading, of, query)))
        return found, [row async for row in found.read(reading)]

    def _whence(self, source: Source, found: Found) -> dict[str, Any]:
        cache = provenance(found.ask, found.oldest, self._clock())
        return {"upstream": source.upstream.name, "cache": cache}

    def _answer(self, wish: Wish, found: Found, read: Read, fields: Iterable[str]) -> Answer:
        """The answer, with a tag of its data, or that the caller has it already."""
        wish.work.used(found.parts)
        wanted = {"id", *fields} if fields else None
        each: Any = True if wanted is None else {"__all__": wanted} if isinstance(read.data, tuple) else wanted
        data = read.model_dump_json(include={"data": each}).encode()
        answer = Answer(
            200,
            (),
            data[:-1] + b"," + read.model_dump_json(exclude={"data"}).encode()[1:],
            found.answers[0].cache if len(found.answers) == 1 else status_of(found.answers),
            calls=found.calls,
            age=age_of(found.answers),
            tier=tier_of(found.answers),
        )
        return tagged(wish.visitor, answer, data)


async def _told(source: Source, reading: Awaitable[Found]) -> Found:
    """What is read; what goes wrong with it, in the words of who asked."""
    try:
        return await reading
    except LarderError as error:
        raise source.error(by_itself(error)) from None
