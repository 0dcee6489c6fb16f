"""The scene: every server of the benchmark, started, warm, and stopped at the end."""

import http.client
import json
import os
import shutil
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.processes import Server, free_port, python, running
from proxy.callers.keys import make_key

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
KEY = make_key(google=False, random=os.urandom)
ASKER = {"Accept": "application/json", "X-Larder-Key": KEY.key, "Authorization": "Bearer sandbox-student-ada"}

_NGINX_CONFIG = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr;
events {{ worker_connections 512; }}
http {{
  access_log off; keepalive_requests 1000000; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream origin {{ server 127.0.0.1:{origin}; keepalive 32; keepalive_requests 1000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""


@dataclass(frozen=True)
class Pair:
    """Larder and the origin behind it."""

    origin: Server
    larder: Server
    folder: Path

    def calls(self, path: str) -> int:
        """How often the origin was asked for paths that begin so."""
        with urllib.request.urlopen(f"{self.origin.url}/_calls?at={path}", timeout=5) as response:
            return int(json.load(response)["count"])

    def set_mood(self, *, fails: bool = False, waits: float = 0.0) -> None:
        """Let the origin fail, or take so many seconds for each answer; without either it is well again."""
        with urllib.request.urlopen(f"{self.origin.url}/_mood?fails={int(fails)}&waits={waits}", timeout=5):
            pass


@dataclass(frozen=True)
class Scene(Pair):
    """The servers, by what they are."""

    passing: Server
    nginx: Server | None


def config(folder: Path, origin: str, **more: Any) -> dict[str, Any]:
    """Larder's config: a known caller, the log at info, both kinds of upstream. Ports are free ones."""
    endpoint = {"cache": {"ttl": "1s", "stale_while_revalidate": "1h"}}
    return {
        "server": {"port": free_port(), "drain": "2s"},
        "admin": {"port": free_port()},
        "store": {"durable": f"sqlite:///{folder}/larder.db", "memory": {"max_bytes": "1GiB"}},
        "log": {"level": "info", "format": "json"},
        "callers": [{"name": "bench", "key": KEY.hash}],
        "defaults": {"cache": {"ttl": "1h", "refresh_after": "1h"}},
        "upstreams": {
            "courseworks": {"base_url": origin},
            "mirror": {"adapter": "http", "base_url": origin, "endpoints": {"GET /slow/stale/{name}": endpoint}},
        },
        **more,
    }


def larder_command(path: Path) -> list[str]:
    """The command that serves with a config: `larder run`."""
    return python("proxy", "run", "--config", path)


def written(settings: Mapping[str, Any], folder: Path) -> Path:
    """The config as a file."""
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(dict(settings)), encoding="utf-8")
    return path


@contextmanager
def pair(folder: Path, upstreams: Callable[[str], dict[str, Any]] | None = None) -> Iterator[Pair]:
    """An origin and a Larder that nobody has asked anything; both stopped at the end. `upstreams`: other blocks than
    usual, given the origin's URL.
    """
    at = free_port()
    with running("origin", python("bench.stand_ins", "origin", at), at, folder / "origin.log", "/warm") as origin:
        settings = config(folder, origin.url, **({"upstreams": upstreams(origin.url)} if upstreams else {}))
        command, at = larder_command(written(settings, folder)), settings["server"]["port"]
        with running("larder", command, at, folder / "larder.log", "/-/ready") as larder:
            yield Pair(origin, larder, folder)


@contextmanager
def scene(folder: Path) -> Iterator[Scene]:
    """Everything started; everything stopped at the end."""
    with ExitStack() as stack:

        def start(name: str, command: list[str], port: int, ready: str) -> Server:
            return stack.enter_context(running(name, command, port, folder / f"{name}.log", ready))

        both = stack.enter_context(pair(folder))
        at = free_port()
        passing = start("pass-through", python("bench.stand_ins", "pass", at, both.origin.url), at, "/warm")
        nginx = None
        if NGINX is not None:
            at = free_port()
            (folder / "nginx.conf").write_text(_NGINX_CONFIG.format(folder=folder, origin=both.origin.port, port=at))
            nginx = start("nginx", [NGINX, "-e", "stderr", "-c", f"{folder}/nginx.conf"], at, "/warm")
        yield Scene(both.origin, both.larder, folder, passing, nginx)


@contextmanager
def bare_twin(stage: Scene, path: str) -> Iterator[Server]:
    """A bare aiohttp server that answers what Larder answers on `path`, with the same fields."""
    port, answer = free_port(), stage.folder / "answer.json"
    _, fields, body = ask(stage.larder, path)
    answer.write_text(json.dumps({"fields": fields, "body": body.decode()}))
    with running("bare", python("bench.stand_ins", "bare", port, answer), port, stage.folder / "bare.log", "/") as twin:
        yield twin


def ask(server: Server, path: str) -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, fields and body of one answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request("GET", path, headers=ASKER)
        response = connection.getresponse()
        return response.status, response.getheaders(), response.read()
    finally:
        connection.close()
