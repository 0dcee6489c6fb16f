"""Snippets: the providers' own SDKs pointed at Larder, ready to paste (UPSTREAMS.md §10)."""

from typing import NamedTuple

from proxy.demo.ports import Ports


class Snippet(NamedTuple):
    """A few lines of Python."""

    title: str
    code: str


def snippets_for(ports: Ports) -> tuple[Snippet, ...]:
    """One for each kind of upstream. In front of the real APIs only the credentials differ."""
    base = ports.proxy_url
    return (
        Snippet("CourseWorks: canvasapi, the base URL without /api/v1", _CANVAS.format(base=base)),
        Snippet("SmartyStreets: the whole endpoint's URL; Larder holds the credential", _SMARTY.format(base=base)),
        Snippet(
            "Google: no slash at the end; Larder holds the key, the SDK wants one that looks real",
            _GOOGLE.format(base=base),
        ),
    )


_CANVAS = """\
from canvasapi import Canvas
canvas = Canvas("{base}/courseworks", "sandbox-student-ada")
print([course.name for course in canvas.get_courses()])
"""

_SMARTY = """\
from smartystreets_python_sdk import BasicAuthCredentials, ClientBuilder
from smartystreets_python_sdk.us_street import Lookup
client = (ClientBuilder(BasicAuthCredentials("any", "any"))
          .with_base_url("{base}/smartystreets/us-street/street-address")
          .build_us_street_api_client())
lookup = Lookup(street="12 Example Pl Apt 3", city="Sampleton", state="NY")
client.send_lookup(lookup)
print([candidate.delivery_line_1 for candidate in lookup.result])
"""

_GOOGLE = """\
import googlemaps
maps = googlemaps.Client(key="AIzaAnyKeyWillDoHere", base_url="{base}/google")
print(maps.geocode("12 Example Place, Sampleton NY")[0]["formatted_address"])
"""
