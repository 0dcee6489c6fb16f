"""What somebody writes wrong in a first config.yaml: one plain line each, which says what would be right."""

import pytest
from typer.testing import CliRunner

from proxy.cli import app

COURSES = 'upstreams.courseworks.endpoints."GET /api/v1/courses"'


def upstream(more: str) -> str:
    return f"upstreams:\n  courseworks:\n    base_url: http://127.0.0.1:9000/courseworks\n{more}"


def endpoint(more: str) -> str:
    return upstream(f'    endpoints:\n      "GET /api/v1/courses": {more}\n')


MISTAKES = {
    "minutes that were read as seconds": (
        endpoint("{cache: {ttl: 5, refresh_after: 2m}}"),
        f"5: {COURSES}.cache.refresh_after: has to be at most ttl, which is 5s: later the answer is not fresh any more",
    ),
    "a unit that there is not": (
        endpoint("{cache: {ttl: 5 min}}"),
        f"5: {COURSES}.cache.ttl: is not a duration such as 250ms, 30s, 5m, 1h or 2d",
    ),
    "a size in decimals": (
        "server: {max_body: 10MB}",
        "1: server.max_body: is not a size such as 512KiB, 10MiB or 2GiB",
    ),
    "a share in quotes": (
        upstream('    breaker: {failure_ratio: "50"}'),
        "4: upstreams.courseworks.breaker.failure_ratio: is not a share such as 50%",
    ),
    "a share without its sign": (
        upstream("    retry: {budget: 20}"),
        "4: upstreams.courseworks.retry.budget: is more than all: write 20% or 0.2",
    ),
    "a share of more than all": (
        upstream("    retry: {budget: 120%}"),
        "4: upstreams.courseworks.retry.budget: has to be at most 100%",
    ),
    "a rate in words": (
        upstream("    pacing: {rate: 10 per second}"),
        "4: upstreams.courseworks.pacing.rate: is not a rate such as 1/s or 30/m",
    ),
    "a word for yes": ("server: {watch_config: yep}", "1: server.watch_config: has to be true or false"),
    "yes for a number": ("server: {port: yes}", "1: server.port: has to be a number, not yes or no"),
    "yes for a duration": (
        upstream("    keep_at_most: yes"),
        "4: upstreams.courseworks.keep_at_most: has to be a number, not yes or no",
    ),
    "a list for a block": (
        "admin:\n  - host: 127.0.0.1",
        "1: admin: has to be a block of fields: host, port, token, operators, audit",
    ),
    "a word for a block": (
        upstream("    timeout: 5s"),
        "4: upstreams.courseworks.timeout: has to be a block of fields: attempt, total, fallback_after",
    ),
    "a list of upstreams": (
        "upstreams:\n  - courseworks",
        "1: upstreams: has to be a block such as `courseworks: {base_url: https://canvas.example.edu}`",
    ),
    "a block for a list": (
        "callers:\n  enrollment: {networks: [10.0.0.0/8]}",
        "1: callers: has to be a list: [one, another], or a line for each that begins with `- `",
    ),
    "one network without brackets": (
        "callers:\n  - {name: a, networks: 10.0.0.0/8}",
        "2: callers.0.networks: has to be a list: [one, another], or a line for each that begins with `- `",
    ),
    "a misspelt section": ("upstream: {courseworks: {}}", "1: upstream: unknown field; did you mean upstreams?"),
    "a misspelt field": ("server: {prt: 1}", "1: server.prt: unknown field; did you mean port?"),
    "a misspelt field of an upstream": (
        "upstreams:\n  mirror:\n    adapter: http\n    base_ulr: http://127.0.0.1:8000",
        "4: upstreams.mirror.base_ulr: unknown field; did you mean base_url?",
    ),
    "a misspelt field of an endpoint": (
        endpoint("{cach: {ttl: 5m}}"),
        f"5: {COURSES}.cach: unknown field; did you mean cache?",
    ),
    "a misspelt field of a cache": (
        endpoint("{cache: {tttl: 5m}}"),
        f"5: {COURSES}.cache.tttl: unknown field; did you mean ttl?",
    ),
    "a field twice": ("server: {port: 1}\nserver: {port: 2}", "2: server: stands here twice"),
    "an empty upstream": (
        "upstreams:\n  courseworks:",
        "2: upstreams.courseworks: is empty: write its fields below it, indented further; or leave it out",
    ),
    "an empty endpoint": (
        endpoint(""),
        f"5: {COURSES}: is empty: write its fields below it, indented further; or leave it out",
    ),
    "an upstream without an address": (
        "upstreams:\n  mirror: {adapter: http}",
        "2: upstreams.mirror: needs a base_url such as http://127.0.0.1:8000",
    ),
    "a variable without a value": (
        "store:\n  secret: ${NOPE}",
        "2: store.secret: ${NOPE} is not set: set NOPE, or write ${NOPE:-default}",
    ),
    "a variable as a shell has it": (
        "store:\n  secret: $NOPE",
        "2: store.secret: is no variable without braces: write ${NAME}, or put quotes around it",
    ),
    "a variable with a hyphen": (
        "store:\n  secret: ${NO-PE}",
        "2: store.secret: has ${ without a variable: write ${NAME} or ${NAME:-default}; names have A-Z, 0-9 and _",
    ),
    "an address without a scheme": (
        "upstreams:\n  courseworks: {base_url: courseworks2.columbia.edu}",
        "2: upstreams.courseworks.base_url: has to begin with http:// or https://, such as https://canvas.example.edu",
    ),
    "an address with a query": (
        'upstreams:\n  courseworks: {base_url: "https://canvas.example.edu/?a=1"}',
        "2: upstreams.courseworks.base_url: has to end before its ? or #: a query belongs to each request",
    ),
    "an address with a user": (
        "upstreams:\n  courseworks: {base_url: https://me:secret@canvas.example.edu}",
        "2: upstreams.courseworks.base_url: may not hold a user or a password: "
        "they go under `credential:`, or come with each request",
    ),
    "an address with a port too high": (
        "upstreams:\n  courseworks: {base_url: https://canvas.example.edu:99999}",
        "2: upstreams.courseworks.base_url: has no port that there can be: 1 to 65535",
    ),
    "a key for its hash": (
        "callers:\n  - {name: a, key: larder_abc}",
        "2: callers.0.key.0: has to be the hash, not the key: the line `hash: sha256:…` of `larder key`",
    ),
    "a hash cut short": (
        "callers:\n  - {name: a, key: sha256:ABC}",
        "2: callers.0.key.0: has to be sha256: and 64 digits from 0-9a-f: copy the whole `hash:` line of `larder key`",
    ),
    "a network that is none": (
        "callers:\n  - {name: a, networks: [10.0.0.0/33]}",
        "2: callers.0.networks.0: has to be a network such as 10.0.0.0/8, or an address such as 192.0.2.7",
    ),
    "a network with an address in it": (
        "callers:\n  - {name: a, networks: [10.0.0.1/8]}",
        "2: callers.0.networks.0: has host bits set: write the network's first address, such as 10.0.0.0/8",
    ),
    "a caller's name with a blank": (
        "callers:\n  - {name: a b, networks: [10.0.0.0/8]}",
        "2: callers.0.name: may only have letters, digits and . _ -, at most 64 of them",
    ),
    "a caller without a name": ("callers:\n  - {networks: [10.0.0.0/8]}", "2: callers.0.name: is required here"),
    "a misspelt adapter": (
        "upstreams:\n  courseworkz: {base_url: http://127.0.0.1:8000}",
        "2: upstreams.courseworkz.adapter: no adapter of that name; did you mean courseworks?",
    ),
    "a misspelt kind": (
        upstream("webhooks:\n  w: {kind: standard-webhook, upstream: courseworks, secret: x}"),
        "5: webhooks.w: `kind` has to be canvas-live-events or standard-webhooks",
    ),
    "no kind": (
        upstream("webhooks:\n  w: {upstream: courseworks, secret: x}"),
        "5: webhooks.w: `kind` has to be canvas-live-events or standard-webhooks; it says none",
    ),
    "a port too high": ("server: {port: 99999}", "1: server.port: has to be at most 65535"),
    "a port below none": ("server: {port: -1}", "1: server.port: has to be at least 0"),
    "no attempts": (
        upstream("    retry: {attempts: 0}"),
        "4: upstreams.courseworks.retry.attempts: has to be at least 1",
    ),
    "a duration below none": (
        upstream("    timeout: {attempt: -5}"),
        "4: upstreams.courseworks.timeout.attempt: has to be at least 0s",
    ),
    "a method in small letters": (
        upstream('    endpoints:\n      "get /api/v1/courses": {}'),
        "5: upstreams.courseworks.endpoints.\"get /api/v1/courses\": 'get /api/v1/courses' is not a route such as "
        "'GET /things/{thing}': the method in capitals, one space, and a path that begins with /",
    ),
    "a method that is not cached": (
        upstream('    endpoints:\n      "PUT /api/v1/courses": {cache: {ttl: 5m}}'),
        '5: upstreams.courseworks.endpoints."PUT /api/v1/courses".cache: only a GET, '
        "or a POST that its adapter declares a read, can be cached",
    ),
    "a number for a token": ("admin: {token: 12345}", "1: admin.token: has to be text: put quotes around it"),
    "one port for both listeners": (
        "server: {port: 9090}\nadmin: {port: 9090}",
        "2: admin.port: server.port (line 1) is the same one: the proxy and the admin listener need a port each",
    ),
    "one port for both listeners, the other way round": (
        "admin: {port: 9090}\nserver: {port: 9090}",
        "2: server.port: admin.port (line 1) is the same one: the proxy and the admin listener need a port each",
    ),
    "the port that the admin listener has by itself": (
        "server: {port: 8081}",
        "1: server.port: admin.port (built-in) is the same one: the proxy and the admin listener need a port each",
    ),
    "no space after a colon": (
        "server:\n  host: 127.0.0.1\n  port:8080",
        "3: not YAML: no field: a field is written `name: value`, with a space after the colon",
    ),
    "no space after a colon in braces": (
        "server: {port:8080}",
        "1: server.port:…: unknown field; a space has to follow the colon: port: …",
    ),
    "no space after the only colon": (
        "admin:\n  port:8080",
        "1: admin: has to be a block of fields: host, port, token, operators, audit. "
        "After a colon there has to be a space",
    ),
    "a tab": ("server:\n\tport: 8080", "2: not YAML: a tab: indent with spaces only"),
    "too far to the right": (
        "server:\n  host: 127.0.0.1\n   port: 8080",
        "3: not YAML: a colon where none can stand: this line is indented further than those it belongs to, "
        "or its value has `: ` in it and needs quotes",
    ),
    "too far to the left": (
        "server:\n    host: 127.0.0.1\n  port: 8080",
        "3: not YAML: this line is indented unlike the lines it belongs to",
    ),
    "a brace too few": (
        "server: {port: 8080\nadmin: {}",
        "1: not YAML: the { that opens here is not closed before the next field, or a comma is missing",
    ),
    "a brace too many": ("server: {port: 8080}}", "1: not YAML: a } or ] too many"),
    "two documents": ("log: {}\n---\nadmin: {}", "2: not YAML: a second document after `---`: a config is one"),
    "a word for a credential": (
        "upstreams:\n  google: {credential: AIza}",
        "2: upstreams.google.credential: has to be a block such as `{auth_id: …, auth_token: …}`",
    ),
    "a list of endpoints": (
        upstream('    endpoints: ["GET /api/v1/courses"]'),
        '4: upstreams.courseworks.endpoints: has to be a block such as `"GET /api/v1/courses": {cache: {ttl: 5m}}`',
    ),
    "a quote too few": ('server: {host: "127.0.0.1}', "1: not YAML: the quote that opens here is not closed"),
    "a value that begins with @": (
        "admin: {token: @abc}",
        "1: not YAML: a value that begins with @: put quotes around it",
    ),
    "a value with a brace in it": (
        "upstreams:\n  smartystreets: {base_url: https://{api}.api.smarty.com}",
        "2: not YAML: a value with { in it: put quotes around it",
    ),
}


