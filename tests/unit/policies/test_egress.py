"""Egress: a name is somebody else's word, an address is the operator's; networks, where there are any, are all."""

from ipaddress import ip_address

import pytest
from pydantic import ValidationError

from policies import EgressPolicy
from policies.egress import may_lead_to

ANY = EgressPolicy()
NAME = "api.example"
MACHINE = ["127.0.0.1", "127.8.9.10", "::1", "0.0.0.0", "0.1.2.3", "::"]
METADATA = ["169.254.169.254", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "fd20:ce::254", "100.100.100.200"]
NOBODY = ["224.0.0.1", "239.255.255.255", "ff02::1", "240.0.0.1", "255.255.255.255", "4000::1", "::7f00:1"]
WRAPPED = ["::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "168.63.129.16"]
PUBLIC = ["93.184.215.14", "2606:2800:21f:cb07::1", "::ffff:93.184.215.14", "64:ff9b::5db8:d70e"]
PRIVATE = ["10.0.0.1", "172.18.0.3", "192.168.1.1", "100.64.0.1", "fd12:3456::1", "::ffff:10.0.0.1"]


def leads(host, address, *networks):
    return may_lead_to(EgressPolicy(networks=networks), host, ip_address(address))


@pytest.mark.parametrize("address", [*MACHINE, *METADATA, *NOBODY, *WRAPPED])
def test_a_name_must_not_lead_to_this_machine_to_metadata_or_to_nobody(address):
    assert not leads(NAME, address)


@pytest.mark.parametrize("address", [*PUBLIC, *PRIVATE])
def test_a_name_may_lead_to_the_world_and_to_internal_services(address):
    assert leads(NAME, address)


@pytest.mark.parametrize("address", [*MACHINE, "169.254.169.254", "10.0.0.1", "240.0.0.1"])
def test_an_address_that_was_written_down_is_meant(address):
    assert leads(address, address)
    assert leads(f"[{address}]", address)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "localhost.", "us-street.localhost"])
def test_localhost_is_this_machine_and_nothing_else(host):
    assert leads(host, "127.0.0.1")
    assert leads(host, "::1")
    assert leads(host, "::ffff:127.0.0.1")
    assert not any(leads(host, address) for address in ["169.254.169.254", "0.0.0.0", *PUBLIC, *PRIVATE])


@pytest.mark.parametrize("host", ["notlocalhost", "localhost.example", "local", "", "127.1", "2130706433", "0x7f.1"])
def test_what_only_looks_like_localhost_or_an_address_is_a_name(host):
    assert not leads(host, "127.0.0.1")


@pytest.mark.parametrize("host", [NAME, "localhost", "10.0.0.5"])
@pytest.mark.parametrize(
    ("address", "is_inside"),
    [
        ("10.0.0.5", True),
        ("::ffff:10.0.0.5", True),
        ("127.0.0.1", True),
        ("fd00::5", True),
        ("10.0.1.5", False),
        ("93.184.215.14", False),
        ("::1", False),
        ("fd01::5", False),
    ],
)
def test_declared_networks_are_all_there_is_whatever_the_host_is_called(host, address, is_inside):
    assert leads(host, address, "10.0.0.0/24", "127.0.0.0/8", "fd00::/16") is is_inside


def test_an_ipv4_address_does_not_slip_into_an_ipv6_network():
    assert not leads(NAME, "::ffff:10.0.0.5", "::/0")


@pytest.mark.parametrize("network", ["10.0.0.1/8", "10.0.0.0/33", "example.org", ""])
def test_a_network_that_is_none_is_refused_where_it_is_declared(network):
    with pytest.raises(ValidationError):
        EgressPolicy(networks=(network,))
