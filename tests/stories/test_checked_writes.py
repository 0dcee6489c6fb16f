"""Checked writes: what cannot be right is refused before it is sent, in the provider's words, and quoted nowhere."""

from tests.house import CY, bearer

COURSE = "/courseworks/api/v1/courses/565"
CANARY = "CanaryJohannaPrivate"


async def sent(house, method="PUT"):
    return (await house.control(f"journal?method={method}", method="GET"))["count"]


async def test_a_body_that_cannot_be_right_is_refused_by_its_fields_and_nothing_is_sent(larder):
    async with larder() as house:
        form = {"course[name]": CANARY * 20, "course[event]": CANARY}

        refused = await house.ask("PUT", COURSE, headers=bearer(CY), data=form)

        assert refused.status == 422
        assert [(error["field"], error["error_code"]) for error in refused.json["errors"]] == [
            ("name", "invalid"),
            ("event", "invalid"),
        ]
        assert refused.json["errors"][0]["message"].startswith("course[name]: ")
        assert await sent(house) == 0
        assert CANARY not in refused.body.decode() + house.log.getvalue()


async def test_the_same_as_json(larder):
    async with larder() as house:
        json = {"enrollment": {"type": "StudentEnrollment"}}

        refused = await house.ask("POST", f"{COURSE}/enrollments", headers=bearer(CY), json=json)

        assert refused.status == 422
        assert refused.json["errors"] == [
            {"field": "user_id", "message": "enrollment[user_id]: is missing", "error_code": "missing"}
        ]
        assert await sent(house, "POST") == 0


async def test_a_body_that_is_not_what_it_says_is_refused(larder):
    async with larder() as house:
        headers = bearer(CY, **{"Content-Type": "application/json"})

        refused = await house.ask("PUT", COURSE, headers=headers, data=f'{{"course": {CANARY}')

        assert refused.status == 400
        assert "JSON" in refused.json["errors"][0]["message"]
        assert await sent(house) == 0
        assert CANARY not in refused.body.decode() + house.log.getvalue()


async def test_what_fits_is_sent_as_it_came_with_all_that_nobody_here_knows(larder):
    async with larder() as house:
        done = await house.ask("PUT", COURSE, headers=bearer(CY), data={"course[name]": "New", "course[novel]": "x"})

        assert done.status == 200
        assert done.json["name"] == "New"


async def test_writes_that_nobody_declared_pass_as_they_come(larder):
    async with larder() as house:
        await house.ask("POST", f"{COURSE}/assignments", headers=bearer(CY), data={"assignment[name]": ""})

        assert await sent(house, "POST") == 1


async def test_an_operator_may_leave_it_to_the_upstream(larder):
    route = "PUT /api/v1/courses/{course}"
    upstreams = {"courseworks": {"endpoints": {route: {"writes": {"check_body": False}}}}}
    async with larder(upstreams=upstreams) as house:
        refused = await house.ask("PUT", COURSE, headers=bearer(CY), data={"course[name]": " "})

        assert refused.status == 422
        assert await sent(house) == 1


async def test_a_body_too_rich_to_be_read_while_others_wait_goes_as_it_came(larder):
    async with larder() as house:
        body = {"course": {"name": " ", "x": [1] * 30_000}}
        judged = await house.ask("PUT", COURSE, headers=bearer(CY), json=body)

        assert await sent(house) == 1
        assert "Nothing was sent" not in judged.body.decode()
