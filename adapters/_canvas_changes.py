"""What a change in Canvas takes with it: the tags to purge, whether a notification or a write told (UPSTREAMS.md §3.5).

An object (`course:565`) and the lists that hold it (`in:course:565`) are apart. Entries whose path did not tell whose
they are carry `course:unknown:roster` and the like, so every purge of a collection reaches those too. A change that
does not say what it is about purges a wider tag: `tenant` (courses, sections, rosters), `tenant:users`,
`tenant:assignments`, `tenant:grades` or `tenant:accounts` (what belongs to an account, whose ancestors nobody names).
"""

from collections.abc import Iterable

from adapters._canvas_ids import Ids

UNKNOWN = "unknown"
TENANT = "tenant"
ALL_USERS = "tenant:users"
ALL_ASSIGNMENTS = "tenant:assignments"
ALL_GRADES = "tenant:grades"
ALL_ACCOUNTS = "tenant:accounts"
EVERYTHING = frozenset({TENANT, ALL_USERS, ALL_ASSIGNMENTS, ALL_GRADES, ALL_ACCOUNTS})

COLLECTIONS = {
    "course": ("roster", "sections", "assignments", "grades", "groups", "syllabus"),
    "section": ("roster",),
    "user": ("courses", "enrollments", "groups"),
    "account": ("courses", "users", "terms", "accounts"),
}

WIDER = {
    "course": frozenset({TENANT, ALL_ASSIGNMENTS, ALL_GRADES}),
    "section": frozenset({TENANT}),
    "user": frozenset({TENANT, ALL_USERS, f"user:{UNKNOWN}"}),
    "account": frozenset({TENANT, ALL_USERS, ALL_ACCOUNTS}),
    "assignment": frozenset({ALL_ASSIGNMENTS}),
    "enrollment": frozenset({TENANT}),
}


def objects(kind: str, ids: Iterable[str]) -> set[str]:
    """Tags of the objects themselves."""
    return {f"{kind}:{one}" for one in ids}


def holders(kind: str, ids: Iterable[str]) -> set[str]:
    """Tags of the lists that hold them."""
    return {f"in:{kind}:{one}" for one in ids}


def collections(kind: str, ids: Iterable[str], *names: str) -> set[str]:
    """Tags to purge for collections that belong to an object, with those of which nobody knows whose they are."""
    return {f"{kind}:{one}:{name}" for one in (*ids, UNKNOWN) for name in names}


def enrollment_changed(enrollments: Ids = (), users: Ids = (), courses: Ids = (), sections: Ids = ()) -> set[str]:
    """A person came into a course, left it or changed there; `users` or `courses` not known: all rosters and lists."""
    tags = (
        {f"user:{UNKNOWN}"}
        | objects("enrollment", enrollments)
        | objects("course", courses)  # total_students
        | objects("section", sections)
        | collections("course", courses, "roster")
        | collections("section", sections, "roster")
        | collections("user", users, "courses", "enrollments")
    )
    return tags if users and courses else tags | {TENANT}


def someone_in_course_changed(enrollments: Ids, courses: Ids) -> set[str]:
    """An enrollment of a known course changed, but nobody knows whose: every list that holds the course goes."""
    return (
        {f"user:{UNKNOWN}"}
        | objects("enrollment", enrollments)
        | objects("course", courses)
        | holders("course", courses)
        | collections("course", courses, "roster")
        | collections("section", (), "roster")
        | collections("user", (), "courses", "enrollments")
    )


def course_changed(courses: Ids, accounts: Ids = (), *, is_gone: bool = False) -> set[str]:
    """A course was made, renamed, published, concluded or deleted (`is_gone`: the last two)."""
    tags = objects("course", courses) | holders("course", courses) | collections("account", accounts, "courses")
    if is_gone:
        tags |= collections("course", courses, "roster", "sections", "assignments", "grades")
    return tags if courses else tags | {TENANT}


def section_changed(sections: Ids, courses: Ids, crosslisted_from: Ids = ()) -> set[str]:
    """A section was made, changed or cross-listed; that moves people between courses, so their lists change too."""
    both = (*courses, *crosslisted_from)
    tags = (
        objects("section", sections)
        | holders("section", sections)
        | collections("section", sections, "roster")
        | collections("course", both, "sections", "roster")
    )
    if crosslisted_from:
        tags |= holders("course", both)
    return tags if courses else tags | {TENANT}


def user_changed(users: Ids, accounts: Ids = (), *, is_gone: bool = False) -> set[str]:
    """A person's name or login changed, or the person went (`is_gone`)."""
    tags = objects("user", users) | holders("user", users) | collections("account", accounts, "users")
    if is_gone:
        tags |= collections("user", users, "courses", "enrollments")
    return tags if users else tags | {TENANT, ALL_USERS}


def assignments_changed(assignments: Ids, courses: Ids) -> set[str]:
    """Assignments, their groups or their overrides changed."""
    tags = objects("assignment", assignments) | collections("course", courses, "assignments")
    return tags if courses else tags | {ALL_ASSIGNMENTS}


def grades_changed(students: Ids, courses: Ids) -> set[str]:
    """Something was handed in or graded: scores stand in enrollments, course lists and assignments."""
    tags = collections("course", courses, "grades") | collections("user", students, "enrollments")
    return tags if courses else tags | {ALL_GRADES}


def groups_changed(users: Ids, courses: Ids) -> set[str]:
    """A group or its members changed."""
    return collections("course", courses, "groups") | collections("user", users, "groups")


def account_changed(accounts: Ids) -> set[str]:
    """An account was made or changed; lists of accounts belong to nobody in particular."""
    return objects("account", accounts) | holders("account", accounts) | collections("account", (), "accounts")


def everything_of(kind: str, ids: Ids) -> set[str]:
    """All that could be about an object, for changes nobody has a rule for."""
    tags = objects(kind, ids) | holders(kind, ids) | collections(kind, ids, *COLLECTIONS.get(kind, ()))
    return tags if ids else tags | WIDER.get(kind, EVERYTHING)
