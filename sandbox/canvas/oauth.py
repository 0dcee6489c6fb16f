"""`/login/oauth2/token`: tokens for codes and refresh tokens, never cacheable (UPSTREAMS.md §2.1)."""

from aiohttp import web

from sandbox.canvas import answers
from sandbox.canvas.parameters import read
from sandbox.canvas.records import Token
from sandbox.canvas.seed import ADA, BEN
from sandbox.canvas.state import State

LIFETIME = 3600  # seconds
CLIENT_ID, CLIENT_SECRET = "10000000000001", "sandbox-client-secret"
CODES = {"sandbox-code-ada": ADA, "sandbox-code-ben": BEN}
REFRESH = {"sandbox-refresh-ada": ADA, "sandbox-refresh-ben": BEN}


async def token_endpoint(request: web.Request, state: State) -> web.Response:
    """POST makes a token, DELETE logs out."""
    given = await read(request)
    if request.method == "DELETE":
        presented = request.headers.get("authorization", "").partition(" ")[2]
        if state.tokens.pop(presented, None) is None:
            return answers.rendered_refusal(answers.bad_token())
        return answers.uncacheable({})
    if request.method != "POST":
        return answers.rendered_refusal(answers.not_found())
    if (given.one("client_id"), given.one("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
        return _refused("invalid_client", "unknown client", 401)
    match given.one("grant_type"):
        case "authorization_code":
            code = given.one("code") or ""
            return _granted(state, CODES.get(code), refresh=code.replace("code", "refresh"))
        case "refresh_token":
            # A refresh keeps the old refresh token: none is in the answer.
            return _granted(state, REFRESH.get(given.one("refresh_token") or ""), refresh=None)
        case _:
            return _refused("unsupported_grant_type", "The grant_type you requested is not currently supported", 400)


def _refused(code: str, text: str, status: int) -> web.Response:
    return answers.uncacheable({"error": code, "error_description": text}, status)


def _granted(state: State, user_id: int | None, refresh: str | None) -> web.Response:
    if user_id is None:
        return _refused("invalid_grant", "authorization_code not found", 400)
    value = f"sandbox-granted-{state.next_event()}"
    state.tokens[value] = Token(value, user_id)
    user = {"id": user_id, "name": state.primary.users[user_id].name}
    shown = {"access_token": value, "token_type": "Bearer", "user": user, "expires_in": LIFETIME}
    if refresh is not None:
        shown["refresh_token"] = refresh
    return answers.uncacheable(shown)
