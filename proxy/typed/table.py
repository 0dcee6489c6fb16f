"""The table of routes. A new one stands here, and is routed, checked, documented and tried by itself."""

from proxy.typed import response_fields
from proxy.typed.address_models import Complete, Completions, Verifications, Verify
from proxy.typed.course_models import (
    Asked,
    AskedCourse,
    AskedCourses,
    AskedProfile,
    AskedRoster,
    AskedSections,
    Courses,
    OneCourse,
    OneProfile,
    Overview,
    Roster,
    Sections,
)
from proxy.typed.job_models import Job, JobResult, Jobs
from proxy.typed.routes import OF_CATALOGUE, OF_JOB, Route

NO_JOB = "an-id-of-a-job"

VERIFY = Route(
    method="POST",
    path="/v1/addresses/verify",
    summary="Verify addresses",
    description="One address or up to 1,000. Each is answered from the cache, or by the first provider that gives an "
    "answer, whatever that is: another one is asked only where no answer came. One that is malformed or cannot be had "
    "now says so itself, and the others have their results.",
    body=Verify,
    response=Verifications,
    example={
        "addresses": [
            {
                "id": "home",
                "street": "12 Example Place Apt 3",
                "city": "Sampleton",
                "state": "NY",
                "postal_code": "10099",
            },
            {"id": "envelope", "lines": ["14 Example Place", "Sampleton NY 10099"]},
        ]
    },
    problems={
        501: "No upstream that is configured can verify addresses.",
        502: "The provider refuses what is asked for, and would refuse it again.",
    },
    may_be_deferred=True,
    things=lambda body: len(body.items),
)

AUTOCOMPLETE = Route(
    method="GET",
    path="/v1/addresses/autocomplete",
    summary="Complete an address",
    description="Addresses that begin as it was typed. One that has several units says how to ask for those.",
    query=Complete,
    response=Completions,
    example={"search": "12 Exa"},
    problems={
        501: "No upstream that is configured can complete addresses.",
        502: "The provider gave no usable answer, or refused.",
    },
)

COURSES = Route(
    method="GET",
    path="/v1/courses",
    summary="Your courses",
    description="The courses of whoever's token it is: all of them, without pages.",
    query=AskedCourses,
    response=Courses,
    example={"fields": "id,name,code", "enrollment_type": "student"},
    problems=OF_CATALOGUE,
    is_tagged=True,
    fields=response_fields.READ,
    needs_token=True,
    may_be_deferred=True,
)

COURSE = Route(
    method="GET",
    path="/v1/courses/{id}",
    summary="One course",
    description="By its id at the upstream, in any form that it takes: 565, sis_course_id:….",
    query=AskedCourse,
    response=OneCourse,
    params={"id": "565"},
    problems=OF_CATALOGUE,
    is_tagged=True,
    fields=response_fields.READ,
    needs_token=True,
    may_be_deferred=True,
)

ROSTER = Route(
    method="GET",
    path="/v1/courses/{id}/roster",
    summary="Who is in a course",
    description="A row for each enrollment, without pages and without grades. Who is in two sections has two.",
    query=AskedRoster,
    response=Roster,
    example={"type": "student", "fields": "name,section_id"},
    params={"id": "565"},
    problems=OF_CATALOGUE,
    is_tagged=True,
    fields=response_fields.READ,
    needs_token=True,
    may_be_deferred=True,
)

SECTIONS = Route(
    method="GET",
    path="/v1/courses/{id}/sections",
    summary="The sections of a course",
    description="All of them, without pages.",
    query=AskedSections,
    response=Sections,
    params={"id": "565"},
    problems=OF_CATALOGUE,
    is_tagged=True,
    fields=response_fields.READ,
    needs_token=True,
    may_be_deferred=True,
)

ME = Route(
    method="GET",
    path="/v1/me",
    summary="Who you are",
    description="The person whose token it is.",
    query=AskedProfile,
    response=OneProfile,
    problems=OF_CATALOGUE,
    is_tagged=True,
    fields=response_fields.READ,
    needs_token=True,
)

OVERVIEW = Route(
    method="GET",
    path="/v1/students/{id}/overview",
    summary="A student at a glance",
    description="Profile, courses and sections, read side by side. Each part that came has its `data`, each that did "
    "not its `problem`; one with all parts has an ETag. `self` is whoever's token it is.",
    query=Asked,
    response=Overview,
    params={"id": "self"},
    problems=OF_CATALOGUE,
    is_tagged=True,
    fields=response_fields.PERHAPS_TAGGED,
    needs_token=True,
    may_be_deferred=True,
    things=lambda _body: 3,
)

JOBS = Route(
    method="GET",
    path="/v1/jobs",
    summary="Your jobs",
    description="Those that you began with the credentials that come with this request, the newest first: of the last "
    "100 those that are not forgotten yet. What each was asked, only its route tells.",
    response=Jobs,
    fields=(),
    asks_upstream=False,
    problems={503: "What is known of jobs cannot be read here just now; `Retry-After` says when to come again."},
)

JOB = Route(
    method="GET",
    path="/v1/jobs/{id}",
    summary="Where a job stands",
    description="Of a request that came with `Prefer: respond-async` and was answered with 202. Ask as you asked then: "
    "the same caller with the same credentials. `Retry-After` says when it is worth asking again.",
    response=Job,
    fields=response_fields.OF_JOB,
    asks_upstream=False,
    params={"id": NO_JOB},
    problems=OF_JOB,
)

JOB_RESULT = Route(
    method="GET",
    path="/v1/jobs/{id}/result",
    summary="A job's result",
    description="The answer that would have been given at once: its status, its header fields and its body.",
    response=JobResult,
    fields=response_fields.PERHAPS_TAGGED,
    params={"id": NO_JOB},
    statuses={200: "The answer, where that is its status.", 304: "The answer, to a request with `If-None-Match`."},
    problems={
        **dict.fromkeys((422, 429, 501, 502, 504), "The job failed, and this is what would have been said at once."),
        **OF_JOB,
        404: "There is no such job for this caller with this credential, or none any more; or that is its result.",
        409: "The job is not over; `Retry-After` says when to come again.",
        410: "There is no result: the job was cancelled or interrupted, or what it was made of was purged for good.",
    },
)

CANCEL_JOB = Route(
    method="DELETE",
    path="/v1/jobs/{id}",
    summary="Cancel a job",
    description="Nothing more is asked upstream for it. One that is over is forgotten, and its result deleted.",
    response=Job,
    fields=(),
    asks_upstream=False,
    params={"id": NO_JOB},
    statuses={200: "It is cancelled.", 204: "It was over, and is forgotten."},
    problems=OF_JOB,
)

ROUTES = (VERIFY, AUTOCOMPLETE, COURSES, COURSE, ROSTER, SECTIONS, ME, OVERVIEW, JOBS, JOB, JOB_RESULT, CANCEL_JOB)
