"""`larder erase`: has a running Larder erase a person everywhere, and prints the receipt."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from proxy.commands.admin import Refused, WrongUse, ask, door_of, one_line

DONE, REFUSED, WRONG = 0, 1, 2
_MET = ("entries", "quarantined", "links", "principals")  # not what is nobody's: that goes with anybody


def erase_person(person: str, config: Path, environment: Mapping[str, str], out: TextIO, err: TextIO) -> int:
    """Carry out the command. The exit status: 0 nothing is left, 1 something may be, or nobody answers; 2 wrong."""
    try:
        receipt = ask(door_of(config, environment), "POST", "/admin/erase", {"person": person})
    except (WrongUse, Refused) as error:
        if isinstance(error, Refused) and "memory" in error.answered:  # something was erased, and something may be left
            out.writelines(f"{line}\n" for line in told(error.answered))
        err.write(f"larder erase: {error}\n")
        return WRONG if isinstance(error, WrongUse) else REFUSED
    out.writelines(f"{line}\n" for line in told(receipt))
    return DONE


def told(receipt: Mapping[str, Any]) -> Iterator[str]:
    """An answer of `POST /admin/erase`, a line for each place."""
    for one in receipt.get("memory", ()):
        where = f"memory of process {one_line(one.get('process'))}"
        yield f"{where}: {_gone(one)}"
    store = receipt.get("store", {})
    undone = "not done; " if store.get("done") is False else ""
    yield f"{one_line(store.get('tier'))}: {undone}{_gone(store)}"
    yield f"besides: {_unlearned(receipt)}, of which nobody knows whose they are"
    if receipt.get("everywhere") is False:
        yield "not every process said in time that it is done"
    kept = "durable" if receipt.get("durable") else "not on disk: a crash may forget that it was purged"
    left = one_line(receipt.get("left"))
    yield f"left: {left} (person {one_line(receipt.get('person'))}, {kept}; fence {one_line(receipt.get('fence'))})"
    if not any(place.get(name) for place in (store, *receipt.get("memory", ())) for name in _MET):
        yield "nothing of such a person was kept here: is it the right id, of the right upstream?"
    remains = receipt.get("remains", {})
    tags, purge, digests = (one_line(remains.get(name)) for name in ("purge_tags", "purge_record", "digests"))
    yield f"remains: the person's tags in the record of the purge until {tags}, then keyed digests until {purge}"
    yield f"remains: digests of writes, which name nobody, until {digests}"


def _gone(place: Mapping[str, Any]) -> str:
    return f"{_entries(place)}; {one_line(place.get('quarantined'))} in quarantine; {_learned(place)}"


def _unlearned(receipt: Mapping[str, Any]) -> str:
    """What went of nobody in particular: in all processes, and in the store."""
    processes = sum(count for one in receipt.get("memory", ()) if isinstance(count := one.get("unlearned"), int))
    memory = f"{processes} {'entry' if processes == 1 else 'entries'}"
    return f"{memory} from memory and {one_line(receipt.get('store', {}).get('unlearned'))} from the store"


def _entries(place: Mapping[str, Any]) -> str:
    return f"{_counted(place, 'entries', 'entry')}, {one_line(place.get('bytes'))} bytes"


def _learned(place: Mapping[str, Any]) -> str:
    return f"{_counted(place, 'links', 'link')}, {_counted(place, 'principals', 'principal')} forgotten"


def _counted(place: Mapping[str, Any], name: str, one: str) -> str:
    number = one_line(place.get(name))
    return f"{number} {one if number == '1' else name}"
