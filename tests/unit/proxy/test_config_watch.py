"""The config file is read again when it changed and was still for a look; once for each change, good or bad."""

import asyncio
import os

import pytest

from proxy.operating.config_watch import EVERY, ConfigWatch


class Watched:
    """A file, and how often it was read for a change."""

    def __init__(self, folder):
        self.file = folder / "config.yaml"
        self.file.write_text("first")
        self.read, self.failures, self.waits = [], [], []
        self.is_on, self.fails = True, False
        self.watch = ConfigWatch(
            self.file, self.on_change, is_on=lambda: self.is_on, sleep=self.sleep, on_failure=self.failures.append
        )

    async def on_change(self):
        self.read.append(self.file.read_text() if self.file.exists() else None)
        if self.fails:
            raise OSError("cannot")

    async def sleep(self, seconds):
        self.waits.append(seconds)
        await asyncio.sleep(0)

    async def look(self, times=1):
        """What was read in so many looks."""
        before = len(self.read)
        for _ in range(times):
            await self.watch.look()
        return self.read[before:]

    def replace(self, text):
        """As editors do, and those who mount a config: another file in its place."""
        other = self.file.with_suffix(".new")
        other.write_text(text)
        other.replace(self.file)


@pytest.fixture
async def watched(tmp_path):
    built = Watched(tmp_path)
    await built.look(2)
    built.read.clear()
    return built


async def test_what_changed_before_the_first_look_is_found(tmp_path):
    assert await Watched(tmp_path).look(2) == ["first"]


async def test_a_file_that_stays_as_it_is_is_not_read(watched):
    assert await watched.look(5) == []


async def test_a_changed_file_is_read_once_when_it_was_still_for_a_look(watched):
    watched.file.write_text("second, and longer")

    assert await watched.look() == []
    assert await watched.look() == ["second, and longer"]
    assert await watched.look(3) == []


async def test_a_file_that_is_being_written_is_left_alone_until_it_is_still(watched):
    for size in range(1, 6):
        watched.file.write_text("x" * 100 * size)
        assert await watched.look() == []

    assert await watched.look(2) == ["x" * 500]


async def test_a_file_put_in_its_place_is_seen_even_with_the_same_size_and_time(watched):
    before = watched.file.stat()
    watched.replace("other")
    os.utime(watched.file, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert await watched.look(2) == ["other"]


async def test_a_link_that_leads_elsewhere_is_a_change(watched, tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "config.yaml").write_text("by link")
    watched.file.unlink()
    watched.file.symlink_to(tmp_path / "one" / "config.yaml")

    assert await watched.look(2) == ["by link"]


async def test_a_file_that_is_gone_is_told_once_and_so_is_its_return(watched):
    watched.file.unlink()
    assert await watched.look(4) == [None]

    watched.file.write_text("back")
    assert await watched.look(4) == ["back"]


async def test_a_watch_that_is_off_looks_at_nothing_and_finds_it_when_it_is_on_again(watched):
    watched.is_on = False
    watched.file.write_text("meanwhile")
    assert await watched.look(3) == []

    watched.is_on = True
    assert await watched.look(2) == ["meanwhile"]


async def test_a_look_that_fails_is_told_and_others_follow(watched):
    watched.fails = True
    watched.file.write_text("fails")
    watched.watch.start()
    async with asyncio.timeout(10):
        while not watched.failures:
            await asyncio.sleep(0)
        watched.fails = False
        watched.file.write_text("works again")
        while watched.read[-1] != "works again":
            await asyncio.sleep(0)
    await watched.watch.stop()

    assert [type(error) for error in watched.failures] == [OSError]
    assert set(watched.waits) == {EVERY}


async def test_a_watch_that_was_stopped_looks_no_more(watched):
    watched.watch.start()
    await watched.watch.stop()
    waits = len(watched.waits)
    for _ in range(5):
        await asyncio.sleep(0)

    assert len(watched.waits) == waits


async def test_a_watch_that_never_began_can_be_stopped(watched):
    await watched.watch.stop()
