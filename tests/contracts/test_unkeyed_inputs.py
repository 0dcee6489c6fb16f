"""No fourth case: what the upstream sees of a request is in the key, stripped or fixed (DESIGN.md §4).

One input is varied at a time. Whoever is given an answer that was made for another request must have asked for what the
upstream reads as the same; `Reader` says what that is, and knows nothing of keys. `KNOWN` is where the law is broken.
"""

import asyncio
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

import pytest
from echoing import Lines, Sight, Survey, Wish, scene, surveyed
from every_adapter import ADAPTERS
from pydantic import ValidationError


def words(text: str) -> list[str]:
    return text.split()


def listed(text: str) -> list[str]:
    return re.split(r" \| |\n", text.strip())


FIELDS = listed("""
Accept: text/html | Accept: application/json+canvas-string-ids | Accept-Charset: utf-7 | Accept-Encoding: br
A-IM: feed | Accept-Datetime: Mon, 21 Sep 2026 14:13:20 GMT | Accept-Language: de | Alt-Used: evil.example
Baggage: a=b | Authorization: Bearer other | Authorization: Basic b3RoZXI6b3RoZXI= | Cache-Control: max-age=60
Cache-Control: no-cache | Cache-Control: no-store | Cache-Control: no-transform | CF-Connecting-IP: 192.0.2.1
Connection: X-Named | Connection: Accept-Language | Connection: Authorization | Content-Encoding: deflate
Content-Language: de | Content-Location: /other | Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ== | Content-Type: text/plain
Cookie: session=other | Cookie2: $Version=1 | Date: Mon, 21 Sep 2026 14:13:20 GMT | DNT: 1 | DPR: 2 | Early-Data: 1
Etag: "other" | Expect: 100-continue | Forwarded: for=192.0.2.1;host=evil.example;proto=https | From: me@example.com
Front-End-Https: on | Host: localhost | HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA | If-Match: "other"
If-Modified-Since: Mon, 21 Sep 2026 14:13:20 GMT | If-None-Match: "other" | If-Range: "other" | Keep-Alive: timeout=5
If-Unmodified-Since: Mon, 21 Sep 2026 14:13:20 GMT | Max-Forwards: 3 | Origin: https://evil.example | Pragma: no-cache
Prefer: return=minimal | Priority: u=1 | Proxy-Authorization: Basic b3RoZXI6b3RoZXI= | Proxy-Connection: keep-alive
Range: bytes=0-1 | Referer: https://evil.example/ | Save-Data: on | Sec-CH-UA-Mobile: ?1 | Sec-Fetch-Site: cross-site
TE: trailers | Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 | Tracestate: a=b
Trailer: X-Named | True-Client-IP: 192.0.2.1 | Upgrade: h2c | Upgrade-Insecure-Requests: 1 | User-Agent: other/1
Via: 1.1 other | Viewport-Width: 320 | Warning: 199 - "other" | X-Api-Key: other | X-Auth-Token: other
X-Client-IP: 192.0.2.1 | X-Custom: other | X-Forwarded: 192.0.2.1 | X-Forwarded-For: 192.0.2.1
X-Forwarded-Host: evil.example | X-Forwarded-Port: 444 | X-Forwarded-Prefix: /evil | X-Forwarded-Proto: https
X-Forwarded-Scheme: nothttps | X-Forwarded-Server: evil.example | X-Goog-Api-Key: other
X-Goog-FieldMask: result.verdict,result.address | X-Goog-User-Project: other | X-Host: evil.example
X-HTTP-Method: DELETE | X-HTTP-Method-Override: DELETE | X-Include-Invalid: true | X-Larder-Key: other
X-Method-Override: DELETE | X-Original-Host: evil.example | X-Original-URL: /other | X-Real-IP: 192.0.2.1
X-Request-Id: other | X-Requested-With: XMLHttpRequest | X-Rewrite-URL: /other | X-Standardize-Only: true
X-Wap-Profile: https://evil.example/ | X_Api_Key: other | X_Forwarded_Host: evil.example
""")
# Said on two lines, as a list on one, and empty: every field of a key or a credential, and strangers of some weight.
AGAIN = words("""
Accept Accept-Language Authorization Content-Encoding Content-Type Cookie Etag Referer X-Api-Key X-Custom
X-Goog-Api-Key X-Goog-FieldMask X-Goog-User-Project X-HTTP-Method-Override X-Include-Invalid X-Standardize-Only
""")
# What may change where a request leads, or who asks. All others are strangers: where one passes that should not, it
# does so in a crowd too.
SINGLY = words("""
Accept Accept-Language Authorization Cache-Control Connection Content-Encoding Content-Type Cookie Etag Expect Host
If-Match If-Modified-Since If-None-Match If-Range If-Unmodified-Since Max-Forwards Pragma Range Referer X-Api-Key
X-Auth-Token X-Goog-Api-Key X-Goog-FieldMask X-Goog-User-Project X-HTTP-Method X-HTTP-Method-Override X-Include-Invalid
X-Larder-Key X-Method-Override X-Standardize-Only
""")
TYPES = listed("""
Application/JSON | application/json;charset=utf-8 | application/json; charset=UTF-8 | application/json; charset=utf-16
application/json; a=1; b=2 | application/json; b=2; a=1 | application/json; a=1; a=2 | application/json; a=2; a=1
text/plain; charset=utf-8 | TEXT/plain | multipart/form-data; boundary=A | multipart/form-data; boundary=a
""")
PARAMETERS = words("""
x=1 x= x utm_source=x _=1 callback=x _method=DELETE format=json access_token=other access_token= access_token
as_user_id=7 key=other key= key auth-id=other auth-token=other client=other signature=other $alt=json fields=x
include%5B%5D=x
""")
VALUES = words("""
a%2Fb a%2fb a/b a%252Fb a+b a%20b a%2Bb a;b=1 a%3Bb=1 a%3bb=1 a% a%25 a%zz a%25zz a%00 a %61 a%26b=1 a&b=1 a=b a%3Db
%FF %C3%BF %EF%BF%BD %ED%A0%80 a:b a%3Ab a,b a%2Cb a%0D%0Ab
""")
ENDS = words("""
/ // /x.css ;a.js %3Ba.js %3ba.js .json %2Ejson %2ejson %2Fx %2fx /x %20 + %2B % %25 %zz %25zz %00 %0A %3F %23 = %3D
, %2C @ %40 : %3A ! %21 $ %24 & %26 ' %27 ( %28 * %2A ~ %7E %7e %5C %FF %C3%BF
""")


