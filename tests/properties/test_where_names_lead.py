"""Egress under any address: a name never leads where it must not, however the address is written."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_network

from hypothesis import given
from hypothesis import strategies as st

from policies import EgressPolicy
from policies.egress import may_lead_to

FORBIDDEN = [
    ip_network(text)
    for text in ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/127", "fe80::/10", "ff00::/8")
]
INSIDE = st.sampled_from(FORBIDDEN).flatmap(lambda network: st.ip_addresses(network=network))
NETWORKS = st.lists(st.sampled_from(["10.0.0.0/8", "127.0.0.1/32", "fd00::/8", "::/0", "0.0.0.0/0"]), min_size=1)
MAPPED, NAT64 = (int(IPv6Network(text).network_address) for text in ("::ffff:0:0/96", "64:ff9b::/96"))


def dressed(address, prefix):
    """An IPv4 address inside an IPv6 one."""
    return IPv6Address(prefix + int(address)) if address.version == 4 else address


@given(INSIDE, st.sampled_from([0, MAPPED, NAT64]))
def test_no_name_leads_to_a_forbidden_network_in_whatever_dress(address, prefix):
    assert not may_lead_to(EgressPolicy(), "api.example", dressed(address, prefix) if prefix else address)


@given(st.ip_addresses(), NETWORKS, st.sampled_from(["api.example", "localhost", "127.0.0.1"]))
def test_with_networks_the_host_says_nothing_and_membership_everything(address, networks, host):
    policy = EgressPolicy(networks=tuple(networks))
    meant = address
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        meant = address.ipv4_mapped
    elif isinstance(address, IPv6Address) and address in IPv6Network("64:ff9b::/96"):
        meant = IPv4Address(int(address) & 0xFFFF_FFFF)

    assert may_lead_to(policy, host, address) == any(meant in ip_network(text) for text in networks)


@given(st.ip_addresses(v=4), st.sampled_from([MAPPED, NAT64]), NETWORKS.map(tuple) | st.just(()))
def test_an_ipv4_address_is_judged_the_same_in_ipv6_dress(address, prefix, networks):
    policy = EgressPolicy(networks=networks)

    assert may_lead_to(policy, "api.example", address) == may_lead_to(policy, "api.example", dressed(address, prefix))
