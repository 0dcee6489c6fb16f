"""A stand-in for Google's Geocoding, Places and Address Validation: real shapes, invented places (UPSTREAMS.md §5)."""

from sandbox.google.state import State

__all__ = ["State"]