class Case(NamedTuple):
    """An upstream of the config, and one endpoint of it. Upstreams are named by adapter and whose the credential is."""

    upstream: str
    route: str

    def __str__(self) -> str:
        return f"{self.upstream} {self.route}"

    @property
    def kind(self) -> str:
        return self.upstream.partition("-")[0]


HELD = {
    "courseworks": {"token": "held"},
    "smartystreets": {"auth_id": "held", "auth_token": "held"},
    "google": {"key": "held"},
    "http": {"header": "x-api-key", "value": "held"},
}
OWN: Mapping[str, tuple[str, Lines]] = {
    "courseworks": ("", (("Authorization", "Bearer mine"),)),
    "smartystreets": ("auth-id=mine&auth-token=mine&", (("Referer", "https://mine.example/"),)),
    "google": ("key=mine&", (("X-Goog-User-Project", "mine"),)),
    "http": ("", (("Authorization", "Bearer mine"),)),
}
QUERY = {
    "courseworks": "include[]=term&include[]=sections&per_page=10&search_term=a%2Fb",
    "smartystreets": "street=1+Main+St&city=Sample%2Fton&candidates=2&candidates=3",
    "google": "address=1+Main+St&language=en&components=a%2Fb&components=c",
    "http": "q=1+2&page=a%2Fb&page=3",
}
BODIES = {
    "smartystreets": '[{"street":"1 Main St","city":"Sampleton"}]',
    "google": '{"address":{"addressLines":["1 Main St"],"regionCode":"US"},"enableUspsCass":true}',
}
# Of a place only what a field mask names may be kept, and only ids and coordinates (UPSTREAMS.md §7).
MASKED = {
    "GET /v1/places/{place}": ("id", b'{"id":"1"}'),
    "POST /v1/places:autocomplete": ("suggestions.placePrediction.placeId", b"{}"),
    "POST /v1/places:searchText": ("places.id", b'{"places":[{"id":"1"}]}'),
    "POST /v1/places:searchNearby": ("places.id", b"{}"),
}
EVERYTHING = {"id": 1, "name": "Made up", "course_id": 1, "user_id": 1, "type": "StudentEnrollment", "input_index": 0}
EVERYTHING |= {"enrollment_terms": [], "suggestions": [], "status": "OK", "results": [], "result": {"verdict": {}}}


