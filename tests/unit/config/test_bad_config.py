"""Everything that an operator may write wrong: each is told its line, its field and what would be right."""

from textwrap import dedent

import pytest

CASES = {
    "a misspelt section": ("upstream: {}", 1, "upstream", "did you mean upstreams?"),
    "a misspelt field": ("server:\n  host: 127.0.0.1\n  prot: 80", 3, "server.prot", "did you mean port?"),
    "a misspelt field of a policy": (
        'upstreams:\n  courseworks:\n    endpoints:\n      "GET /api/v1/courses":\n        cache: {ttl: 5m, tll: 5m}',
        5,
        'upstreams.courseworks.endpoints."GET /api/v1/courses".cache.tll',
        "did you mean ttl?",
    ),
    "a misspelt field of a caller": ("callers:\n  - name: a\n    keys: x", 3, "callers.0.keys", "did you mean key?"),
    "a misspelt field of the defaults": (
        "defaults:\n  breaker: {cool_down: 5s}",
        2,
        "defaults.breaker.cool_down",
        "did you mean cooldown?",
    ),
    "a callback with a secret that is none": (
        "v1:\n  jobs:\n    callbacks:\n      - url: https://jobs.example/done\n        secret: guessed",
        5,
        "v1.jobs.callbacks.0.secret",
        "whsec_",
    ),
    "a callback for a caller that there is not": (
        f"v1:\n  jobs:\n    callbacks:\n      - url: https://jobs.example/done\n        secret: whsec_{'A' * 32}\n"
        "        callers: [web]",
        6,
        "v1.jobs.callbacks.0.callers",
        "no such caller",
    ),
    "a callback that stands there twice": (
        "v1:\n  jobs:\n    callbacks:\n"
        f"      - {{url: 'https://jobs.example/done', secret: whsec_{'A' * 32}}}\n"
        f"      - {{url: 'https://jobs.example/done', secret: whsec_{'A' * 32}}}",
        5,
        "v1.jobs.callbacks.1.url",
        "twice",
    ),
    "a callback to what is no URL": (
        f"v1:\n  jobs:\n    callbacks:\n      - url: jobs.example\n        secret: whsec_{'A' * 32}",
        4,
        "v1.jobs.callbacks.0.url",
        "such as https://app.example.org/jobs",
    ),
    "jobs that are kept for ever": ("v1:\n  jobs: {keep: 8d}", 2, "v1.jobs.keep", "604800"),
    "a misspelt field of a webhook": (
        "webhooks:\n  w:\n    kind: standard-webhooks\n    upstream: x\n    secret: s\n    tolerence: 5m",
        6,
        "webhooks.w.tolerence",
        "did you mean tolerance?",
    ),
    "a name like nothing there is": ("colour: blue", 1, "colour", "known: server, admin, store"),
    "no number": ("server:\n  port: eighty", 2, "server.port", "has to be a whole number"),
    "a number out of range": ("server:\n  port: 70000", 2, "server.port", "65535"),
    "a duration without a unit that there is": (
        "upstreams:\n  courseworks:\n    keep_at_most: 7w",
        3,
        "upstreams.courseworks.keep_at_most",
        "is not a duration such as",
    ),
    "a size without a unit that there is": ("store:\n  max_bytes: 2GB", 2, "store.max_bytes", "is not a size such as"),
    "a share above all": ("defaults:\n  retry: {budget: 120%}", 2, "defaults.retry.budget", "has to be at most 100%"),
    "a rate without a time": ("defaults:\n  retry: {floor: 1x}", 2, "defaults.retry.floor", "is not a rate such as"),
    "too many attempts": ("defaults:\n  retry:\n    attempts: 11", 3, "defaults.retry.attempts", "10"),
    "a negative duration": ("defaults:\n  cache:\n    settle: -1", 3, "defaults.cache.settle", "has to be at least 0s"),
    "a word that is none of the choices": ("log:\n  format: jsn", 2, "log.format", "'json', 'console' or 'auto'"),
    "a partition that there is not": (
        "defaults:\n  cache: {partition: public}",
        2,
        "defaults.cache.partition",
        "'principal', 'caller', 'shared' or 'none'",
    ),
    "an operator with Larder's own name": (
        f"admin:\n  operators:\n    - name: admin\n      token: {'sha256:' + '0' * 64}",
        3,
        "admin.operators.0.name",
        "Larder's own",
    ),
    "an operator without a name": (
        f"admin:\n  operators:\n    - name: '-'\n      token: {'sha256:' + '0' * 64}",
        3,
        "admin.operators.0.name",
        "Larder's own",
    ),
    "two operators of a name": (
        f"admin:\n  operators:\n    - {{name: a, token: {'sha256:' + '0' * 64}}}\n"
        f"    - {{name: a, token: {'sha256:' + '1' * 64}}}",
        4,
        "admin.operators.1.name",
        "twice",
    ),
    "two operators with a token": (
        f"admin:\n  operators:\n    - {{name: a, token: {'sha256:' + '0' * 64}}}\n"
        f"    - {{name: b, token: {'sha256:' + '0' * 64}}}",
        4,
        "admin.operators.1.token",
        "who did something",
    ),
    "an operator's token as it is": (
        "admin:\n  operators:\n    - {name: a, token: larder_abc}",
        3,
        "admin.operators.0.token.0",
        "has to be the hash, not the key",
    ),
    "an operator without a token": (
        "admin:\n  operators:\n    - {name: a, token: []}",
        3,
        "admin.operators.0.token",
        "at least 1",
    ),
    "no workers at all": ("server:\n  workers: 0", 2, "server.workers", "1"),
    "a word for workers": ("server:\n  workers: many", 2, "server.workers", "auto"),
    "a store that there is not": ("store:\n  durable: memcached://localhost", 2, "store.durable", "redis://HOST"),
    "Redis without a secret": ("store:\n  durable: redis://localhost", 1, "store.secret", "LARDER_SECRET"),
    "Redis options for SQLite": ("store:\n  redis:\n    prefix: a", 2, "store.redis", "redis://HOST"),
    "all encrypted without a key": ("store:\n  encrypt: all", 2, "store.encrypt", "larder key --encryption"),
    "a key of the wrong length": ("store:\n  encryption_keys: k1:AAAA", 2, "store.encryption_keys", "must have 32"),
    "a window too short": (
        "store:\n  durable: redis://h\n  secret: s\n  redis:\n    coherence_window: 1ms",
        5,
        "store.redis.coherence_window",
        "0.2",
    ),
    "a list where a block is due": ("server: [1]", 1, "server", "has to be a block of fields: host, port"),
    "a key that is no hash": (
        "callers:\n  - name: a\n    key: sha256:abc",
        3,
        "callers.0.key.0",
        "sha256:",
    ),
    "networks with bits beyond the prefix": (
        "callers:\n  - name: a\n    networks: [10.0.0.1/8]",
        3,
        "callers.0.networks.0",
        "host bits set",
    ),
    "two callers of one name": (
        "callers:\n  - {name: a}\n  - {name: b}\n  - {name: a}",
        4,
        "callers.2.name",
        "stands here twice",
    ),
    "a caller who may use an upstream that there is not": (
        "upstreams: {courseworks: {}}\ncallers:\n  - name: a\n    allow: [coursework]",
        4,
        "callers.0.allow",
        "did you mean courseworks?",
    ),
    "nobody named, and open to the network": ("server:\n  host: 0.0.0.0", 2, "server.host", "add `callers:`"),
    "an adapter that there is not": ("upstreams:\n  canvas: {}", 2, "upstreams.canvas.adapter", "known: courseworks"),
    "a misspelt adapter": (
        "upstreams:\n  mine:\n    adapter: smartystreet",
        3,
        "upstreams.mine.adapter",
        "did you mean smartystreets?",
    ),
    "a reserved name": (
        "upstreams:\n  webhooks: {adapter: courseworks}",
        2,
        "upstreams.webhooks",
        "call the upstream something else",
    ),
    "an upstream without an address": ("upstreams:\n  m: {adapter: http}", 2, "upstreams.m", "needs a base_url"),
    "an address of another kind": (
        "upstreams:\n  m:\n    adapter: http\n    base_url: ftp://x",
        4,
        "upstreams.m.base_url",
        "has to begin with http:// or https://",
    ),
    "{api} for an adapter without APIs": (
        'upstreams:\n  courseworks:\n    base_url: "http://{api}.x"',
        3,
        "upstreams.courseworks.base_url",
        "{api}",
    ),
    "a credential of another provider": (
        "upstreams:\n  courseworks:\n    credential: {key: x}",
        3,
        "upstreams.courseworks.credential",
        "token",
    ),
    "half a credential": (
        "upstreams:\n  smartystreets:\n    credential: {auth_id: x}",
        3,
        "upstreams.smartystreets.credential",
        "auth_id, auth_token",
    ),
    "terms that were never written": (
        "upstreams:\n  google:\n    terms_accepted: [google-maps-platform 2026-06-11]",
        3,
        "upstreams.google.terms_accepted",
        "did you mean google-maps-platform 2026-06-10?",
    ),
    "a route without a method": (
        "upstreams:\n  courseworks:\n    endpoints:\n      /api/v1/courses: {}",
        4,
        "upstreams.courseworks.endpoints./api/v1/courses",
        "is not a route such as",
    ),
    "an outcome that the endpoint has not": (
        'upstreams:\n  courseworks:\n    endpoints:\n      "GET /api/v1/courses":\n'
        "        outcomes: {grade: {ttl: 1s}}",
        5,
        'upstreams.courseworks.endpoints."GET /api/v1/courses".outcomes.grade',
        "did you mean graded?",
    ),
    "refreshed when it is not fresh any more": (
        'upstreams:\n  courseworks:\n    endpoints:\n      "GET /x":\n        cache: {ttl: 1m, refresh_after: 2m}',
        5,
        'upstreams.courseworks.endpoints."GET /x".cache.refresh_after',
        "at most ttl",
    ),
    "one student's courses for all": (
        'upstreams:\n  courseworks:\n    endpoints:\n      "GET /api/v1/courses":\n        cache: {partition: shared}',
        5,
        'upstreams.courseworks.endpoints."GET /api/v1/courses".cache.partition',
        "would reach others",
    ),
    "how much may vanish where nobody knows what there is": (
        "upstreams:\n  smartystreets:\n    payload: {shrink: 10%}",
        3,
        "upstreams.smartystreets.payload",
        "whose adapter says what their answers hold",
    ),
    "the same for one endpoint": (
        'upstreams:\n  courseworks:\n    endpoints:\n      "GET /x":\n        payload: {repeats: 1}',
        5,
        'upstreams.courseworks.endpoints."GET /x".payload',
        "whose adapter says what their answers hold",
    ),
    "more than all rows": (
        "defaults:\n  payload: {shrink: 150%}",
        2,
        "defaults.payload.shrink",
        "has to be at most 100%",
    ),
    "a refresh that Google forbids": (
        'upstreams:\n  google:\n    endpoints:\n      "POST /v1:validateAddress":\n'
        "        cache: {refresh_behind: allowed}",
        5,
        'upstreams.google.endpoints."POST /v1:validateAddress".cache.refresh_behind',
        "forbid",
    ),
    "a webhook of an upstream that there is not": (
        "upstreams: {courseworks: {}}\nwebhooks:\n  w:\n    kind: standard-webhooks\n"
        "    upstream: coursework\n    secret: s",
        5,
        "webhooks.w.upstream",
        "did you mean courseworks?",
    ),
    "Live Events that nobody signs": (
        "upstreams: {courseworks: {}}\nwebhooks:\n  w: {kind: canvas-live-events, upstream: courseworks, "
        "root_account_uuid: u}",
        3,
        "webhooks.w",
        "jwks_url",
    ),
    "a lifetime for what is kept one by one": (
        "upstreams:\n  smartystreets:\n    endpoints:\n      POST /us-street/street-address:\n        cache: {ttl: 1h}",
        5,
        'upstreams.smartystreets.endpoints."POST /us-street/street-address".cache',
        'each thing in it is kept as by itself: say it at "GET /us-street/street-address"',
    ),
    "a batch of what comes in none": (
        "upstreams:\n  google:\n    batch: {gather: 5ms}",
        3,
        "upstreams.google.batch",
        "holds only for endpoints whose reads can go upstream as a batch",
    ),
    "a batch of batches": (
        "upstreams:\n  smartystreets:\n    endpoints:\n      POST /us-zipcode/lookup: {batch: {gather: 5ms}}",
        4,
        'upstreams.smartystreets.endpoints."POST /us-zipcode/lookup".batch',
        'say it at "GET /us-zipcode/lookup"',
    ),
    "a batch that is waited for too long": (
        "upstreams:\n  smartystreets:\n    batch: {gather: 5s}",
        3,
        "upstreams.smartystreets.batch.gather",
        "has to be at most 1s",
    ),
    "a verifier that there is not": (
        "upstreams: {smartystreets: {}}\nv1:\n  addresses:\n    providers: [smartystreet]",
        4,
        "v1.addresses.providers.0",
        "did you mean smartystreets?",
    ),
    "a verifier that verifies nothing": (
        "upstreams: {courseworks: {}, google: {}}\nv1:\n  addresses: {providers: [google, courseworks]}",
        3,
        "v1.addresses.providers.1",
        "no upstream of that name can verify addresses",
    ),
    "a completer named twice": (
        "upstreams: {google: {}}\nv1:\n  addresses: {autocomplete: [google, google]}",
        3,
        "v1.addresses.autocomplete.1",
        "twice",
    ),
    "a webhook of no kind": ("webhooks:\n  w: {upstream: x}", 2, "webhooks.w", "kind"),
    "a required field left out": (
        "webhooks:\n  w:\n    kind: canvas-live-events\n    upstream: x\n    unsigned: true",
        2,
        "webhooks.w.root_account_uuid",
        "required",
    ),
}