@pytest.mark.parametrize(("text", "line"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_newcomers_mistake_is_one_plain_line(problems_of, text, line):
    assert [str(problem) for problem in problems_of(text)] == [f"config.yaml:{line}"]


def test_mistakes_of_every_kind_are_told_in_one_go_by_their_lines(problems_of):
    text = """\
server: {port: 99999, prt: 1}
admin: {port: 8080}
upstreams:
  courseworks:
    base_url: courseworks2.columbia.edu
    retry: {budget: 20}
    endpoints:
      "GET /api/v1/courses": {cache: {ttl: 1m, refresh_after: 2m}}
      "get /api/v1/users": {}
  canvas: {}
  mirror: {adapter: http, base_url: http://127.0.0.1:8000, payload: {shrink: 10%}}
callers:
  - {networks: [10.0.0.0/8]}
  - {name: b, allow: [courseworks, canvas, coursework]}
webhooks:
  w: {kind: standard-webhooks, upstream: smarty, secret: "${NOPE}"}
v1:
  addresses: {providers: [mirror]}
"""

    told = [(problem.line, problem.field.rpartition(".")[2]) for problem in problems_of(text)]

    assert told == [
        (1, "port"),
        (1, "prt"),
        (5, "base_url"),
        (6, "budget"),
        (8, "refresh_after"),
        (9, '"get /api/v1/users"'),
        (10, "adapter"),
        (11, "payload"),
        (13, "name"),
        (14, "allow"),
        (16, "secret"),
        (16, "upstream"),
        (18, "0"),
    ]


def test_what_only_follows_from_a_mistake_is_not_told(problems_of):
    text = """\
server: {host: 0.0.0.0}
upstream:
  courseworks: {base_url: https://canvas.example.edu, keep_at_most: 7w}
callers: {enrollment: {}}
webhooks:
  w: {kind: standard-webhooks, upstream: courseworks, secret: x}
"""

    assert [(problem.line, problem.field) for problem in problems_of(text)] == [
        (2, "upstream"),
        (3, "upstream.courseworks.keep_at_most"),
        (4, "callers"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "admin: {token:canary-4711}",
        "admin:\n  token:canary-4711\n  port: 1",
        "admin:\n  token:canary-4711",
        "upstreams: {courseworks: {base_url:https://me:canary-4711@canvas.example}}",
        "store: {secret: $CANARY4711}",
        "store: {secret: ${canary-4711}}",
        "? [canary-4711]\n: x",
    ],
)
def test_what_lacks_a_space_or_a_brace_is_not_told_since_it_may_be_a_secret(problems_of, text):
    assert "canary" not in "\n".join(map(str, problems_of(text))).lower()


def test_the_same_mistakes_are_told_in_the_same_order_whatever_their_kind(problems_of):
    text = "webhooks:\n  w: {kind: x}\nlog: {level: loud}\nserver: {port: x}\nstore: {secret: '${NOPE}'}\n"

    assert [problem.line for problem in problems_of(text)] == [2, 3, 4, 5]
    assert problems_of(text) == problems_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "server: {port: 0}\nadmin: {port: 0}",
        "server: {host: 127.0.0.1, port: 9090}\nadmin: {host: 127.0.0.2, port: 9090}",
    ],
    ids=["any two ports", "two addresses"],
)
def test_listeners_that_do_not_meet_may_have_one_number(plans_from, text):
    plans_from(text)