def config(kind: str, url: str) -> dict[str, Any]:
    """An adapter with the caller's own credential, with none, and with one that Larder holds."""
    block: dict[str, Any] = {"adapter": kind, "base_url": f"{url}/{{api}}" if kind == "smartystreets" else url}
    block |= {"terms_accepted": list(ADAPTERS[kind].terms)}
    block["writes"] = {"refresh_hot": 0}  # what nobody asked for would be taken for the next one's
    if kind == "courseworks":
        block["payload"] = {"same_id": False}  # one sample for whatever was asked for, and all of it kept
    if kind == "http":
        block["endpoints"] = {THING.route: {"cache": {"ttl": "5m"}}}
    upstreams = {f"{kind}-own": block, f"{kind}-none": block, f"{kind}-held": block | {"credential": HELD[kind]}}
    return {"server": {"port": 0}, "store": {"durable": "none"}, "log": {"format": "json"}, "upstreams": upstreams}


COURSE = Case("courseworks-own", "GET /api/v1/courses/{course}")
BATCH = Case("smartystreets-own", "POST /us-street/street-address")
PROPERTY = Case("smartystreets-own", "GET /us-enrichment/lookup/{key}/{rest...}")
ADDRESS = Case("google-own", "GET /maps/api/geocode/json")
VALIDATION = Case("google-own", "POST /v1:validateAddress")
THING = Case("http-none", "GET /things/{thing}")
THOROUGH = (COURSE, BATCH, PROPERTY, ADDRESS, VALIDATION, THING)


def cases() -> list[Case]:
    """Every endpoint that has a cache; some of them with a credential of Larder's, too."""
    declared = [
        Case(f"{kind}-own", endpoint.route)
        for kind in HELD
        for endpoint in ADAPTERS[kind].endpoints
        if endpoint.cache is not None
    ]
    held = [Case(f"{case.kind}-held", case.route) for case in THOROUGH]
    return [*declared, *held, THING, Case("http-own", THING.route)]


def base_of(case: Case) -> Wish:
    method, route = case.route.split(" ")
    path = re.sub(r"\{[^}]+\}", "17", route)
    query, lines = OWN[case.kind] if case.upstream.endswith("-own") else ("", ())
    lines += (("Accept", "application/json"), ("Accept-Language", "en"))
    lines += (("Content-Type", "application/json"),) if method == "POST" else ()
    lines += (("X-Goog-FieldMask", MASKED[case.route][0]),) if case.route in MASKED else ()
    body = BODIES[case.kind].encode() if method == "POST" else b""
    return Wish(method, f"/{case.upstream}{path}", query + QUERY[case.kind], lines, body)


def said(base: Wish, name: str, *values: str) -> Wish:
    """The base request with these lines of a field."""
    others = tuple(line for line in base.lines if line[0].lower() != name.lower())
    return base._replace(lines=others + tuple((name, value) for value in values))


def fields(base: Wish) -> Iterator[tuple[str, Wish]]:
    """Each field added, or with another value."""
    for line in FIELDS:
        name, _, value = line.partition(": ")
        yield line, said(base, name, value)


def fields_in_brief(base: Wish) -> Iterator[tuple[str, Wish]]:
    """Those that matter each for itself, and all others at once."""
    yield from ((line, wish) for line, wish in fields(base) if line.partition(": ")[0] in SINGLY)
    yield "all strangers", strangers(base)


def strangers(base: Wish) -> Wish:
    lines = dict(line.split(": ", 1) for line in FIELDS)
    return base._replace(lines=base.lines + tuple(line for line in lines.items() if line[0] not in SINGLY))


