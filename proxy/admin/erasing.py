"""Erasing a person, as an operator orders it: who, by the upstream's own id, and a receipt of what went from where."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from aiohttp import web

from adapters import Person
from proxy.admin.desk import Desk
from proxy.admin.gate import by
from proxy.admin.problems import NotErased
from proxy.admin.reading import nearest, read_object, read_parameters, refuse_unknown, said
from proxy.admin.writing import answer
from proxy.doubts.repeats import REMEMBERED
from proxy.erasing import Receipt
from proxy.errors import BadRequest
from proxy.plan import Plans
from proxy.store.fences import Mode, keep_records_for
from proxy.store.files import moved_aside

EXAMPLE = '{"person": "courseworks/user:20064"}'
NAMED_FOR = 600.0  # seconds in which every record of a purge is veiled: VEILED_AFTER, and a sweep or two
_LONGEST = 300


class Erasing:
    """Answers `POST /admin/erase`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def erase(self, request: web.Request) -> web.Response:
        """Erase, and say what went. Raises BadRequest, with nothing done; NotErased where something may be left."""
        read_parameters(request, ())
        document = await read_object(request, EXAMPLE)
        refuse_unknown(document, ("person",))
        upstream, person = person_named(document.get("person"), self._desk.plans())
        receipt = await self._desk.eraser.erase(upstream, person)
        self._desk.on_flush(Mode.HARD)
        told = {"person": self._desk.digest("person", (upstream, *sorted(person.ids))), **self._told(receipt)}
        told["remains"] = remains(self._desk.plans(), upstream, self._desk.clock())
        told |= self._desk.audit.note("erase", by(request), of=upstream, after=told)._asdict()
        if not told["complete"]:
            raise NotErased(told)
        return answer(told)

    def _told(self, receipt: Receipt) -> dict[str, Any]:
        url = self._desk.plans().settings.store.durable
        store = {"tier": url.partition(":")[0], **receipt.store._asdict(), "damaged": len(moved_aside(url))}
        store.pop("left")
        return {
            "fence": str(receipt.fence),
            "durable": receipt.durable,
            "memory": [_of_process(msgspec.structs.asdict(one)) for one in receipt.processes],
            "store": store,
            "left": receipt.left,
            "everywhere": receipt.everywhere,
            "complete": receipt.is_complete and not store["damaged"],  # nobody can say what is in those
        }


def remains(plans: Plans, upstream: str, now: float) -> dict[str, str]:
    """What is kept all the same, and until when at the latest: the record of the purge, so that nothing comes back that
    was under way (in a file it names the person's tags for some minutes, then keyed digests of them), and digests of
    writes and of doubted changes, so that nothing is carried out twice.
    """
    endpoints = [*plans.upstreams[upstream].endpoints, plans.upstreams[upstream].unknown]
    notes = max(REMEMBERED, *(plan.writes.idempotency for plan in endpoints))
    return {
        "purge_tags": _at(now + NAMED_FOR),
        "purge_record": _at(now + keep_records_for(plans.longest_kept)),
        "digests": _at(now + notes),
    }


def _at(instant: float) -> str:
    return datetime.fromtimestamp(instant, UTC).isoformat(timespec="seconds")


def person_named(name: Any, plans: Plans) -> tuple[str, Person]:
    """The upstream, and who it is there. The upstream may be left out where only one has persons. Raises BadRequest."""
    if not isinstance(name, str) or not name or len(name) > _LONGEST:
        found = "nothing" if name is None or name == "" else said(name)
        raise BadRequest("person", found, f"an upstream and a person of it, such as {EXAMPLE}")
    with_persons = {one: plan for one, plan in plans.upstreams.items() if plan.adapter.person is not None}
    upstream, slash, local = name.partition("/")
    if not slash:
        if len(with_persons) != 1:
            raise BadRequest(
                "person", "no upstream", f"one before it that has persons: {', '.join(with_persons) or 'none has'}"
            )
        upstream, local = next(iter(with_persons)), name
    if upstream not in with_persons:
        raise BadRequest("person", "an upstream without persons", nearest(upstream, with_persons))
    named = with_persons[upstream].adapter.person
    person = named(local) if named is not None else None
    if person is None:
        raise BadRequest("person", "nobody's id", f"a person as {upstream} numbers them, such as {EXAMPLE}")
    return upstream, person


def _of_process(facts: dict[str, Any]) -> dict[str, Any]:
    del facts["left"]
    return facts
