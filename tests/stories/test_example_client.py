"""examples/larder_client.py, against a whole Larder."""

import asyncio
import importlib.util
import re
from pathlib import Path
from typing import get_type_hints

import pytest

import adapters
from proxy.typed import job_models
from tests.house import ADA, BEN, CY

ROOT = Path(__file__).parents[2]


def loaded():
    spec = importlib.util.spec_from_file_location("larder_client", ROOT / "examples/larder_client.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


client = loaded()


def larder_of(home, token=ADA):
    return client.Larder(home.url, token=token)


async def test_a_service_reads_its_courses_and_pays_for_no_body_twice(larder):
    async with larder() as home:
        mine = larder_of(home)
        courses = await asyncio.to_thread(mine.courses, enrollment_type="student", fields=["name", "code"])
        again = await asyncio.to_thread(mine.courses, enrollment_type="student", fields=["name", "code"])
        home.larder.observing.log.flush()

        assert {"id": "565", "name": "Made-up Methods", "code": "MADE W1001"} in courses
        assert again == courses
        assert '"status":304' in home.log.getvalue()


async def test_what_a_service_makes_of_an_answer_is_no_part_of_the_next_one(larder):
    async with larder() as home:
        mine = larder_of(home)
        courses = await asyncio.to_thread(mine.courses)
        first = dict(courses[0])
        courses[0]["name"] = "mine now"
        courses.pop()
        again = await asyncio.to_thread(mine.courses)

        assert (again[0], len(again)) == (first, len(courses) + 1)


async def test_it_reads_all_that_there_is(larder):
    async with larder() as home:
        teacher = larder_of(home, CY)

        assert (await asyncio.to_thread(teacher.course, "sis_course_id:2026F-MADE1001"))["id"] == "565"
        assert len(await asyncio.to_thread(teacher.roster, "565", type="teacher", newest=True)) == 2
        assert [row["name"] for row in await asyncio.to_thread(teacher.sections, "565")] == [
            "Section 001",
            "Section 002",
        ]
        assert (await asyncio.to_thread(teacher.me))["name"] == "Cy Mentor"
        assert (await asyncio.to_thread(teacher.overview))["courses"]["status"] == 200
        [item] = await asyncio.to_thread(
            teacher.verify, [{"street": "12 Example Place Apt 3", "city": "Sampleton", "state": "NY"}]
        )
        assert item["result"]["provider"] == "smartystreets"


async def test_what_goes_wrong_is_a_problem(larder):
    async with larder() as home:
        with pytest.raises(client.Problem, match="did you mean name") as refused:
            await asyncio.to_thread(larder_of(home).courses, fields="nmae")
        assert (refused.value.status, refused.value.errors[0]["field"]) == (422, "fields.0")

        with pytest.raises(client.Problem, match="Token refused") as refused:
            await asyncio.to_thread(larder_of(home, "no-such-token").me)
        assert refused.value.status == 401

        await home.fail(kind="throttle")
        with pytest.raises(client.Problem) as refused:
            await asyncio.to_thread(larder_of(home).me)
        assert refused.value.retry_after >= 1


@pytest.mark.parametrize("name", ["Course", "Section", "Member", "Profile", "OwnEnrollment"])
def test_it_knows_every_member_of_the_models(name):
    assert get_type_hints(getattr(client, name)).keys() == getattr(adapters, name).model_fields.keys()


async def test_what_the_readme_shows_of_it_works(larder, capsys):
    readme = (ROOT / "README.md").read_text()
    [code] = re.findall(r"```python\n(from larder_client import .*?)```", readme, re.DOTALL)
    async with larder() as home:
        shown = code.replace("http://127.0.0.1:8080", home.url).replace("TOKEN", repr(CY))
        shown = shown.replace("from larder_client import Larder, Problem", "")
        await asyncio.to_thread(exec, shown, {"Larder": client.Larder, "Problem": client.Problem})

        assert "Cy Mentor" in capsys.readouterr().out


async def test_what_takes_long_is_asked_for_as_a_job(larder):
    async with larder() as home:
        addresses = [{"street": f"{number} Sample St", "city": "Sampleton", "state": "NY"} for number in range(120)]
        waits = []

        results = await asyncio.to_thread(larder_of(home).verify_as_job, addresses, sleep=waits.append)

        assert len(results) == 120
        assert all(wait >= 1 for wait in waits)
        at_once = await asyncio.to_thread(larder_of(home).verify, addresses)
        assert [one["result"]["verdict"] for one in results] == [one["result"]["verdict"] for one in at_once]


async def test_a_client_that_was_restarted_finds_its_jobs_again(larder):
    async with larder() as home:
        addresses = [{"street": "1 Sample St", "city": "Sampleton", "state": "NY"}]
        results = await asyncio.to_thread(larder_of(home).verify_as_job, addresses, sleep=lambda _: None)

        anew = larder_of(home)
        [job] = await asyncio.to_thread(anew.jobs)

        assert (job["route"], job["status"]) == ("POST /v1/addresses/verify", "succeeded")
        assert (await asyncio.to_thread(anew.result, job))["results"] == results
        assert await asyncio.to_thread(larder_of(home, BEN).jobs) == []
        assert get_type_hints(client.Job).keys() == {
            field.alias or name for name, field in job_models.Job.model_fields.items()
        }


async def test_a_service_hears_what_larder_says_when_its_time_is_over(larder):
    async with larder() as home:
        hurried = client.Larder(home.url, token=ADA, timeout=0.5)
        await asyncio.to_thread(hurried.me)
        home.clock.advance(3600)
        await home.fail(kind="hang")

        assert (await asyncio.to_thread(hurried.me))["name"] == "Ada Sample"  # the last good answer
        with pytest.raises(client.Problem) as problem:
            await asyncio.to_thread(hurried.course, "565")
        assert problem.value.status == 504
