"""A stand-in for Smarty's address APIs: invented addresses, real request and answer shapes (UPSTREAMS.md §4)."""

from sandbox.smarty.state import State

__all__ = ["State"]
