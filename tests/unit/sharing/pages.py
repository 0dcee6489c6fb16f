"""Names and parts of pages, for tests."""

from contextlib import nullcontext

from proxy.sharing import fence_ring, lease_table
from proxy.sharing.fence_ring import FenceRing
from proxy.sharing.lease_table import LeaseTable


def name(number):
    """A digest that is found first at that place."""
    return number.to_bytes(4, "little") + b"a digest.  :"


def cells(count):
    return memoryview(bytearray(8 * count)).cast("Q")


def memory(count, slot_bytes):
    return memoryview(bytearray(count * slot_bytes))


def a_fence_ring(notes):
    return FenceRing(cells(3), memory(notes, fence_ring.SLOT_BYTES), nullcontext)


def a_lease_table(leases):
    return LeaseTable(memory(leases, lease_table.SLOT_BYTES), a_fence_ring(1), nullcontext)
