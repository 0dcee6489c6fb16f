"""Patience: who waits longer than he has time hears so, and what he waited for may have timeouts of its own."""

import asyncio

import pytest

from proxy.patience import TimeIsUp, within


async def _at_once():
    return "here"


async def _never():
    await asyncio.Event().wait()


async def _timed_out_itself():
    raise TimeoutError


@pytest.mark.parametrize("seconds", [None, 60.0])
async def test_what_comes_in_time_is_had(seconds):
    assert await within(seconds, _at_once()) == "here"


async def test_what_does_not_come_in_time_is_given_up():
    work = asyncio.ensure_future(_never())
    with pytest.raises(TimeIsUp):
        await within(0.0, work)
    assert work.cancelled()


@pytest.mark.parametrize("seconds", [None, 60.0])
async def test_a_timeout_of_the_work_is_not_taken_for_the_end_of_patience(seconds):
    with pytest.raises(TimeoutError):
        await within(seconds, _timed_out_itself())
