"""A route: which hosts go to which containers, as a value and as Traefik's configuration."""

import re
from dataclasses import dataclass
from typing import Any

from deployzero.errors import RoutingError

RELEASE_HEADER = "X-Deployzero-Release"
"""Every answer carries it, so that anybody can see which release gave it."""
INTERNAL = "deployzero.internal"
"""The proxy itself answers below it; no app may."""
PROOF_DOMAIN = f"proof.{INTERNAL}"
LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
HOST = re.compile(rf"(\*\.{LABEL}\.)?{LABEL}(\.{LABEL})*")
"""A wildcard has two names after it at least: none may have all of `*.com`."""
APP = re.compile(LABEL)
MARKER = re.compile(r"[A-Za-z0-9._-]{1,64}")
EXACT, WILDCARD = 1000, 100
"""Priorities: by Traefik's own, the longer rule, a wildcard would win over another's host."""
REDIRECT, ALWAYS = 5000, 10000
"""The way from HTTP to HTTPS, and what the proxy itself answers on both."""


@dataclass(frozen=True, slots=True)
class Route:
    """All of what one app answers to. Refuses, with a RoutingError, any unsafe name."""

    app: str
    hosts: tuple[str, ...]
    """Lower case; `*.example.com` for every name right below example.com."""
    backends: tuple[tuple[str, int], ...]
    """Address and port of each container; none: the proxy answers 503."""
    marker: str
    """Distinguishes this version of the route from every other, e.g. `v7-3f9a`."""
    tls: bool = False
    """Its backend, the API on this machine, speaks TLS."""

    def __post_init__(self) -> None:
        if not APP.fullmatch(self.app):
            raise RoutingError(f"bad app name for a route: {self.app!r}", "This is a bug.")
        if not MARKER.fullmatch(self.marker):
            raise RoutingError(f"bad marker for a route: {self.marker!r}", "This is a bug.")
        for host in self.hosts:
            check_host(host)
        if not self.hosts:
            raise RoutingError(f"the route of {self.app} has no host", "This is a bug.")


def check_host(host: str) -> None:
    """Raises RoutingError unless it is a plain or wildcard host name.

    A backtick would end the string in Traefik's rule, and could so capture every host.
    """
    if len(host) > 253 or not HOST.fullmatch(host):
        raise RoutingError(
            f"not a host name: {host!r}",
            "Write it in lower case, as in www.example.com or *.example.com; "
            "an international name in its xn-- form.",
        )
    if f".{host}".endswith(f".{INTERNAL}"):
        raise RoutingError(f"{host} is the proxy's own", "Choose another domain.")


def host_rule(host: str) -> str:
    """Traefik's matcher for a checked host."""
    check_host(host)
    if not host.startswith("*."):
        return f"Host(`{host}`)"
    return f"HostRegexp(`^[a-z0-9_-]+\\.{re.escape(host[2:])}$`)"


def proof_host(app: str) -> str:
    """The proxy itself answers there, with the marker, without bothering the app."""
    return f"{app}.{PROOF_DOMAIN}"


def traefik_route(route: Route) -> dict[str, Any]:
    """The dynamic configuration of one app. All names in it begin with the app's."""
    app, scheme = route.app, "https" if route.tls else "http"
    through = {"service": app, "middlewares": [f"{app}-release", f"{app}-retry"]}
    routers: dict[str, Any] = {
        f"{app}-{number}": {
            "rule": host_rule(host),
            "priority": WILDCARD if host.startswith("*.") else EXACT,
            **through,
        }
        for number, host in enumerate(route.hosts)
    }
    routers[f"{app}-proof"] = {
        "rule": f"Host(`{proof_host(app)}`)",
        "priority": ALWAYS,
        "service": "ping@internal",
        "middlewares": [f"{app}-release"],
    }
    return {
        "http": {
            "routers": routers,
            "services": {
                app: {
                    "loadBalancer": {
                        "passHostHeader": True,
                        "serversTransport": API_TRANSPORT if route.tls else TRANSPORT,
                        "servers": [{"url": f"{scheme}://{a}:{p}"} for a, p in route.backends],
                    }
                }
            },
            "middlewares": {
                f"{app}-release": {
                    "headers": {"customResponseHeaders": {RELEASE_HEADER: route.marker}}
                },
                f"{app}-retry": {"retry": {"attempts": 3, "initialInterval": "20ms"}},
            },
        }
    }


TRANSPORT, API_TRANSPORT = "deployzero", "deployzero-api"
"""How the proxy talks to containers, and to the API over TLS; defined once, see static_config."""


def route_of(config: Any) -> Route | None:
    """The route that a file says; None when it is not one of ours."""
    try:
        http = config["http"]
        ((app, service),) = http["services"].items()
        header = http["middlewares"][f"{app}-release"]["headers"]["customResponseHeaders"]
        urls = [server["url"] for server in service["loadBalancer"]["servers"]]
        pairs = [url.partition("://")[2].rpartition(":") for url in urls]
        rules = [r["rule"] for n, r in http["routers"].items() if n != f"{app}-proof"]
        return Route(
            app,
            tuple(_host_of(rule) for rule in rules),
            tuple((address, int(port)) for address, _, port in pairs),
            header[RELEASE_HEADER],
            service["loadBalancer"]["serversTransport"] == API_TRANSPORT,
        )
    except (KeyError, TypeError, ValueError, AttributeError, RoutingError):
        return None


def _host_of(rule: str) -> str:
    host = rule.partition("`")[2].rpartition("`")[0]
    if rule.startswith("HostRegexp"):
        return "*." + host.partition("\\.")[2].removesuffix("$").replace("\\", "")
    return host
