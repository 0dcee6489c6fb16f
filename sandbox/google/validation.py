"""Address Validation: the request checked, the address judged part by part, the answer built (UPSTREAMS.md §5.2)."""

from __future__ import annotations

from enum import IntEnum
from uuid import UUID

from aiohttp import web

from sandbox.google.judging import judge
from sandbox.google.messages import Message
from sandbox.google.rpc import RpcCall, Schema, invalid, read_body, session_token

MAX_ADDRESS_LENGTH = 280
REGIONS = {"", "US", "PR", "CA", "FR", "DE", "GB", "MX"}  # Google has more; these are enough to refuse the others
_MASKED = ("*", "result", "responseId")


class Conclusion(IntEnum):
    VALIDATION_CONCLUSION_UNSPECIFIED = 0
    VALIDATED_VERSION_USED = 1
    USER_VERSION_USED = 2
    UNVALIDATED_VERSION_USED = 3
    UNUSED = 4


ADDRESS: Schema = {
    "revision": int,
    "regionCode": str,
    "languageCode": str,
    "postalCode": str,
    "sortingCode": str,
    "administrativeArea": str,
    "locality": str,
    "sublocality": str,
    "addressLines": [str],
    "recipients": [str],
    "organization": str,
}
REQUEST: Schema = {
    "address": ADDRESS,
    "previousResponseId": str,
    "enableUspsCass": bool,
    "sessionToken": str,
    "languageOptions": {"returnEnglishLatinAddress": bool},
}
FEEDBACK: Schema = {"conclusion": Conclusion, "responseId": str}


def validate_address(call: RpcCall) -> web.Response:
    """RpcError: 400 for a bad request, or what a trouble street brings."""
    message = read_body(call.body, REQUEST)
    address = message.get("address", {})
    _check_address(address)
    token = session_token(message.get("sessionToken", ""))
    if any(path[0] not in _MASKED for path in call.mask):
        raise invalid("Request contains an invalid argument.", "fields")
    call.check(" ".join(address["addressLines"]))
    call.state.meter.validated(call.consumer, token)
    result = judge(address, uses_cass=message.get("enableUspsCass", False))
    return call.reply({"result": result, "responseId": call.state.next_response_id()})


def provide_feedback(call: RpcCall) -> web.Response:
    """Free, and answered with nothing. RpcError: 400 without a conclusion or a response id."""
    message = read_body(call.body, FEEDBACK)
    conclusion: Conclusion = message.get("conclusion", Conclusion.VALIDATION_CONCLUSION_UNSPECIFIED)
    if conclusion is Conclusion.VALIDATION_CONCLUSION_UNSPECIFIED:
        raise invalid("Conclusion must be specified.", "conclusion")
    try:
        UUID(message.get("responseId", ""))
    except ValueError as error:
        raise invalid("Response ID is missing or not valid.", "response_id") from error
    call.check("")
    call.state.feedback(conclusion.name)
    return call.reply({})


def _check_address(address: Message) -> None:
    lines = [line for line in address.get("addressLines", []) if line.strip()]
    if not lines:
        raise invalid("Address lines missing from request.", "address.address_lines")
    if address.get("regionCode", "").upper() not in REGIONS:
        raise invalid(f"Unsupported region code: '{address['regionCode']}'.", "address.region_code")
    named = ("regionCode", "postalCode", "sortingCode", "administrativeArea", "locality", "sublocality")
    length = sum(map(len, lines)) + sum(len(address.get(name, "")) for name in named)
    if length > MAX_ADDRESS_LENGTH:
        raise invalid(f"Address is longer than {MAX_ADDRESS_LENGTH} characters.", "address")
