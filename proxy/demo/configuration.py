"""The demo's own config: every window small enough that a person can watch it happen."""

from pathlib import Path
from typing import Any

import yaml

from proxy.demo.ports import HOST, Ports

TOKEN_VARIABLE = "LARDER_ADMIN_TOKEN"  # noqa: S105 - the name of a variable, not its value

REFRESH_AFTER = 1.5  # seconds
TTL = 4.0
BREAKER_WINDOW = 3.0  # shorter than TTL: when entries are old, the calls that brought them count no more
COOLDOWN = 2.0

CACHE = {
    "ttl": f"{TTL:g}s",
    "refresh_after": f"{REFRESH_AFTER:g}s",
    "stale_while_revalidate": "0s",
    "stale_if_error": "24h",
    "settle": "0s",
}
ROUTES = ("GET /api/v1/courses", "GET /api/v1/courses/{course}")


def demo_config(ports: Ports, folder: Path) -> dict[str, Any]:
    """config.yaml for the tour, in front of the sandbox; what it keeps lies in `folder`."""
    return {
        "server": {"host": HOST, "port": ports.proxy, "drain": "2s"},
        "admin": {"host": HOST, "port": ports.admin, "token": f"${{{TOKEN_VARIABLE}}}"},
        "store": {"durable": f"sqlite:///{folder}/larder.db"},
        "log": {"format": "json"},
        "defaults": {
            "breaker": {"window": f"{BREAKER_WINDOW:g}s", "minimum_calls": 3, "cooldown": f"{COOLDOWN:g}s"},
            "cache": {"settle": "0s"},
        },
        "upstreams": _upstreams(ports.sandbox_url),
        "webhooks": {
            "canvas": {
                "kind": "canvas-live-events",
                "upstream": "courseworks",
                "jwks_url": f"{ports.sandbox_url}/_sandbox/jwks",
                "issuer": "https://live-events.canvas.instructure.com",
                "root_account_uuid": "VicSandboxRootAccountUuid000000000000001",
            }
        },
    }


def _upstreams(sandbox_url: str) -> dict[str, Any]:
    return {
        "courseworks": {
            "base_url": f"{sandbox_url}/courseworks",
            "endpoints": {route: {"cache": dict(CACHE)} for route in ROUTES},
        },
        "smartystreets": {
            "base_url": f"{sandbox_url}/smartystreets/{{api}}",
            "credential": {"auth_id": "sandbox-id", "auth_token": "sandbox-token"},
        },
        "google": {
            "base_url": f"{sandbox_url}/google",
            "credential": {"key": "AIzaSandboxKey"},
            "terms_accepted": ["google-maps-platform 2026-06-10"],
        },
    }


def write_config(ports: Ports, folder: Path) -> Path:
    """The config as a file, as `larder run --config` reads it."""
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(demo_config(ports, folder), sort_keys=False), encoding="utf-8")
    return path
