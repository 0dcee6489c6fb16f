"""Pages of a Canvas list (UPSTREAMS.md §2.4; Canvas lib/api.rb)."""

from adapters._exchanges import Query
from adapters._vocabulary import Collection, Wanted

DEFAULT, LARGEST = 10, 100  # rows of a page; Canvas clamps what is asked for to 1…100, so that 0 asks for one row
PAGE, PER_PAGE = "page", "per_page"
FIRST, BOOKMARK = "first", "bookmark:"
LONGEST = 9  # digits


def wanted(query: Query) -> Wanted | None:
    """The page a query asks for: Rack keeps the last of repeated ones. None for what Canvas has to judge."""
    asked = {name: value for name, value in query if name in (PAGE, PER_PAGE)}
    if any(name.startswith((f"{PAGE}[", f"{PER_PAGE}[")) for name, _ in query):
        return None
    size = _number(asked.get(PER_PAGE, str(DEFAULT)), least=0)
    page = asked.get(PAGE) or "1"
    number = 1 if page == FIRST else page if page.startswith(BOOKMARK) else _number(page)
    return None if size is None or number is None else Wanted(max(1, min(size, LARGEST)), number)


def page_query(size: int, page: int | str) -> Query:
    """How a page is asked for."""
    return ((PER_PAGE, str(size)),) if page == 1 else ((PAGE, str(page)), (PER_PAGE, str(size)))


def _number(text: str | None, least: int = 1) -> int | None:
    if text is None or not (text.isascii() and text.isdecimal() and len(text) <= LONGEST):
        return None
    number = int(text)
    return number if number >= least else None


PAGES = Collection(
    size=LARGEST,
    parameters=frozenset({PAGE, PER_PAGE}),
    wanted=wanted,
    named=page_query,
    first=FIRST,
    bookmark=BOOKMARK,
)
