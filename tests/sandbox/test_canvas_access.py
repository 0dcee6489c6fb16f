"""Who gets which answer from the Canvas stand-in: tokens, permissions, visibility, names of objects."""

import pytest

API = "/courseworks/api/v1"
ADA, BEN, CY, ADMIN = "sandbox-student-ada", "sandbox-student-ben", "sandbox-teacher-cy", "sandbox-admin"


@pytest.mark.parametrize(
    ("token", "message", "with_challenge"),
    [
        (None, "user authorization required", True),
        ("nonsense", "Invalid access token.", True),
        ("sandbox-expired", "Expired access token.", True),
        ("sandbox-revoked", "Revoked access token.", True),
        ("sandbox-noscope", "Insufficient scopes on access token.", False),
    ],
)
async def test_each_401_has_its_words_and_only_dead_tokens_a_challenge(sandbox, token, message, with_challenge):
    answer = await sandbox.get(f"{API}/users/self", token)

    assert answer.status == 401
    assert answer.json["errors"][0]["message"] == message
    assert ("www-authenticate" in answer.headers) == with_challenge
    assert ("expired_at" in answer.json) == (token == "sandbox-expired")


async def test_a_missing_permission_is_401_without_challenge_or_403_as_switched(sandbox):
    before = await sandbox.get(f"{API}/courses/100", BEN)
    await sandbox.post("/_sandbox/settings", json={"canvas": {"api_auth_error_updates": True}})
    after = await sandbox.get(f"{API}/courses/100", BEN)

    assert (before.status, after.status) == (401, 403)
    assert before.json == after.json
    assert before.json["status"] == "unauthorized"
    assert "www-authenticate" not in before.headers


async def test_the_token_may_stand_in_the_query(sandbox):
    assert (await sandbox.get(f"{API}/users/self?access_token={BEN}")).json["id"] == 20065


async def test_students_see_their_own_courses_only(sandbox):
    ada = {row["id"] for row in (await sandbox.get(f"{API}/courses?per_page=100", ADA)).json}
    ben = {row["id"] for row in (await sandbox.get(f"{API}/courses?per_page=100", BEN)).json}

    assert 100 in ada
    assert 100 not in ben
    assert 565 in ada & ben
    assert len(ada) >= 12


async def test_unpublished_and_past_courses_are_in_the_teachers_list_only(sandbox):
    ada = {row["id"] for row in (await sandbox.get(f"{API}/courses?per_page=100", ADA)).json}
    cy = {row["id"] for row in (await sandbox.get(f"{API}/courses?per_page=100", CY)).json}
    past = (await sandbox.get(f"{API}/courses?state[]=completed", ADA)).json

    assert {590, 400} <= cy
    assert not {590, 400} & ada
    assert [row["id"] for row in past] == [400]
    assert (await sandbox.get(f"{API}/courses/590", ADA)).status == 401


async def test_a_nickname_is_the_readers_own(sandbox):
    ben = (await sandbox.get(f"{API}/courses/565", BEN)).json
    ada = (await sandbox.get(f"{API}/courses/565", ADA)).json

    assert (ben["name"], ben["original_name"]) == ("Methods (Tuesdays)", "Made-up Methods")
    assert ada["name"] == "Made-up Methods"
    assert "original_name" not in ada


async def test_sis_ids_email_and_grades_are_for_teachers(sandbox):
    path = f"{API}/courses/565/search_users?include[]=email&include[]=enrollments&user_ids[]=20065"
    (as_ada,) = (await sandbox.get(path, ADA)).json
    (as_cy,) = (await sandbox.get(path, CY)).json

    assert not {"email", "sis_user_id", "login_id"} & set(as_ada)
    assert "grades" not in as_ada["enrollments"][0]
    assert as_cy["email"] == "be0002@example.edu"
    assert as_cy["sis_user_id"] == "be0002"
    assert as_cy["enrollments"][0]["grades"]["current_score"] > 0
    assert "sis_course_id" not in (await sandbox.get(f"{API}/courses/565", ADA)).json
    assert (await sandbox.get(f"{API}/courses/565", CY)).json["sis_course_id"] == "2026F-MADE1001"


