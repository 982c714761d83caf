"""The OpenAPI document as its readers see it: people at /docs, and makers of clients."""

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from deployzero.api.problems import MEDIA_TYPE, Problem

PROBLEM = {"$ref": "#/components/schemas/Problem"}
RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "A problem document: what happened, and what to do.",
        "content": {MEDIA_TYPE: {"schema": PROBLEM}},
    }
}
"""For every route."""
TAGS = {
    "account": "Yourself: registered, signed in, with a password; others by invitations.",
    "sign in": "A computer, by a code that its person approves on a page.",
    "keys": "Your API keys and SSH keys.",
    "people": "Who may sign in; for admins.",
    "projects": "The apps.",
    "deployments": "What was or is being deployed, with its log; new ones from an archive.",
    "releases": "What an app was and is, and the way back.",
    "logs": "What an app prints.",
    "processes": "How many of each run, with what limits; started, stopped, restarted.",
    "config": "The variables that apps get.",
    "domains": "The host names that an app answers to.",
    "run": "Commands that you sit at.",
    "runs": "Commands behind your back.",
    "checks": "When a web process counts as well.",
    "access": "Who may do what with an app.",
    "events": "The audit log.",
    "server": "How the server is.",
}
LISTS = {"Link": 'The next page: `<…>; rel="next"`; absent on the last one.'}
STARTS = {"Location": "Where to look how it goes on."}


def operation_id(route: APIRoute) -> str:
    """The function's name: a client generated from the document has methods of that name."""
    return route.name


def tags() -> list[dict[str, Any]]:
    return [{"name": name, "description": text} for name, text in TAGS.items()]


def describe(app: FastAPI) -> None:
    """Let `app.openapi()` give the document as it is to be. For an app that has all its routes."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _finish(make())
        return make()

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way


def _finish(document: dict[str, Any]) -> None:
    document["components"]["schemas"]["Problem"] = Problem.model_json_schema()
    for path in document["paths"].values():
        for operation in path.values():
            _summarise(operation)
            _name_headers(operation)


def _summarise(operation: dict[str, Any]) -> None:
    """The docstring's first sentence, instead of the function's name."""
    text = operation.pop("description", operation["summary"])
    first, _, rest = text.partition("\n\n")
    sentence, dot, more = " ".join(first.split()).partition(". ")
    operation["summary"] = sentence.removesuffix(".")
    if described := "\n\n".join(filter(None, [more if dot else "", rest])):
        operation["description"] = described


def _name_headers(operation: dict[str, Any]) -> None:
    paged = any(each["name"] == "cursor" for each in operation.get("parameters", ()))
    for status, response in operation["responses"].items():
        named = LISTS if paged and status == "200" else STARTS if status in ("201", "202") else {}
        if named:
            response["headers"] = {
                name: {"description": text, "schema": {"type": "string"}}
                for name, text in named.items()
            }
