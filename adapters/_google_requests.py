"""What a request to Google asks: of which API, the same as which other, and whether it may be cached (§5.2–§5.4)."""

from typing import Any
from urllib.parse import unquote

from adapters._answers import canonical_content_type
from adapters._exchanges import NOT_JSON, Query, Sent
from adapters._json import Number, canonical_json, is_too_rich, strict_json

# https://cloud.google.com/apis/docs/system-parameters: what may stand in any query.
CREDENTIAL = frozenset({"key", "client", "signature", "access_token", "oauth_token", "userProject", "$userProject"})
TUNNELS = frozenset({"$ct", "$httpHeaders", "$httpMethod", "$req"})  # another request than the one that is seen
# Billing sessions and correction sequences: such an answer belongs to its chain (§5.2, §9).
CHAINS = frozenset({"sessionToken", "session_token", "sessiontoken", "previousResponseId", "previous_response_id"})
MASKS = frozenset({"fields", "$fields"})
LINES = "addressLines"  # a list: text in its place is an error to Google, so it stays one
SPELLED = frozenset({"postalCode", "administrativeArea", "locality", "sublocality", LINES})
CASS = ("enableUspsCass", "enable_usps_cass")


def api_of(path: str) -> tuple[str, str] | None:
    """Which host a path belongs to; nothing is dropped (§10: the three hosts' paths do not collide)."""
    plain = unquote(path)
    if plain.startswith("/maps/"):
        return "maps", path
    if plain in ("/v1:validateAddress", "/v1:provideValidationFeedback"):
        return "addressvalidation", path
    if plain == "/v1/places" or plain.startswith(("/v1/places/", "/v1/places:")):
        return "places", path
    return None


def canonical_query(query: Query) -> Query:
    """Without the credential, ordered by name; repeated names keep their order, and a field mask has none within."""
    kept = ((name, _mask(value) if name in MASKS and value else value) for name, value in query)
    return tuple(sorted((pair for pair in kept if pair[0] not in CREDENTIAL), key=lambda pair: pair[0]))


def canonical_body(body: bytes) -> bytes:
    """One spelling of a request in proto3 JSON: null means absent, and so does a false `enableUspsCass`."""
    return canonical_json(body, _without_defaults)


def canonical_header(name: str, value: str) -> str:
    """The value of a keyed header as it stands in the key."""
    if name == "x-goog-fieldmask":
        return _mask(value)
    return canonical_content_type(value) if name == "content-type" else value


def enabled_api(sent: Sent) -> str:
    """The API that a request goes to: a key is enabled, and used up, for each by itself (§5.2, §5.5)."""
    parts = sent.path.split("/")
    return "/".join(parts[: 4 if parts[1:2] == ["maps"] else 3]).partition(":")[0]


def bypass(sent: Sent) -> bool:
    """Whether a request belongs to a session or a correction sequence; a body that is not read may, and so may one
    that the query holds.
    """
    if any(name in TUNNELS or (name in CHAINS and value) for name, value in sent.query):
        return True
    if not sent.body:
        return False
    body = NOT_JSON if is_too_rich(sent.body) else strict_json(sent.body)
    if body is NOT_JSON:
        return True
    return isinstance(body, dict) and any(body.get(name) not in (None, "") for name in CHAINS & body.keys())


def canonical_validation(body: bytes) -> bytes:
    """The same of an address: spelled with other case and spaces it is the same one (§5.2)."""
    return canonical_json(body, _with_plain_address)


def _with_plain_address(value: Any) -> Any:
    value = _without_defaults(value)
    if not isinstance(value, dict):
        return value
    options = value.get("languageOptions")
    if isinstance(options, dict) and options.get("returnEnglishLatinAddress") is False:
        kept = {name: option for name, option in options.items() if name != "returnEnglishLatinAddress"}
        value = {name: kept if name == "languageOptions" else member for name, member in value.items()}
    if value.get("languageOptions") == {}:  # another empty thing is an error to Google, so it stays one
        del value["languageOptions"]
    address = value.get("address")
    return value if not isinstance(address, dict) else {**value, "address": _spelled(address)}


def _spelled(address: dict[str, Any]) -> dict[str, Any]:
    """An address in one spelling; a field without text is none."""
    plain = {name: _plain(member) if name in SPELLED else member for name, member in address.items()}
    return {name: member for name, member in plain.items() if member != "" or name not in SPELLED - {LINES}}


def _plain(member: Any) -> Any:
    """Text only: a number there is an error to Google, so it stays one."""
    if isinstance(member, list):
        return [_plain(line) for line in member]
    is_text = isinstance(member, str) and not isinstance(member, Number)
    return " ".join(member.split()).lower() if is_text else member


def _mask(value: str) -> str:
    """A field mask is a set of paths (§5.4)."""
    return value if "(" in value else ",".join(sorted(value.split(",")))


def _without_defaults(value: Any) -> Any:
    if isinstance(value, dict):
        value = {name: member for name, member in value.items() if name not in CASS or member is not False}
    return _without_nulls(value)


def _without_nulls(value: Any) -> Any:
    """In objects only: a null in a list is an error to Google, so it stays one."""
    if isinstance(value, dict):
        return {name: _without_nulls(member) for name, member in value.items() if member is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value