def lines_of_fields(base: Wish) -> Iterator[tuple[str, Wish]]:
    for name in AGAIN:
        yield f"{name}: a on one line", said(base, name, "a")
        yield f"{name}: a and b on two lines", said(base, name, "a", "b")
        yield f"{name}: a and b on one line", said(base, name, "a, b")
        yield f"{name}: empty", said(base, name, "")
    for name, value in base.lines:
        yield f"{name}: left out", said(base, name)
        yield f"{name}: twice the same", said(base, name, value, value)
        yield f"{name}: name in capitals", base._replace(lines=(*said(base, name).lines, (name.upper(), value)))
        yield f"{name}: value in capitals", said(base, name, value.upper())
    yield "X-HTTP-Method-Override: GET and DELETE on two lines", said(base, "X-HTTP-Method-Override", "GET", "DELETE")
    yield "fields: in another order", base._replace(lines=base.lines[::-1])


def parameters(base: Wish) -> Iterator[tuple[str, Wish]]:
    """Each parameter of the base left out, repeated, in another place or in another spelling."""
    for index in range(len(base.query.split("&"))):
        yield from parameter(base, index)


def last_parameter(base: Wish) -> Iterator[tuple[str, Wish]]:
    yield from parameter(base, base.query.count("&"))


def parameter(base: Wish, index: int) -> Iterator[tuple[str, Wish]]:
    parts = base.query.split("&")
    part, before, behind = parts[index], parts[:index], parts[index + 1 :]
    name, _, value = part.partition("=")
    yield f"query: {part}: last", base._replace(query="&".join([*before, *behind, part]))
    for what, ones in {
        "left out": [],
        "repeated": [part, part],
        "another": [f"{name}=other"],
        "another before": [f"{name}=other", part],
        "another behind": [part, f"{name}=other"],
        "empty": [f"{name}="],
        "without =": [name],
        "in capitals": [f"{name.upper()}={value}"],
        "name encoded": [f"{encoded(name)}={value}"],
        "value encoded": [f"{name}={encoded(value)}"],
        "+ as %20": [part.replace("+", "%20")],
        "hex in lower case": [part.replace("%2F", "%2f")],
        "half encoded": [part.replace("%2F", "/")],
    }.items():
        yield f"query: {part}: {what}", base._replace(query="&".join([*before, *ones, *behind]))


def more_parameters(base: Wish) -> Iterator[tuple[str, Wish]]:
    for part in PARAMETERS:
        yield f"query: {part} behind", base._replace(query=f"{base.query}&{part}")
        yield f"query: {part} before", base._replace(query=f"{part}&{base.query}")
    for value in VALUES:
        yield f"query: x={value}", base._replace(query=f"{base.query}&x={value}")
    for name in ("a;b", "a%3Bb", "a%", "a%25", "a+b", "a%20b", "a%2Bb"):
        yield f"query: {name}=x", base._replace(query=f"{base.query}&{name}=x")
    backwards = "&".join(base.query.split("&")[::-1])
    for query in (backwards, f"{base.query}&", f"&{base.query}", f"?{base.query}", f"{base.query};x=1", ""):
        yield f"query: {query}", base._replace(query=query)


def encoded(text: str) -> str:
    """With its first character percent-encoded, though it need not be."""
    return f"%{ord(text[0]):02X}{text[1:]}"


def segments(base: Wish) -> Iterator[tuple[str, Wish]]:
    """Each segment of the path spelled otherwise."""
    parts = base.path.split("/")
    for index, part in enumerate(parts[1:], start=1):
        for other in (encoded(part), part.upper(), f"{part};x", f"{part}%3Bx"):
            path = "/".join([*parts[:index], other, *parts[index + 1 :]])
            yield f"path: {path}", base._replace(path=path)


def ends(base: Wish) -> Iterator[tuple[str, Wish]]:
    for end in ENDS:
        yield f"path: {end} behind", base._replace(path=base.path + end)


def methods(base: Wish) -> Iterator[tuple[str, Wish]]:
    for method in ("GET", "HEAD", "POST", "QUERY", "OPTIONS", "get"):
        yield f"method: {method}", base._replace(method=method)
    for body in ("[1]", "a=1&b=2", ""):
        yield f"body: {body}", base._replace(body=body.encode())


