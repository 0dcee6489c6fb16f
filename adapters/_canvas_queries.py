"""Which Canvas queries are the same query (UPSTREAMS.md §2.8)."""

from adapters._exchanges import Query

TOKEN = "access_token"  # noqa: S105 - the name of the parameter; its value is the credential, and no part of a key


def canonical_query(query: Query) -> Query:
    """Without the token; values within one array sorted, in the places the array had.

    Nothing else moves: Rack keeps the last of repeated scalars, and nested arrays (`a[][b]`) depend on order.
    """
    kept = [pair for pair in query if pair[0] != TOKEN]
    arrays = [name for name, _ in kept if _is_array(name)]
    for name in set(arrays) if len(arrays) > 1 else ():
        places = [place for place, pair in enumerate(kept) if pair[0] == name]
        values = sorted((kept[place] for place in places), key=_by_value)
        for place, pair in zip(places, values, strict=True):
            kept[place] = pair
    return tuple(kept)


def _is_array(name: str) -> bool:
    return name.endswith("[]") and "[" not in name[:-2]


def _by_value(pair: tuple[str, str | None]) -> tuple[bool, str]:
    return pair[1] is not None, pair[1] or ""