async def test_a_student_sees_only_the_own_grade_and_an_observer_the_observed_one(sandbox):
    path = f"{API}/courses/565/enrollments?type[]=StudentEnrollment&per_page=100"
    for token in (ADA, "sandbox-observer"):
        rows = (await sandbox.get(path, token)).json
        assert [row["user_id"] for row in rows if "grades" in row] == [20064]
        assert len(rows) > 60
    designer = (await sandbox.get(path, "sandbox-designer")).json
    assert not [row for row in designer if "grades" in row]


async def test_other_peoples_pages_are_refused_and_unknown_ones_not_found(sandbox):
    for path in ("users/20065", "users/20065/profile", "users/20065/courses", "users/20065/enrollments"):
        assert (await sandbox.get(f"{API}/{path}", ADA)).status == 401
    assert (await sandbox.get(f"{API}/users/20065", CY)).status == 200
    missing = await sandbox.get(f"{API}/users/999999", ADA)
    assert missing.status == 404
    assert missing.json == {"errors": [{"message": "The specified resource does not exist."}]}
    assert (await sandbox.get(f"{API}/nothing/here", ADA)).status == 404


@pytest.mark.parametrize(
    "name",
    ["565", "2107~565", "21070000000000565", "sis_course_id:2026F-MADE1001", "sis_course_id%3A2026F-MADE1001"],
)
async def test_a_course_answers_to_all_its_names(sandbox, name):
    assert (await sandbox.get(f"{API}/courses/{name}", ADA)).json["id"] == 565


async def test_a_sis_id_may_hold_a_slash_and_another_shard_is_another_object(sandbox):
    assert (await sandbox.get(f"{API}/courses/sis_course_id:2026F%2FSAND%2F012", ADA)).json["id"] == 112
    assert (await sandbox.get(f"{API}/courses/2108~565", ADA)).status == 404
    assert (await sandbox.get(f"{API}/users/sis_user_id:as0001", ADA)).json["id"] == 20064
    assert (await sandbox.get(f"{API}/sections/sis_section_id:2026F-MADE1001-001", CY)).json["id"] == 4811


async def test_only_an_admin_acts_as_somebody_else(sandbox):
    assert (await sandbox.get(f"{API}/users/self?as_user_id=20065", ADMIN)).json["id"] == 20065
    assert (await sandbox.get(f"{API}/users/self?as_user_id=sis_user_id:as0001", ADMIN)).json["id"] == 20064
    assert (await sandbox.get(f"{API}/users/self?as_user_id=20065", ADA)).status == 401
    as_ben = (await sandbox.get(f"{API}/courses/565?as_user_id=20065", ADMIN)).json
    assert as_ben["name"] == "Methods (Tuesdays)"
    assert "sis_course_id" not in as_ben


async def test_accounts_are_for_admins(sandbox):
    assert (await sandbox.get(f"{API}/accounts", CY)).json == []
    assert [row["id"] for row in (await sandbox.get(f"{API}/accounts", ADMIN)).json] == [1, 79]
    for what in ("courses", "users", "terms"):
        assert (await sandbox.get(f"{API}/accounts/1/{what}", CY)).status == 401
        assert (await sandbox.get(f"{API}/accounts/self/{what}", ADMIN)).status == 200
    terms = (await sandbox.get(f"{API}/accounts/1/terms", ADMIN)).json["enrollment_terms"]
    assert [term["id"] for term in terms] == [82, 83]
    found = (await sandbox.get(f"{API}/accounts/79/courses?search_term=methods", ADMIN)).json
    assert [row["id"] for row in found] == [565]
    assert (await sandbox.get(f"{API}/accounts/79/courses?search_term=m", ADMIN)).status == 400


