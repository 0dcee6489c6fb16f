"""The table of routes. A new one stands here, and is routed, checked, documented and tried by itself."""

from proxy.typed.address_models import Complete, Completions, Verifications, Verify
from proxy.typed.routes import Route

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
    problems={501: "No upstream that is configured can verify addresses."},
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

ROUTES = (VERIFY, AUTOCOMPLETE)