@pytest.mark.parametrize("word", ["off", '"off"', "auto"])
def test_off_may_be_written_without_quotes(plans_from, word):
    assert plans_from(f"store: {{encrypt: {word}}}").settings.store.encrypt == word.strip('"')


def test_an_endpoint_of_ones_own_is_noticed_with_the_nearest_that_there_is(plans_from):
    text = upstream(
        '    endpoints:\n      "GET /api/v1/coursez": {cache: {ttl: 5m}}\n      "GET /api/v1/courses/565": {}\n'
        '      "GET /api/v1/courses/{id}": {}\n'
    )

    first, second = plans_from(text).notices

    own = "It will be an endpoint of its own, of whose answers no tags, pages or checks are known"
    assert str(first) == (
        'config.yaml:5: upstreams.courseworks.endpoints."GET /api/v1/coursez": courseworks declares no such endpoint; '
        f'nearest: "GET /api/v1/courses". {own}'
    )
    assert str(second) == (
        'config.yaml:6: upstreams.courseworks.endpoints."GET /api/v1/courses/565": courseworks declares no such '
        f'endpoint; its requests no longer go by "GET /api/v1/courses/{{course}}". {own}'
    )


def test_endpoints_of_an_api_that_nobody_declared_are_what_they_are(plans_from):
    text = 'upstreams:\n  mirror:\n    adapter: http\n    base_url: http://m\n    endpoints: {"GET /x": {}}'

    assert plans_from(text).notices == ()


