"""Who asks, and what Canvas lets them see."""

from collections.abc import Callable

from aiohttp import web

from sandbox.canvas import answers
from sandbox.canvas.parameters import Given
from sandbox.canvas.records import Course, Token, User
from sandbox.canvas.settings import CanvasSettings
from sandbox.canvas.state import State
from sandbox.canvas.world import World

STAFF = frozenset({"TeacherEnrollment", "TaEnrollment"})  # see grades, e-mail and SIS ids
DESIGNING = STAFF | {"DesignerEnrollment"}  # see what is unpublished
EXPIRED_AT = "2026-10-01T00:00:00Z"


def presented_token(request: web.Request, given: Given) -> str | None:
    """The access token as the caller sent it: Bearer, or the discouraged parameter."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip()
    return given.one("access_token")


def authenticated(presented: str | None, state: State) -> Token:
    """Raises Refused in the form that tells a dead token from a missing permission (UPSTREAMS.md §2.6)."""
    if not presented:
        raise answers.no_token()
    token = state.tokens.get(presented)
    if token is None:
        raise answers.bad_token()
    if token.state == "expired":
        raise answers.bad_token("Expired access token.", expired_at=EXPIRED_AT)
    if token.state == "revoked":
        raise answers.bad_token("Revoked access token.")
    if token.state == "no_scopes":
        raise answers.insufficient_scopes()
    return token


def acting_user(token: Token, given: Given, world: World) -> int:
    """The token's own user, or the one an admin masquerades as."""
    raw = given.one("as_user_id")
    if raw is None:
        return token.user_id
    user = world.user(raw, token.user_id)
    if user is None or (user.id != token.user_id and not world.is_admin(token.user_id)):
        raise answers.Refused(401, answers.message("Invalid as_user_id"))
    return user.id


class Reader:
    """The user a request acts as, against the rows it sees."""

    def __init__(self, world: World, user_id: int, settings: CanvasSettings, clock: Callable[[], float]) -> None:
        self.world = world
        self.user_id = user_id
        self.settings = settings
        self.clock = clock
        self.is_admin = world.is_admin(user_id)

    def refusal(self) -> answers.Refused:
        return answers.not_permitted(403 if self.settings.api_auth_error_updates else 401)

    def roles_in(self, course_id: int) -> set[str]:
        return {row.type for row in self.world.membership(self.user_id, course_id)}

    def is_staff_in(self, course_id: int) -> bool:
        return self.is_admin or bool(self.roles_in(course_id) & STAFF)

    def may_design(self, course_id: int) -> bool:
        return self.is_admin or bool(self.roles_in(course_id) & DESIGNING)

    def sees(self, course: Course) -> bool:
        if self.may_design(course.id):
            return course.workflow_state != "deleted"
        return bool(self.roles_in(course.id)) and course.workflow_state in ("available", "completed")

    def observes(self, user_id: int) -> bool:
        return any(row.associated_user_id == user_id for row in self.world.enrollments_of(self.user_id))

    def knows(self, user: User) -> bool:
        """Whether the user's own pages may be read: one's own, an observed one's, a student's by their teacher."""
        if self.is_admin or user.id == self.user_id or self.observes(user.id):
            return True
        return any(self.is_staff_in(row.course_id) for row in self.world.enrollments_of(user.id))

    def require(self, *, allowed: bool) -> None:
        if not allowed:
            raise self.refusal()

    def course(self, raw: str) -> Course:
        course = self.world.course(raw)
        if course is None:
            raise answers.not_found()
        self.require(allowed=self.sees(course))
        return course

    def user(self, raw: str) -> User:
        user = self.world.user(raw, self.user_id)
        if user is None:
            raise answers.not_found()
        return user
