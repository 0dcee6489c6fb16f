"""The invented university every sandbox starts with: the same rows, the same ids, no chance involved."""

from sandbox.canvas.records import Account, Assignment, Course, Enrollment, EnrollmentType, Section, Term, Token, User
from sandbox.canvas.world import World

CREATED = "2026-08-01T04:00:00Z"
ENROLLED = "2026-08-20T10:00:00Z"

ADMIN, TOKEN_USER, ADA, BEN, CY, DEE = 1, 7, 20064, 20065, 20070, 20071
OBSERVER, DESIGNER, ASSISTANT = 20080, 20081, 20082
FILLERS = range(21001, 21063)  # 62 students, so that the big course has pages

METHODS, COURSE_0, HIDDEN, PAST, SLASHED = 565, 100, 590, 400, 112
SMALL_COURSES = range(101, 113)

PEOPLE: tuple[tuple[int, str, str], ...] = (
    (ADMIN, "Adi Overseer", "ao0000"),
    (TOKEN_USER, "Theo Token", "tt0007"),
    (ADA, "Ada Sample", "as0001"),
    (BEN, "Ben Example", "be0002"),
    (20066, "Cal Invented", "ci0005"),
    (20067, "Dot Fictive", "df0006"),
    (20068, "Eli Imaginary", "ei0008"),
    (20069, "Fay Pretend", "fp0009"),
    (CY, "Cy Mentor", "cm0003"),
    (DEE, "Dee Lector", "dl0004"),
    (OBSERVER, "Ori Watcher", "ow0010"),
    (DESIGNER, "Dana Drafter", "dd0011"),
    (ASSISTANT, "Tam Aide", "ta0012"),
)

TOKENS = (
    Token("sandbox-token", TOKEN_USER),
    Token("sandbox-student-ada", ADA),
    Token("sandbox-student-ben", BEN),
    Token("sandbox-teacher-cy", CY),
    Token("sandbox-teacher-dee", DEE),
    Token("sandbox-observer", OBSERVER),
    Token("sandbox-designer", DESIGNER),
    Token("sandbox-admin", ADMIN),
    Token("sandbox-expired", ADA, "expired"),
    Token("sandbox-revoked", ADA, "revoked"),
    Token("sandbox-noscope", ADA, "no_scopes"),
)


def seeded_world() -> World:
    world = World()
    _accounts_and_terms(world)
    _people(world)
    _courses(world)
    _methods_roster(world)
    _other_rosters(world)
    _assignments(world)
    return world


def _accounts_and_terms(world: World) -> None:
    world.accounts = {
        1: Account(1, "Sandbox University", None, admins={ADMIN}),
        79: Account(79, "Made-up Studies", 1, admins={ADMIN}),
    }
    world.terms = {
        82: Term(82, "Spring 2026", "2026S", "2026-01-20T05:00:00Z", "2026-05-15T04:00:00Z"),
        83: Term(83, "Fall 2026", "2026F"),
    }


def _people(world: World) -> None:
    fillers = [(number, f"Student {number - 21000:02}", f"st{number}") for number in FILLERS]
    for number, name, login in (*PEOPLE, *fillers):
        first, _, last = name.partition(" ")
        world.users[number] = User(number, name, f"{last}, {first}", first, login, "2025-08-01T12:00:00-04:00")
    world.users[BEN].nicknames[METHODS] = "Methods (Tuesdays)"


def _courses(world: World) -> None:
    _course(world, METHODS, "Made-up Methods", "MADE W1001", "2026F-MADE1001", (4811, 4812))
    _course(world, COURSE_0, "Course 0", "SAND W1000", "2026F-SAND1000", (4900,))
    for number in SMALL_COURSES:
        count = number - COURSE_0
        sis = "2026F/SAND/012" if number == SLASHED else f"2026F-SAND10{count:02}"  # a slash: %2F in paths
        _course(world, number, f"Course {count}", f"SAND W10{count:02}", sis, (4900 + count,))
    _course(world, HIDDEN, "Not Yet Published", "HIDE W1000", "2026F-HIDE1000", (4950,))
    _course(world, PAST, "Last Term's Seminar", "PAST W1000", "2026S-PAST1000", (4951,))
    world.courses[HIDDEN].workflow_state = "unpublished"
    world.courses[PAST].workflow_state = "completed"
    world.courses[PAST].term_id = 82
    world.courses[METHODS].syllabus_body = "<p>Read the invented book.</p>"


def _course(world: World, number: int, name: str, code: str, sis: str, sections: tuple[int, ...]) -> None:
    world.courses[number] = Course(number, name, code, sis, 79, 83, "available", CREATED)
    for count, section in enumerate(sections, start=1):
        world.sections[section] = Section(
            section, number, f"Section {count:03}", f"{sis}-{count:03}", is_default=count == 1
        )


def _enroll(
    world: World, user: int, section: int, kind: EnrollmentType = "StudentEnrollment", state: str = "active"
) -> Enrollment:
    number = 46825 + len(world.enrollments)
    course = world.sections[section].course_id
    score = round(60 + (user * 37 + course) % 400 / 10, 1) if kind == "StudentEnrollment" else None
    row = Enrollment(number, course, section, user, kind, state, ENROLLED, ENROLLED, score)
    world.enrollments[number] = row
    return row


def _methods_roster(world: World) -> None:
    _enroll(world, ADA, 4811).score = 91.5  # enrollment 46825, the example of UPSTREAMS.md §2.3
    _enroll(world, BEN, 4812)
    _enroll(world, CY, 4811, "TeacherEnrollment")
    _enroll(world, TOKEN_USER, 4812, "TeacherEnrollment")
    _enroll(world, ASSISTANT, 4811, "TaEnrollment")
    _enroll(world, DESIGNER, 4811, "DesignerEnrollment")
    _enroll(world, OBSERVER, 4811, "ObserverEnrollment").associated_user_id = ADA
    _enroll(world, 20066, 4811)
    _enroll(world, 20067, 4811, state="invited")
    _enroll(world, 20068, 4812, state="inactive")
    _enroll(world, 20069, 4812, state="completed")
    for count, number in enumerate(FILLERS):
        _enroll(world, number, 4811 + count % 2)


def _other_rosters(world: World) -> None:
    for number in (COURSE_0, *SMALL_COURSES):
        section = 4900 + number - COURSE_0
        _enroll(world, TOKEN_USER, section, "TeacherEnrollment")
        if number > COURSE_0:
            _enroll(world, CY if number <= 106 else DEE, section, "TeacherEnrollment")
        _enroll(world, ADA, section)
        if 103 <= number <= 108:
            _enroll(world, BEN, section)
        for filler in FILLERS[:11]:
            _enroll(world, filler, section)
    for section in (4950, 4951):
        _enroll(world, CY, section, "TeacherEnrollment")
        _enroll(world, ADA, section)


def _assignments(world: World) -> None:
    counts = {METHODS: 12, COURSE_0: 3, **dict.fromkeys(SMALL_COURSES, 1)}
    for course, count in counts.items():
        for position in range(1, count + 1):
            number = 70_000 + len(world.assignments)
            due = f"2026-12-{position:02}T04:59:00Z"
            world.assignments[number] = Assignment(number, course, f"Exercise {position}", 10.0, due, position)
    world.assignments[70_011].published = False  # the last of Made-up Methods: teachers see it, students do not
