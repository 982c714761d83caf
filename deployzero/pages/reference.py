"""/docs: the API's reference, from its OpenAPI document, as a plain page that needs no network."""

import json
from typing import Any

from fastapi import FastAPI
from markupsafe import Markup
from starlette.responses import Response

from deployzero.pages.page import page
from deployzero.pages.rendering import environment, render
from deployzero.pages.visit import Visit

Schema = dict[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")
DEEPEST = 6
"""Levels of an example that are filled in."""


async def show(visit: Visit) -> Response:
    door: FastAPI = visit.request.app
    if not hasattr(door.state, "reference"):  # the same for everybody, and much work
        door.state.reference = _reference(door.openapi())
    return render(visit, "reference.html", reference=door.state.reference)


def _reference(document: Schema) -> Markup:
    """All but the frame that every page has."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, operations in document["paths"].items():
        for method in METHODS:
            if method in operations:
                shown = _operation(document, method, path, operations[method])
                groups.setdefault(shown["tag"], []).append(shown)
    about = {tag["name"]: tag.get("description", "") for tag in document.get("tags", ())}
    template = environment.get_template("operations.html")
    return Markup(template.render(info=document["info"], groups=groups, about=about))  # noqa: S704 - escaped by it


def _operation(document: Schema, method: str, path: str, operation: Schema) -> dict[str, Any]:
    body = operation.get("requestBody", {})
    content = next(iter(body.get("content", {}).items()), None)
    return {
        "tag": next(iter(operation.get("tags", ())), "other"),
        "id": f"{method}{path}".replace("{", "").replace("}", "").replace("/", "-"),
        "method": method.upper(),
        "path": path,
        "summary": operation.get("summary", ""),
        "description": operation.get("description", ""),
        "public": not operation.get("security"),
        "parameters": [_parameter(document, each) for each in operation.get("parameters", ())],
        "body_type": content[0] if content else "",
        "fields": _fields(document, content[1].get("schema", {})) if content else [],
        "example": _example_text(document, content) if content else "",
        "answers": _answers(document, operation.get("responses", {})),
    }


def _parameter(document: Schema, parameter: Schema) -> dict[str, Any]:
    return {
        "name": parameter["name"],
        "in": parameter["in"],
        "required": parameter.get("required", False),
        "type": _type(document, parameter.get("schema", {})),
        "description": parameter.get("description", ""),
    }


def _fields(document: Schema, schema: Schema) -> list[dict[str, Any]]:
    found = _resolved(document, schema)
    if choices := found.get("anyOf"):  # or null
        found = _resolved(document, choices[0])
    required = found.get("required", ())
    return [
        {
            "name": name,
            "in": "body",
            "required": name in required,
            "type": _type(document, each),
            "description": _resolved(document, each).get("description", ""),
        }
        for name, each in found.get("properties", {}).items()
    ]


def _answers(document: Schema, responses: Schema) -> list[dict[str, str]]:
    """Those that are no error, with an example."""
    found = []
    for status, response in responses.items():
        if status.startswith("2") or status == "101":
            content = response.get("content", {}).get("application/json")
            example = _example_text(document, ("application/json", content)) if content else ""
            told = {"status": status, "description": response.get("description", "")}
            found.append({**told, "example": example})
    return found


def _example_text(document: Schema, content: tuple[str, Schema]) -> str:
    kind, described = content
    if "json" not in kind or not described.get("schema"):
        return ""
    return json.dumps(_example(document, described["schema"]), indent=2, ensure_ascii=False)


def _example(document: Schema, schema: Schema, depth: int = 0) -> Any:
    found = _resolved(document, schema)
    if examples := found.get("examples"):
        return examples[0]
    if "default" in found:
        return found["default"]
    if "const" in found or "enum" in found:
        return found.get("const", next(iter(found.get("enum", ())), None))
    if depth >= DEEPEST:
        return None
    if choices := found.get("anyOf") or found.get("oneOf"):
        return _example(document, choices[0], depth + 1)
    if found.get("type") == "object" and "properties" in found:
        properties = found["properties"].items()
        return {name: _example(document, each, depth + 1) for name, each in properties}
    if found.get("type") == "array":
        return [_example(document, found.get("items", {}), depth + 1)]
    plain = {"string": "text", "integer": 1, "number": 0.5, "boolean": True, "object": {}}
    if found.get("format") == "date-time":
        return "2026-11-23T04:00:00Z"
    return plain.get(found.get("type", ""))


def _type(document: Schema, schema: Schema) -> str:
    found = _resolved(document, schema)
    if choices := found.get("anyOf") or found.get("oneOf"):
        return " or ".join(dict.fromkeys(_type(document, each) for each in choices))
    if found.get("type") == "array":
        return f"list of {_type(document, found.get('items', {}))}"
    if "enum" in found:
        return " | ".join(str(each) for each in found["enum"])
    return str(found.get("format") or found.get("title" if "properties" in found else "type", ""))


def _resolved(document: Schema, schema: Schema) -> Schema:
    """What a $ref names, with what stands beside it."""
    for _ in range(10):
        if "$ref" not in schema:
            break
        found: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = {**found, **{k: v for k, v in schema.items() if k != "$ref"}}
    return schema


ROUTES = (page("/docs", show, public=True),)
