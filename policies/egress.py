"""Egress: where calls may go, and how much of an answer is let in."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from policies.declaring import MIB, MINUTE, STRICT, Duration, Size

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_THIS_NETWORK = IPv4Network("0.0.0.0/8")  # RFC 1122 §3.2.1.3; Linux takes 0.0.0.0 for this machine
_NAT64 = IPv6Network("64:ff9b::/96")  # leads to the IPv4 address in its last 32 bits (RFC 6052 §2.1)
_METADATA = frozenset(  # a machine's credentials are had there, beside 169.254.0.0/16
    map(
        ip_address,
        (
            "fd00:ec2::254",  # AWS: EC2 User Guide, "Use the Instance Metadata Service"
            "fd20:ce::254",  # Google Cloud: "About VM metadata"
            "100.100.100.200",  # Alibaba Cloud: "Instance metadata"
            "168.63.129.16",  # Azure: "What is IP address 168.63.129.16?"
        ),
    )
)


def _network(text: str) -> str:
    ip_network(text)
    return text


@dataclass(frozen=True, kw_only=True, config=STRICT)
class EgressPolicy:
    """What an upstream's name may lead to, and what its answers may cost. Breaking it is the upstream's failure."""

    networks: tuple[Annotated[str, AfterValidator(_network)], ...] = ()  # none: wherever no name should lead
    max_body: Annotated[Size, Field(ge=1)] = 1024 * MIB  # bytes of one answer's body, decompressed
    body_time: Duration = 30 * MINUTE  # seconds that one body may take


def may_lead_to(policy: EgressPolicy, host: str, address: Address) -> bool:
    """Whether a URL's host may lead to an address, once it is resolved.

    Declared networks are all there is. Without them an address that the operator wrote down is meant; a name is
    somebody else's word, which may change after it was checked (DNS rebinding), and must not lead to this machine or to
    its cloud's metadata. Private networks are where internal services are.
    """
    address = _reached(address)
    if policy.networks:
        return any(address in network for network in _networks(policy.networks))
    if _is_address(host):
        return True
    if _is_localhost(host):
        return address.is_loopback
    return not _is_nobodys_service(address)


def _reached(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one that leads there: else it would slip past every IPv4 network."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address  # RFC 4291 §2.5.5.2


@lru_cache(maxsize=256)
def _networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(map(ip_network, texts))


def _is_address(host: str) -> bool:
    try:
        ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def _is_localhost(host: str) -> bool:
    """RFC 6761 §6.3: such names mean this machine, and nothing else."""
    return f".{host.lower().rstrip('.')}".endswith(".localhost")


def _is_nobodys_service(address: Address) -> bool:
    """Whether no name of an upstream has any business there."""
    return (
        address.is_loopback
        or address.is_link_local  # 169.254.0.0/16 (RFC 3927) with the clouds' metadata, fe80::/10 (RFC 4291 §2.5.6)
        or address.is_unspecified
        or address.is_multicast
        or address.is_reserved  # 240.0.0.0/4 (RFC 1112 §4), and IPv6 that is not assigned (RFC 4291 §4)
        or address in _THIS_NETWORK
        or address in _METADATA
    )