def bodies(base: Wish) -> Iterator[tuple[str, Wish]]:
    """A body of JSON in other words, and under other names."""
    text = base.body.decode()
    others = {
        "spaced": json.dumps(json.loads(text), indent=1),
        "in another order": json.dumps(json.loads(text), sort_keys=True, separators=(",", ":")),
        "with a line end": f"{text}\n",
        "with a mark": f"\ufeff{text}",
        "escaped": text.replace("1", "\\u0031"),
        "without true": text.replace(',"enableUspsCass":true', ""),
        "with false": text.replace("true", "false"),
        "cut": text[:-1],
    }
    others |= {
        f"with {more}": text.replace("{", f"{{{more},", 1) for more in ('"x":null', '"x":1,"x":2', '"x":2,"x":1')
    }
    others |= {
        f"with {one}": text.replace("{", f'{{"x":{one},', 1) for one in ("1", "1.0", "1e0", '"1"', "[null]", "[]")
    }
    for what, other in others.items():
        yield f"body: {what}", base._replace(body=other.encode())
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        yield f"body: as {kind}", said(base, "Content-Type", kind)
        yield f"body: spaced, as {kind}", said(base, "Content-Type", kind)._replace(body=others["spaced"].encode())
    for kind in TYPES:
        yield f"body: {kind}", said(base, "Content-Type", kind)


BRIEFLY = (fields_in_brief, last_parameter, segments, methods)
HELD_ONLY = (fields_in_brief, more_parameters, methods)  # what is the same whoever holds the credential is left out
WITH_BODY = (*BRIEFLY, lines_of_fields, bodies)  # what is the same with and without
THOROUGHLY = (fields, lines_of_fields, parameters, more_parameters, segments, ends, methods)


def ways_for(case: Case) -> Iterable[Callable[[Wish], Iterator[tuple[str, Wish]]]]:
    if case.upstream.endswith("-held"):
        return HELD_ONLY
    if case not in THOROUGH:
        return BRIEFLY
    return WITH_BODY if case.route.startswith("POST") else THOROUGHLY


def variations(case: Case) -> dict[str, Wish]:
    base = base_of(case)
    return {name: wish for way in ways_for(case) for name, wish in way(base) if wish != base}


LISTS = frozenset({"accept", "accept-language"})  # several lines of them are one list (RFC 9110 §5.3)
FOR_CACHES = frozenset({"cache-control", "pragma"})  # said to every cache on the way (RFC 9111 §5.2.1, §5.4)
TOKENS = {
    "courseworks": {"access_token"},
    "smartystreets": {"auth-id", "auth-token", "key"},
    "google": {"access_token", "client", "key", "oauth_token", "signature", "userProject", "$userProject"},
}


