"""IP addresses as requests carry them, and the networks they lie in."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Generic, TypeVar

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
T = TypeVar("T")

_LONGEST = 64  # characters: no address is longer, its zone included; more is not worth parsing or remembering
_REMEMBERED = 4096  # addresses


def parse_address(text: str) -> Address | None:
    """The address that a text is, or None. An IPv4 address mapped into IPv6 is the IPv4 address (RFC 4291 §2.5.5.2)."""
    if len(text) > _LONGEST:
        return None
    try:
        address = ip_address(text.partition("%")[0])  # a zone says which of our interfaces, not who calls
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


@lru_cache(maxsize=_REMEMBERED)
def is_loopback(address: str) -> bool:
    """Whether an address is this machine's own."""
    parsed = parse_address(address)
    return parsed is not None and parsed.is_loopback


class Networks(Generic[T]):
    """Finds what belongs to the narrowest network an address lies in.

    Answers are remembered per address, so that asking again costs one look into a dict; when too many addresses have
    been seen all are forgotten, which bounds the memory without bookkeeping on every hit.
    """

    def __init__(self, networks: Iterable[tuple[str, T]]) -> None:
        parsed = [(ip_network(text), owner) for text, owner in networks]
        self._networks: list[tuple[Network, T]] = sorted(parsed, key=lambda row: -row[0].prefixlen)
        self._seen: dict[str, T | None] = {}

    def find(self, address: str) -> T | None:
        """What belongs to the narrowest network; of equals, to the one declared first. None where there is none."""
        if not self._networks:
            return None
        try:
            return self._seen[address]
        except KeyError:
            return self._remember(address)

    def _remember(self, address: str) -> T | None:
        parsed = parse_address(address)
        if parsed is None:
            return None  # not remembered: any text of any length might come
        if len(self._seen) >= _REMEMBERED:
            self._seen.clear()
        found = next((owner for network, owner in self._networks if parsed in network), None)
        self._seen[address] = found
        return found
