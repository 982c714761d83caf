"""Requests to a server's HTTP API; what it refuses is raised with its own words and hint."""

import contextlib
import ssl
from collections.abc import Iterator
from typing import Any

import httpx

from deployzero import __version__
from deployzero.client.accounts import Account
from deployzero.client.addresses import reachable_host
from deployzero.errors import (
    ConflictError,
    DeployZeroException,
    ForbiddenError,
    NotFoundError,
    UnauthenticatedError,
    UsageError,
)

TIMEOUT = httpx.Timeout(60.0, connect=10.0)
AGENT = f"deployzero/{__version__}"
CLASSES: dict[int, type[DeployZeroException]] = {
    401: UnauthenticatedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
}
IS_IT_OURS = "Is it a deployzero server? Its API is at api.<domain>, or on its API_PORT."


RESTARTING = "Try again in a moment. If it stays so: is deployzero up on its machine?"


class UnavailableError(DeployZeroException):
    """The server does not answer, or not now: the same request may succeed later."""


class AwayError(UnavailableError):
    """Nothing of ours answers there: it restarts, or the way to it is broken."""


class API:
    """One server, as one user. Use it as a context manager: it holds connections."""

    def __init__(self, account: Account, transport: httpx.BaseTransport | None = None) -> None:
        self.account = account
        headers = {"User-Agent": AGENT}
        if account.api_key:
            headers["X-API-Key"] = account.api_key
        verify = trust(account.server)
        own = _Loopback(verify=verify)
        hosts = ("localhost", "*.localhost", "127.0.0.1", "[::1]")
        self.http = httpx.Client(
            base_url=account.server,
            headers=headers,
            timeout=TIMEOUT,
            verify=verify,
            transport=transport,
            # No proxy of the environment is asked about this machine.
            mounts=None if transport else {f"all://{host}": own for host in hosts},
        )

    def __enter__(self) -> "API":
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def get(self, path: str, **rest: Any) -> Any:
        """The answer's JSON. rest: httpx's own. Raises DeployZeroException."""
        return _content(self.request("GET", path, **rest))

    def post(self, path: str, json: Any = None, **rest: Any) -> Any:
        """The same; None for an empty answer."""
        return _content(self.request("POST", path, json=json, **rest))

    def put(self, path: str, json: Any = None, **rest: Any) -> Any:
        return _content(self.request("PUT", path, json=json, **rest))

    def patch(self, path: str, json: Any = None, **rest: Any) -> Any:
        return _content(self.request("PATCH", path, json=json, **rest))

    def delete(self, path: str, **rest: Any) -> Any:
        return _content(self.request("DELETE", path, **rest))

    def every(self, path: str, most: int = 1000, **rest: Any) -> list[Any]:
        """A list, over all its pages."""
        found: list[Any] = []
        next_page: str | None = path
        while next_page and len(found) < most:
            answer = self.request("GET", next_page, **rest)
            found += _content(answer)
            link = answer.links.get("next", {}).get("url")
            next_page = httpx.URL(link).raw_path.decode() if link else None  # no other host's
            rest.pop("params", None)  # the link has them
        return found[:most]

    def request(self, method: str, path: str, **rest: Any) -> httpx.Response:
        """Raises UnavailableError; DeployZeroException with what the server says."""
        with self._answering():
            answer = self.http.request(method, path, **rest)
        check(answer)
        return answer

    @contextlib.contextmanager
    def stream(self, method: str, path: str, **rest: Any) -> Iterator[httpx.Response]:
        """An answer to be read as it comes; raises the same, while it is read too."""
        with self._answering(), self.http.stream(method, path, **rest) as answer:
            if not answer.is_success:
                answer.read()
            check(answer)
            yield answer

    @contextlib.contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except httpx.HTTPError as error:
            raise unreachable(self.account.server, error) from error


class _Loopback(httpx.HTTPTransport):
    """Reaches `*.localhost` where the system does not resolve it."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        address = reachable_host(host)
        if address != host:  # the header Host stays
            request = httpx.Request(
                request.method,
                request.url.copy_with(host=address),
                headers=request.headers,
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": host},
            )
        return super().handle_request(request)


def trust(server: str) -> ssl.SSLContext:
    """The system's authorities beside certifi's, or SSL_CERT_FILE's: a server may have its own.

    Reading them takes a while: for an http:// server there are none.
    """
    if not server.startswith("https:"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context = httpx.create_ssl_context()
    context.load_default_certs()
    return context


def check(answer: httpx.Response) -> None:
    """Raise what the server's problem document says; its body must have been read."""
    if answer.is_success:
        return
    if answer.is_redirect:
        raise _moved(answer)
    try:
        told = answer.json()
        message, hint, output = told["detail"], told["hint"], told["output"]
    except (ValueError, KeyError, TypeError):
        said = f"{answer.url.host} answered {answer.status_code} {answer.reason_phrase}"
        if answer.status_code in (502, 503, 504):  # its proxy's
            raise AwayError(f"{said}: the server restarts, or is down", RESTARTING) from None
        raise DeployZeroException(said, IS_IT_OURS) from None
    if answer.status_code == 503:
        raise UnavailableError(message, hint, output)
    raise CLASSES.get(answer.status_code, DeployZeroException)(message, hint, output)


def unreachable(server: str, error: httpx.HTTPError) -> DeployZeroException:
    why = str(error) or type(error).__name__
    hint = (
        "Is the server up, and is this its address? `deployzero login --server URL` sets another."
    )
    if "CERTIFICATE_VERIFY_FAILED" in why:
        hint = "If its certificate is your own: SSL_CERT_FILE=<its PEM file> deployzero …"
    return AwayError(f"{server} does not answer: {why}", hint)


def _content(answer: httpx.Response) -> Any:
    if not answer.content:
        return None
    try:
        return answer.json()
    except ValueError as error:
        raise DeployZeroException(
            f"{answer.url.host} answered something other than JSON", IS_IT_OURS
        ) from error


def _moved(answer: httpx.Response) -> UsageError:
    """No key goes where an answer in the clear says."""
    to = answer.headers.get("Location", "")[:200]
    try:
        target = answer.url.join(to)
        base = f"{target.scheme}://{target.netloc.decode()}"
    except httpx.InvalidURL:
        base = "URL"
    return UsageError(
        f"{answer.url.host} says that it is at {to}", f"deployzero login --server {base}"
    )