@pytest.mark.parametrize("words", [["GET"], ["/api/v1/courses"]])
def test_half_an_endpoint_is_explained_to_nobody(tmp_path, words):
    file = tmp_path / "config.yaml"
    file.write_text("upstreams: {courseworks: {}}\n")

    printed = CliRunner().invoke(app, ["explain", "courseworks", *words, "--config", str(file)])

    assert (printed.exit_code, printed.stdout) == (2, "")
    assert printed.stderr.startswith(f"larder: {words[0]!r} alone names no endpoint: say METHOD and PATH")


def test_check_prints_what_it_noticed_and_takes_the_file(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text("server: {drain: 5}\n")

    printed = CliRunner().invoke(app, ["check", "--config", str(file)])

    assert (printed.exit_code, printed.stdout.splitlines()[0]) == (
        0,
        f"note: {file}:1: server.drain: read as 5s: write the unit",
    )


def test_a_number_without_a_unit_is_noticed_with_what_it_is_read_as(plans_from):
    text = endpoint("{cache: {ttl: 5, settle: 0}}") + "server: {max_body: 10, drain: 10s}\n"

    assert [str(notice) for notice in plans_from(text).notices] == [
        f"config.yaml:5: {COURSES}.cache.ttl: read as 5s: write the unit",
        "config.yaml:6: server.max_body: read as 10B: write the unit",
    ]


def test_a_key_is_of_one_kind():
    printed = CliRunner().invoke(app, ["key", "--google", "--encryption"])

    assert printed.exit_code == 2
    assert "ask for one" in printed.output
