"""Requests, answers and notifications as nobody should send them, for the contract of the adapters."""

import json

from hypothesis import strategies as st

from adapters import NOT_JSON, Exchange, Received, Sent

# Words that upstreams use, so that hostile bodies get past the first look.
BODY_WORDS = """
    id user_id course_id course_section_id enrollments type user teachers grades current_score status error errors
    details reason retryDelay results result suggestions input_index analysis dpv_match_code metadata body event_name
    enrollment_id workflow_state context_type context_id root_account_id sessionToken enrollment_terms account_id
    Course StudentEnrollment enrollment_created enrollment_state_updated course_updated grade_change OK
"""
PATH_WORDS = """
    api v1 courses users self sections accounts enrollments assignments submissions crosslist 565 2107~565
    sis_course_id%3Ax%2Fy 21070000000000565 us-street maps places graphql %ff %0a
"""
WORDS = st.sampled_from(BODY_WORDS.split())
TEXTS = st.one_of(WORDS, st.text(max_size=8), st.from_regex(r"[0-9~]{1,24}", fullmatch=True))
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(1, 10**15), st.floats(), TEXTS, st.just(NOT_JSON)
)
IDS = st.one_of(st.integers(-5, 10**15), st.from_regex(r"[0-9]{1,5}~?[0-9]{1,20}", fullmatch=True), SCALARS)
HOSTILE = st.one_of(IDS, st.lists(IDS, max_size=2), st.dictionaries(WORDS, IDS, max_size=3))

JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(TEXTS, inner, max_size=6),
        st.lists(st.dictionaries(WORDS, HOSTILE | inner, max_size=8), max_size=2),
    ),
    max_leaves=12,
)
BODIES = st.one_of(
    st.binary(max_size=60),
    TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")),
    JSON.map(lambda value: json.dumps(value, default=str).encode()),
    st.lists(st.tuples(TEXTS, TEXTS), max_size=4).map(
        lambda pairs: "&".join("=".join(pair) for pair in pairs).encode("utf-8", "surrogatepass")
    ),
)
NAMES_OF_PARAMETERS = st.one_of(
    TEXTS,
    st.sampled_from(["include[]", "include", "as_user_id", "access_token", "key", "auth-id", "sessiontoken", "fields"]),
)
QUERIES = st.lists(st.tuples(NAMES_OF_PARAMETERS, st.none() | TEXTS), max_size=6).map(tuple)
SEGMENTS = st.sampled_from(PATH_WORDS.split())
PATHS = st.lists(st.one_of(SEGMENTS, st.text(max_size=6)), max_size=7).map(lambda parts: "/" + "/".join(parts))
HEADERS = st.dictionaries(
    st.sampled_from(["content-type", "x-rate-limit-remaining", "www-authenticate", "etag", "retry-after"]),
    st.one_of(st.text(max_size=12), st.sampled_from(["application/json", "text/html", "nan", "-1", "1e400"])),
)
SENT = st.builds(
    Sent,
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"]),
    path=PATHS,
    query=QUERIES,
    headers=HEADERS,
    body=BODIES,
    params=st.dictionaries(st.sampled_from(["course", "user", "section", "account", "assignment"]), TEXTS),
)
RECEIVED = st.builds(Received, status=st.integers(200, 599), headers=HEADERS, body=BODIES, json=JSON)
EXCHANGES = st.builds(
    Exchange, sent=SENT, status=st.sampled_from([200, 201, 404]), json=JSON, me=st.none() | st.just("7")
)