@dataclass(frozen=True)
class Reader:
    """How an upstream reads a request: equal for two sights that the RFCs, or its provider, call the same."""

    kind: str

    def __call__(self, sight: Sight) -> object:
        path, _, query = sight.target.partition("?")
        method = "GET" if sight.method == "HEAD" else sight.method  # a stored GET answers it (RFC 9111 §4.3.5)
        fields = self.fields(sight.lines)
        if self.kind == "http":
            return method, plain(path), plain(query), fields, sight.body
        body = self.json(sight.body) if ("content-type", "application/json") in fields else sight.body
        return method, plain(path).replace("%3A", ":"), self.query(query), fields, body  # UPSTREAMS.md §10

    def fields(self, lines: Lines) -> list[tuple[str, str]]:
        """By name, in any case and any order (RFC 9110 §5.1, §5.3); a length says nothing that a body does not."""
        found: list[tuple[str, str]] = []
        for name, value in sorted(((name.lower(), value) for name, value in lines), key=lambda line: line[0]):
            if name == "content-length" or (self.kind == "http" and name in FOR_CACHES):
                continue
            if name in LISTS and found and found[-1][0] == name:
                found[-1] = (name, f"{found[-1][1]}, {value}")
            elif name == "content-type":
                found.append((name, media_type(value)))
            elif name == "x-goog-fieldmask":
                found.append((name, ",".join(sorted(value.split(",")))))  # UPSTREAMS.md §5.4
            else:
                found.append((name, value))
        return found

    def query(self, raw: str) -> object:
        """Form-decoded. Credentials are read by name, wherever they stand."""
        pairs = [pair(part) for part in raw.split("&")]
        tokens = sorted((one for one in pairs if one[0] in TOKENS[self.kind]), key=lambda one: one[0])
        others = [one for one in pairs if one[0] not in TOKENS[self.kind]]
        if self.kind != "courseworks":
            return tokens, sorted(others, key=lambda one: one[0])  # repeats in their order
        arrays = {name: sorted(one for one in others if one[0] == name) for name, _ in others if name.endswith("[]")}
        return tokens, [arrays[one[0]].pop(0) if one[0] in arrays else one for one in others]  # UPSTREAMS.md §2.8

    def json(self, body: bytes) -> object:
        """What a JSON text says; Google takes null, and a false `enableUspsCass`, for nothing (UPSTREAMS.md §5.2)."""

        def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            if len(dict(pairs)) < len(pairs):
                raise ValueError("a name twice")
            is_google = self.kind == "google"
            absent = [name for name, one in pairs if one is None or (name == "enableUspsCass" and one is False)]
            return {name: one for name, one in pairs if not (is_google and name in absent)}

        try:
            return json.loads(body, parse_int=Number, parse_float=Number, object_pairs_hook=members)
        except ValueError:
            return body


class Number(NamedTuple):
    """A number as it was written."""

    text: str


def media_type(value: str) -> str:
    """Names in any case, parameters in any order unless one comes twice (RFC 9110 §5.6.6, §8.3.1)."""
    kind, *parameters = (part.strip() for part in value.split(";"))
    if kind.lower() == "application/json":  # which is UTF-8 anyhow (RFC 8259 §8.1)
        parameters = [one for one in parameters if one.lower() != "charset=utf-8"]
    if len({one.partition("=")[0].lower() for one in parameters}) == len(parameters):
        parameters.sort()
    return ";".join([kind.lower(), *parameters])


def plain(raw: str) -> str:
    """RFC 3986 §6.2.2: hex case does not matter, nor whether an unreserved character is encoded. All else does."""

    def octet(match: re.Match[str]) -> str:
        letter = chr(int(match[1], 16))
        return letter if re.fullmatch(r"[A-Za-z0-9._~-]", letter) else match[0].upper()

    return re.sub(r"%([0-9A-Fa-f]{2})", octet, raw)


def pair(part: str) -> tuple[str, str]:
    """A parameter; `;` and a `%` without two digits are read in as many ways as there are decoders."""
    if ";" in part or re.search(r"%(?![0-9A-Fa-f]{2})", part):
        return "", part
    name, equals, value = part.partition("=")
    return unquote_plus(name, errors="surrogateescape"), equals + unquote_plus(value, errors="surrogateescape")


def sample_of(case: Case) -> bytes:
    """An answer that the endpoint's model takes."""
    whole = json.dumps(EVERYTHING).encode()
    if case.route in MASKED:
        return MASKED[case.route][1]
    model = {endpoint.route: endpoint.model for endpoint in ADAPTERS[case.kind].endpoints}.get(case.route)
    if model is None:
        return whole
    try:
        model.validate_json(whole)
    except ValidationError:
        return b"[" + whole + b"]"
    return whole


async def surveying(case: Case, wishes: Mapping[str, Wish]) -> Survey:
    whole, sample = json.dumps(EVERYTHING).encode(), sample_of(case)
    async with scene(
        partial(config, case.kind), lambda target: whole if target.endswith("/users/self") else sample
    ) as there:
        first, again = await there.ask(base_of(case)), await there.ask(base_of(case))
        assert first is not None
        assert first == again, "the base request is not kept"
        return await surveyed(there, base_of(case), wishes, Reader(case.kind))


class Known(NamedTuple):
    """Where the law is broken: a pattern of `CASE | VARIATION`, and the smallest example of it."""

    reason: str
    pattern: str
    case: Case
    varied: tuple[str, ...]


