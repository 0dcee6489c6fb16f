"""The page at /v1: the typed routes for people, made of the same table; nothing of it comes from anywhere else."""

import json
from collections.abc import Iterable
from html import escape
from typing import Any
from urllib.parse import urlencode

from pydantic import BaseModel

from proxy.typed.routes import Route, problems_of

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
h2{border-top:1px solid #ccc;padding-top:1rem}code,pre{font:14px/1.4 ui-monospace,monospace;background:#f3f3f3}
pre{padding:.75rem;overflow:auto}table{border-collapse:collapse;width:100%}
td,th{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #eee}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}code,pre{background:#262626}}
"""


def page_of(routes: Iterable[Route]) -> str:
    """The page."""
    table = list(routes)
    listed = "".join(
        f'<li><a href="#{_anchor(one)}"><code>{escape(one.name)}</code></a> {escape(one.summary)}</li>' for one in table
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Larder: /v1</title>'
        '<meta name="viewport" content="width=device-width"><style>' + _STYLE + "</style></head><body>"
        '<h1>Larder, /v1</h1><p>Typed and provider-neutral. For programs: <a href="/openapi.json">OpenAPI 3.1</a>.</p>'
        f"<ul>{listed}</ul>" + "".join(_section(one) for one in table) + "</body></html>\n"
    )


def _section(route: Route) -> str:
    parts = [f'<h2 id="{_anchor(route)}"><code>{escape(route.name)}</code></h2><p>{escape(route.description)}</p>']
    if route.may_be_deferred:
        parts.append("<p>With <code>Prefer: respond-async</code> it is answered later, as a job.</p>")
    parts += [f"<pre>{escape(_curl(route))}</pre>"]
    for title, model in (("Query", route.query), ("Body", route.body)):
        if model is not None:
            parts.append(_models(title, model, "validation"))
    parts.append(_models("Answer", route.response, "serialization"))
    rows = "".join(
        f"<tr><td>{status}</td><td>{escape(when)}</td></tr>" for status, when in sorted(problems_of(route).items())
    )
    parts.append(f"<h3>Problems</h3><table>{rows}</table>")
    return "".join(parts)


def _curl(route: Route) -> str:
    url = f"http://127.0.0.1:8080{route.tried}"
    token = ' -H "Authorization: Bearer $TOKEN"' if route.needs_token else ""
    if route.body is None:
        query = f"?{urlencode(route.example)}" if route.example else ""
        method = "" if route.method == "GET" else f" -X {route.method}"
        return f"curl{method} '{url}{query}'{token}"
    return f"curl {url} -H 'Content-Type: application/json' -d '\n{json.dumps(route.example, indent=2)}'"


def _models(title: str, model: type[BaseModel], mode: Any) -> str:
    """A model and those that it is made of, a table each."""
    schema = model.model_json_schema(mode=mode)
    inner = [_table(name, one) for name, one in schema.get("$defs", {}).items() if "properties" in one]
    return f"<h3>{title}</h3>{_table(model.__name__, schema)}{''.join(inner)}"


def _table(name: str, schema: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code></td><td>{escape(_kind(one))}</td>"
        f"<td>{escape(str(one.get('description', '')))}</td></tr>"
        for field, one in schema.get("properties", {}).items()
    )
    about = escape(str(schema.get("description", "")))
    return f"<h4>{escape(name)}</h4><p>{about}</p><table><tr><th>field</th><th>type</th><th></th></tr>{rows}</table>"


def _kind(schema: dict[str, Any]) -> str:
    """A type in few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(str(one) for one in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return str(schema.get("format") or schema.get("type") or "anything")


def _anchor(route: Route) -> str:
    return escape(route.name.lower().replace(" ", "-").replace("/", "-").strip("-"))
