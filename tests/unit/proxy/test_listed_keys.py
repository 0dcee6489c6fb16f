"""Which keys the durable store holds is listed once for all processes; until it is, they ask it for each."""

from proxy.kept.shelf import Shelf
from proxy.sharing.page import Page
from proxy.store.contract import StoreError
from proxy.store.fences import Fences
from proxy.store.memory import MemoryStore
from proxy.store.none import NoStore
from tests.unit.store.samples import Clock

HELD, OTHER = b"h" * 16, b"o" * 16


class Held(NoStore):
    """A store that holds one key, if it can say so."""

    def __init__(self, *, fails=False):
        super().__init__(Clock())
        self.fails = fails

    async def keys(self):
        if self.fails:
            raise StoreError("cannot be read")
        return [HELD]


def shelf_on(page, store, errors=None):
    said = [] if errors is None else errors
    return Shelf(
        MemoryStore(0),
        store,
        Fences(Clock()),
        lambda what, error: said.append((what, str(error))),
        monotonic=Clock(),
        page=page,
    )


def of_a_worker(page):
    return Page.attach(page.fd, 1)


async def looked_for(shelf):
    await shelf.open()
    return [shelf.may_recall(HELD), shelf.may_recall(OTHER)]


async def test_a_worker_looks_for_what_the_supervisor_listed_and_for_nothing_else():
    page = Page.create()
    assert await looked_for(shelf_on(page, Held())) == [True, False]
    assert await looked_for(shelf_on(of_a_worker(page), Held(fails=True))) == [True, False]
    page.close()


async def test_where_they_could_not_be_listed_a_worker_looks_for_all():
    page, errors = Page.create(), []
    assert await looked_for(shelf_on(page, Held(fails=True), errors)) == [True, True]
    assert errors == [("keys", "cannot be read")]
    assert await looked_for(shelf_on(of_a_worker(page), Held())) == [True, True]
    page.close()


async def test_a_process_alone_lists_them_for_itself():
    assert await looked_for(shelf_on(None, Held())) == [True, False]
