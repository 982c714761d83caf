"""Requests to a server's HTTP API; what it refuses is raised with its own words and hint."""

from typing import Any

import httpx

from deployzero import __version__
from deployzero.client.accounts import Account
from deployzero.errors import DeployZeroException, NotFoundError, UnauthenticatedError

TIMEOUT = httpx.Timeout(60.0, connect=10.0)
AGENT = f"deployzero/{__version__}"
CLASSES: dict[int, type[DeployZeroException]] = {401: UnauthenticatedError, 404: NotFoundError}


class API:
    """One server, as one user. Use it as a context manager: it holds connections."""

    def __init__(self, account: Account, transport: httpx.BaseTransport | None = None) -> None:
        self.account = account
        headers = {"User-Agent": AGENT}
        if account.api_key:
            headers["X-API-Key"] = account.api_key
        self.http = httpx.Client(
            base_url=account.server, headers=headers, timeout=TIMEOUT, transport=transport
        )

    def __enter__(self) -> "API":
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def get(self, path: str, **rest: Any) -> Any:
        """The answer's JSON. rest: httpx's own. Raises DeployZeroException."""
        return self.request("GET", path, **rest).json()

    def post(self, path: str, json: Any = None, **rest: Any) -> Any:
        """The same; None for an empty answer."""
        answer = self.request("POST", path, json=json, **rest)
        return answer.json() if answer.content else None

    def every(self, path: str, most: int = 1000, **rest: Any) -> list[Any]:
        """A list, over all its pages."""
        found: list[Any] = []
        next_page: str | None = path
        while next_page and len(found) < most:
            answer = self.request("GET", next_page, **rest)
            found += answer.json()
            next_page = answer.links.get("next", {}).get("url")
            rest.pop("params", None)  # the link has them
        return found[:most]

    def request(self, method: str, path: str, **rest: Any) -> httpx.Response:
        try:
            answer = self.http.request(method, path, **rest)
        except httpx.HTTPError as error:
            raise unreachable(self.account.server, error) from error
        check(answer)
        return answer


def check(answer: httpx.Response) -> None:
    """Raise what the server's problem document says; its body must have been read."""
    if answer.is_success:
        return
    try:
        told = answer.json()
        message, hint, output = told["detail"], told["hint"], told["output"]
    except (ValueError, KeyError, TypeError):
        raise DeployZeroException(
            f"{answer.url.host} answered {answer.status_code} {answer.reason_phrase}",
            "Is it a deployzero server? Its API is at http://api.<domain>, or on its API_PORT.",
        ) from None
    raise CLASSES.get(answer.status_code, DeployZeroException)(message, hint, output)


def unreachable(server: str, error: httpx.HTTPError) -> DeployZeroException:
    return DeployZeroException(
        f"{server} does not answer: {str(error) or type(error).__name__}",
        "Is the server up, and is this its address? `deployzero login --server URL` sets another.",
    )