@pytest.mark.parametrize(("text", "line", "field", "words"), CASES.values(), ids=CASES.keys())
def test_a_mistake_is_told_with_its_line_its_field_and_what_would_be_right(problems_of, text, line, field, words):
    problems = problems_of(text)

    told = [problem for problem in problems if (problem.line, problem.field) == (line, field)]
    assert any(words in problem.message for problem in told), problems


@pytest.mark.parametrize("text", [case[0] for case in CASES.values()], ids=CASES.keys())
def test_a_mistake_is_printed_as_one_line_that_an_editor_can_follow(problems_of, text):
    for problem in problems_of(text):
        printed = str(problem)
        assert printed.startswith(f"config.yaml:{problem.line}: ")
        assert "\n" not in printed
        assert problem.line <= len(dedent(text).splitlines())


def test_every_mistake_is_told_at_once(problems_of):
    problems = problems_of("server:\n  prot: 1\nlog:\n  levle: info\nstore:\n  max_bytes: much\n")

    assert {problem.line for problem in problems} == {2, 4, 6}


SECRET_FIELDS = {
    "the admin token": "admin:\n  token: ${CANARY}\n  prot: 1",
    "the store's secret": "store:\n  secret: ${CANARY}\n  max_bytse: 1",
    "a credential of the wrong fields": "upstreams:\n  courseworks:\n    credential:\n      key: ${CANARY}",
    "half a credential": "upstreams:\n  smartystreets:\n    credential:\n      auth_token: ${CANARY}",
    "a webhook's secret beside a mistake": (
        "webhooks:\n  w:\n    kind: standard-webhooks\n    upstream: x\n    secret: ${CANARY}"
    ),
    "a secret where a list is due": "callers: ${CANARY}",
    "a secret where a number is due": "server:\n  port: ${CANARY}",
    "a secret where a hash is due": "callers:\n  - name: a\n    key: ${CANARY}",
    "a secret where an address is due": "upstreams:\n  courseworks:\n    base_url: ${CANARY}",
    "a secret where a choice is due": "log:\n  format: ${CANARY}",
}


@pytest.mark.parametrize("text", SECRET_FIELDS.values(), ids=SECRET_FIELDS.keys())
def test_no_value_of_the_environment_stands_in_an_error(problems_of, text):
    problems = problems_of(text, {"CANARY": "canary-4711"})

    assert "canary-4711" not in repr(problems)
    assert "canary-4711" not in "\n".join(map(str, problems))
