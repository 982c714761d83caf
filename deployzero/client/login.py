"""Signing this computer in: by a code that a person approves, or over SSH."""

import json
import os
import re
import shlex
import subprocess
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from deployzero.client.addresses import is_loopback
from deployzero.client.api import API, UnavailableError
from deployzero.errors import DeployZeroException, ForbiddenError, NotFoundError, UsageError

SSH_PORT = 2222
SSH_LIMIT = 120.0
"""Seconds; a passphrase may be asked for."""
EXPIRES_DAYS = "365"
"""As of a key that signing in by the page gives."""
TARGET = re.compile(r"(?:[A-Za-z0-9_.-]+@)?(?:[A-Za-z0-9_.-]+|[0-9a-fA-F:]+)")
AGAIN = "Start again: deployzero login"


@dataclass(frozen=True, slots=True)
class Started:
    """A login that waits for a person's word."""

    device_code: str
    user_code: str
    url: str
    """Of the page, with the code in it."""
    expires_in: float
    interval: float


@dataclass(frozen=True, slots=True)
class SSHTarget:
    user: str
    host: str
    port: int

    @property
    def ssh(self) -> str:
        return f"{self.host}:{self.port}"


def start(api: API, computer: str) -> Started:
    told = api.post("/auth/cli-logins", {"computer": computer})
    return Started(
        told["device_code"],
        told["user_code"],
        _page(api.account.server, told["verification_url_complete"]),
        float(told["expires_in"]),
        max(float(told["interval"]), 0.1),
    )


def wait(api: API, started: Started) -> str:
    """The API key, once the login is approved. A server that is away for a while is waited for.

    Raises ForbiddenError if it is refused, UsageError when it has expired.
    """
    until = time.monotonic() + started.expires_in
    while time.monotonic() < until:
        time.sleep(started.interval)
        try:
            told = api.post("/auth/cli-logins/poll", {"device_code": started.device_code})
        except UnavailableError:
            continue
        except NotFoundError:
            break
        if told["status"] == "approved":
            return str(told["credentials"]["api_key"])
        if told["status"] == "refused":
            raise ForbiddenError("the login was refused", "Whoever was asked said no.")
        if told["status"] == "expired":
            break
    raise UsageError("nobody approved the login in time", AGAIN)


def ssh_target(text: str) -> SSHTarget:
    """`ssh://deployzero@host:2222/app`, `host:2222` or `host`. Raises UsageError."""
    try:
        url = urlsplit(text if "://" in text else f"ssh://{text}")
        host, port, user = url.hostname or "", url.port, url.username or "deployzero"
    except ValueError as error:
        raise _bad_target(text) from error
    if url.scheme != "ssh" or not TARGET.fullmatch(f"{user}@{host}") or host.startswith("-"):
        raise _bad_target(text)
    return SSHTarget(user, host, port or (22 if "://" in text else SSH_PORT))


def over_ssh(target: SSHTarget, computer: str) -> dict[str, Any]:
    """A key of full scope for a year, made by the server for whoever the SSH key is: what
    `apikeys:create --json` prints. The system's ssh asks what it has to ask."""
    key = ("--name", computer, "--scope", "admin", "--expires-days", EXPIRES_DAYS)
    done = _ssh(target, "apikeys:create", *key, "--json")
    try:
        told = json.loads(done.stdout) if done.returncode == 0 else None
    except ValueError:
        told = None
    if not isinstance(told, dict) or "api_key" not in told:
        raise DeployZeroException(
            f"{target.ssh} gave no API key over SSH",
            f"What ssh said stands above. By hand: ssh -p {target.port} "
            f"{target.user}@{target.host} apikeys:create --help",
        )
    return told


def taken_back(target: SSHTarget, told: dict[str, Any]) -> bool:
    """The key that `over_ssh` has made is removed: a login that fails leaves none alive.

    By SSH, that has just worked; the API may be what does not answer.
    """
    try:
        return _ssh(target, "apikeys:remove", str(told["key"]["id"])).returncode == 0
    except (DeployZeroException, LookupError, TypeError):
        return False


def server_of(told: dict[str, Any], target: SSHTarget) -> str:
    """The URL that the server gives itself. Raises UsageError if that is of no use here."""
    found = str(told["server"]["api_url"]).rstrip("/")
    if is_loopback(urlsplit(found).hostname or "") and not is_loopback(target.host):
        raise UsageError(
            f"the server calls itself {found}, which leads nowhere from here",
            "Say where it is: deployzero login --ssh … --server URL; or set its DEPLOYZERO_DOMAIN.",
        )
    return found


def ssh_of(told_ssh: str, target: SSHTarget | None) -> str:
    """By which this computer's git remotes know the server."""
    host = told_ssh.rpartition(":")[0].strip("[]")
    if target and is_loopback(host) and not is_loopback(target.host):
        return target.ssh
    return told_ssh


def _ssh(target: SSHTarget, *words: str) -> subprocess.CompletedProcess[bytes]:
    """By the system's ssh, which asks what it has to ask. Raises DeployZeroException."""
    command = [
        *shlex.split(os.environ.get("GIT_SSH_COMMAND", "") or "ssh"),
        "-o", "ConnectTimeout=15", "-p", str(target.port), "--",
        f"{target.user}@{target.host}", shlex.join(words),
    ]  # fmt: skip
    try:
        return subprocess.run(  # noqa: S603 - the user's own ssh
            command, stdout=subprocess.PIPE, timeout=SSH_LIMIT, check=False
        )
    except FileNotFoundError as error:
        raise DeployZeroException(
            "there is no ssh on this computer", "Sign in by the page: deployzero login --server URL"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise DeployZeroException(f"{target.ssh} does not answer over SSH") from error


def _page(server: str, given: str) -> str:
    """On the server as this computer reaches it, if its own name for it leads nowhere here."""
    url = urlsplit(given)
    if url.scheme not in ("http", "https"):
        raise DeployZeroException(f"{server} names a page that is no web page")
    if is_loopback(url.hostname or "") and not is_loopback(urlsplit(server).hostname or ""):
        return f"{server}{url.path}?{url.query}"
    return given


def _bad_target(text: str) -> UsageError:
    return UsageError(
        f"bad SSH address {text[:100]!r}", "Write it so: ssh://deployzero@my.host:2222"
    )