async def test_ids_become_strings_on_demand(sandbox):
    answer = await sandbox.get(
        f"{API}/courses/565?include[]=term", ADA, headers={"Accept": "application/json+canvas-string-ids"}
    )
    assert answer.json["id"] == "565"
    assert answer.json["enrollments"][0]["user_id"] == "20064"
    assert answer.json["term"]["id"] == "83"
    assert answer.json["is_public"] is False


async def test_a_course_shows_what_include_asks_for(sandbox):
    plain = (await sandbox.get(f"{API}/courses/565", CY)).json
    names = ("term", "total_students", "teachers", "sections", "syllabus_body", "concluded", "permissions")
    full = (await sandbox.get(f"{API}/courses/565?" + "&".join(f"include[]={name}" for name in names), CY)).json

    assert not set(names) & set(plain)
    assert set(names) <= set(full)
    assert full["total_students"] == 66
    assert {teacher["id"] for teacher in full["teachers"]} == {7, 20070}
    scores = (await sandbox.get(f"{API}/courses/565?include[]=total_scores", ADA)).json
    assert scores["enrollments"][0]["computed_current_score"] == 91.5


async def test_enrollments_are_filtered(sandbox):
    base = f"{API}/courses/565/enrollments?per_page=100"
    invited = (await sandbox.get(f"{base}&state[]=invited", CY)).json
    staff = (await sandbox.get(f"{base}&type[]=TeacherEnrollment&type[]=TaEnrollment", ADA)).json
    one = (await sandbox.get(f"{base}&user_id=20064", CY)).json

    assert [row["user_id"] for row in invited] == [20067]
    assert {row["user_id"] for row in staff} == {7, 20070, 20082}
    assert [row["id"] for row in one] == [46825]
    assert (await sandbox.get(f"{base}&state[]=invited", ADA)).json == []
    section = (await sandbox.get(f"{API}/sections/4812/enrollments?per_page=100", CY)).json
    assert {row["course_section_id"] for row in section} == {4812}


async def test_a_hidden_assignment_is_the_teachers(sandbox):
    path = f"{API}/courses/565/assignments?per_page=100"
    assert len((await sandbox.get(path, CY)).json) == len((await sandbox.get(path, ADA)).json) + 1
    assert (await sandbox.get(f"{API}/courses/565/assignments/70011", CY)).status == 200
    assert (await sandbox.get(f"{API}/courses/565/assignments/70011", ADA)).status == 404


async def test_a_code_becomes_a_token_that_works_and_is_never_cacheable(sandbox):
    form = {"client_id": "10000000000001", "client_secret": "sandbox-client-secret"}
    code = {**form, "grant_type": "authorization_code", "code": "sandbox-code-ada"}
    granted = await sandbox.post("/courseworks/login/oauth2/token", data=code)

    assert granted.headers["cache-control"] == "no-store"
    assert granted.json["expires_in"] == 3600
    assert (await sandbox.get(f"{API}/users/self", granted.json["access_token"])).json["id"] == 20064
    refresh = {**form, "grant_type": "refresh_token", "refresh_token": granted.json["refresh_token"]}
    again = await sandbox.post("/courseworks/login/oauth2/token", data=refresh)
    assert "refresh_token" not in again.json
    wrong = await sandbox.post("/courseworks/login/oauth2/token", data={**code, "client_secret": "x"})
    assert wrong.status == 401


async def test_graphql_answers_200_with_what_the_reader_may_see(sandbox):
    query = {"query": "query($id: ID!) { course(id: $id) { _id name } }", "variables": {"id": "100"}}
    ada = await sandbox.post("/courseworks/api/graphql", ADA, json=query)
    ben = await sandbox.post("/courseworks/api/graphql", BEN, json=query)

    assert ada.json["data"]["course"]["name"] == "Course 0"
    assert ben.json == {"data": {"course": None}}
    assert ada.headers["cache-control"] == "no-store"
    assert "errors" in (await sandbox.post("/courseworks/api/graphql", ADA, json={})).json
