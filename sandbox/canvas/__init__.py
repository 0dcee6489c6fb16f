"""The CourseWorks (Canvas) stand-in: REST reads and writes, pages, throttling, Live Events (UPSTREAMS.md §2, §3)."""

from sandbox.canvas.records import ROOT_ACCOUNT_UUID
from sandbox.canvas.state import State

__all__ = ["ROOT_ACCOUNT_UUID", "State"]
