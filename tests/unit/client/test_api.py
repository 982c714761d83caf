"""Requests reach a server by name, and say what it says when it refuses."""

import json

import httpx
import pytest

from deployzero.client.accounts import Account
from deployzero.client.api import API, UnavailableError
from deployzero.errors import (
    ConflictError,
    DeployZeroException,
    ForbiddenError,
    NotFoundError,
    UnauthenticatedError,
    UsageError,
)

from .conftest import Handler, Serve


def answering(answer: httpx.Response) -> API:
    transport = httpx.MockTransport(lambda _: answer)
    return API(Account("https://my.host", "dz_key"), transport)


def test_localhost_names_are_reached_where_nothing_resolves_them(serve: Serve) -> None:
    port = serve(lambda asked: asked.send(json.dumps(asked.headers["Host"])))
    with API(Account(f"http://api.localhost:{port}", "k")) as api:
        assert api.get("/") == f"api.localhost:{port}"


def test_no_proxy_is_asked_about_this_machine(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    port = serve(lambda asked: asked.send("1"))
    for host in ("127.0.0.1", "localhost", "api.localhost"):
        with API(Account(f"http://{host}:{port}", "k")) as api:
            assert api.get("/") == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, UnauthenticatedError), (403, ForbiddenError), (404, NotFoundError),
        (409, ConflictError), (422, DeployZeroException), (503, UnavailableError),
    ],
)  # fmt: skip
def test_a_problem_is_raised_with_its_hint(status: int, kind: type[DeployZeroException]) -> None:
    told = {"detail": "no", "hint": "do this", "output": ["line"]}
    with pytest.raises(kind) as error, answering(httpx.Response(status, json=told)) as api:
        api.get("/")
    assert (error.value.message, error.value.hint, error.value.detail) == (
        "no", "do this", ("line",)
    )  # fmt: skip


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(404, text="404 page not found"), httpx.Response(200, text="<html>"),
     httpx.Response(500, json=[1]), httpx.Response(400, json={"detail": "x"})],
)  # fmt: skip
def test_what_is_no_server_of_ours_is_asked_about(answer: httpx.Response) -> None:
    with pytest.raises(DeployZeroException) as error, answering(answer) as api:
        api.get("/")
    assert "Is it a deployzero server?" in error.value.hint


def test_a_gateway_without_its_server_may_be_asked_again() -> None:
    with pytest.raises(UnavailableError) as error, answering(httpx.Response(502, text="B")) as api:
        api.get("/")
    assert "the server restarts, or is down" in error.value.message
    assert "Is it a deployzero server?" not in error.value.hint


def test_no_key_follows_a_redirect() -> None:
    to = httpx.Response(308, headers={"Location": "https://elsewhere:8443/projects"})
    with pytest.raises(UsageError) as error, answering(to) as api:
        api.get("/projects")
    assert error.value.hint == "deployzero login --server https://elsewhere:8443"


def test_a_server_that_is_away_is_named() -> None:
    says = r"http://127\.0\.0\.1:1 does not answer"
    api = API(Account("http://127.0.0.1:1", "k"))
    with api, pytest.raises(UnavailableError, match=says) as error:
        api.get("/")
    assert "login --server" in error.value.hint


def test_pages_are_followed_and_to_no_other_host() -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        if "cursor" in str(request.url):
            return httpx.Response(200, json=[2])
        link = '<https://evil.example/projects?cursor=x&limit=1>; rel="next"'
        return httpx.Response(200, json=[1], headers={"Link": link})

    with API(Account("https://my.host", "k"), httpx.MockTransport(answer)) as api:
        assert api.every("/projects", params={"limit": 1}) == [1, 2]
    assert asked[1] == "https://my.host/projects?cursor=x&limit=1"


def test_a_stream_says_what_is_wrong_too(serve: Serve) -> None:
    def answer(asked: Handler) -> None:
        asked.send(json.dumps({"detail": "gone", "hint": "", "output": []}), 404)

    api = API(Account(f"http://127.0.0.1:{serve(answer)}", "k"))
    with api, pytest.raises(NotFoundError, match="gone"), api.stream("GET", "/"):
        pass