DECLARED = r"(courseworks|smartystreets|google)-\w+"
KNOWN = [
    Known(
        "what a caller adds passes to `http` where its cache is declared, and is in the key only if Vary names it",
        r"http-\w+ .* \| (?!query:|path:|body:|method:|Authorization:|Cookie:|X-Api-Key:|Host:)"
        r"(?!Forwarded:|X-Forwarded-|X-Host:|X-Original-|X-Real-IP:|X-Rewrite-URL:|X_).*",
        THING,
        ("User-Agent: other/1",),
    ),
    Known(
        "lines of a field that is no list are in the key as if they were one (RFC 9110 §5.3 joins lists only)",
        r".* \| (Authorization|Content-Encoding|Cookie|Referer|X-[A-Za-z-]+): a and b on (one line|two lines)",
        BATCH,
        ("X-Include-Invalid: a and b on one line", "X-Include-Invalid: a and b on two lines"),
    ),
    Known(
        "a credential without `=` is the same principal as an empty one",
        rf"{DECLARED} .* \| query: (\S+=mine: (empty|without =)|(access_token|key)=? (before|behind))",
        ADDRESS,
        ("query: key=mine: empty", "query: key=mine: without ="),
    ),
    Known(
        "a body is in the key as JSON even where its Content-Type says it is something else",
        rf"{DECLARED} POST .* \| body: (spaced, )?as \S+",
        BATCH,
        ("body: as application/x-www-form-urlencoded", "body: spaced, as application/x-www-form-urlencoded"),
    ),
    Known(
        "`charset=utf-8` is left out of the key for other types than JSON, too",
        rf"{DECLARED} POST .* \| body: text/plain; charset=utf-8",
        BATCH,
        ("Content-Type: text/plain", "body: text/plain; charset=utf-8"),
    ),
    Known(
        "parameters of Content-Type are sorted in the key, also those that come twice",
        rf"{DECLARED} POST .* \| body: application/json; a=\d; a=\d",
        BATCH,
        ("body: application/json; a=1; a=2", "body: application/json; a=2; a=1"),
    ),
]


def is_known(case: Case, varied: str) -> bool:
    return any(re.fullmatch(known.pattern, f"{case} | {varied}") for known in KNOWN)


@pytest.mark.parametrize("case", cases(), ids=str)
def test_nobody_is_given_what_was_made_for_a_request_that_the_upstream_reads_otherwise(
    case: Case, record_property: Callable[[str, object], None]
) -> None:
    survey = asyncio.run(surveying(case, variations(case)))
    record_property("shares an entry, as it should be", sorted({asked for asked, _ in survey.given}))

    assert {breach for breach in survey.breaches if not is_known(case, breach.varied)} == set()


@pytest.mark.parametrize(
    "known",
    [pytest.param(one, id=one.reason, marks=pytest.mark.xfail(reason=one.reason, strict=True)) for one in KNOWN],
)
def test_what_is_known_to_be_broken_is_mended(known: Known) -> None:
    every = variations(known.case)
    survey = asyncio.run(surveying(known.case, {name: every[name] for name in known.varied}))

    assert survey.breaches == set()


@pytest.mark.parametrize(
    "case",
    [case for case in cases() if case.kind != "http" and (case in THOROUGH or case.upstream.endswith("-held"))],
    ids=str,
)
async def test_of_all_that_a_caller_says_only_fields_of_the_key_and_the_credential_reach_a_declared_upstream(
    case: Case,
) -> None:
    adapter, base = ADAPTERS[case.kind], base_of(case)
    places = {place.name for place in adapter.credential_places if place.where == "header"}
    keyed = {*adapter.keyed_headers} - {"etag"}  # which keeps a request to Smarty from the cache altogether
    if not base.body:
        keyed -= {"content-type"}
    crowd = strangers(base)
    for name in keyed | places:
        crowd = said(crowd, name, "other")
    async with scene(partial(config, case.kind), lambda _: sample_of(case)) as there:
        plain, crowded = await there.sight_of(base), await there.sight_of(crowd)

    assert {name.lower() for name, _ in {*plain.lines} ^ {*crowded.lines}} == (
        keyed | places if case.upstream.endswith("-own") else keyed
    )
