from dataclasses import replace

import pytest

from deployzero.errors import RoutingError
from deployzero.routing.route import Route, check_host, host_rule, route_of, traefik_route

ROUTE = Route(
    "hello",
    ("hello.localhost", "www.example.com", "*.example.com"),
    (("10.208.0.2", 8000), ("10.208.0.3", 8000)),
    "v7-3f9a",
)


@pytest.mark.parametrize(
    "host",
    [
        "a`) || HostRegexp(`.*",
        "`",
        "",
        ".",
        "a..b",
        "-a.com",
        "a-.com",
        "Hello.com",
        "a b",
        "a\nb",
        "a.com\n",
        "*",
        "*.",
        "*.com",
        "*.localhost",
        "**.com",
        "*a.com",
        "*.*.com",
        "a.*.com",
        "a.com.",
        "a||b.com",
        "a.com`) || Host(`b.com",
        "Host(`b.com`)",
        "a\u3002com",
        "\uff41.com",
        "a.com\r\nx: y",
        "a.com\\",
        '"a.com"',
        "a.com:80",
        "a/b",
        "grüße.de",
        "{{ .x }}",
        "a" * 64,
        ".".join(["a" * 60] * 5),
    ],
)
def test_what_is_no_host_name_is_refused(host: str) -> None:
    with pytest.raises(RoutingError, match="not a host name"):
        check_host(host)
    with pytest.raises(RoutingError, match="not a host name"):
        Route("hello", (host,), (("10.208.0.2", 8000),), "v1")


@pytest.mark.parametrize(
    "host",
    ["deployzero.internal", "hello.proof.deployzero.internal", "*.proof.deployzero.internal",
     "*.deployzero.internal", "proxy.deployzero.internal"],
)  # fmt: skip
def test_no_app_gets_the_hosts_of_the_proxy_itself(host: str) -> None:
    with pytest.raises(RoutingError, match="the proxy's own"):
        Route("hello", ("hello.localhost", host), (("10.208.0.2", 8000),), "v1")
    check_host("notdeployzero.internal")


@pytest.mark.parametrize("app", ["", "../x", "a/b", "_proxy", "A", "a`b", "x\n"])
def test_a_bad_app_name_makes_no_route(app: str) -> None:
    with pytest.raises(RoutingError, match="bad app name"):
        Route(app, ("a.com",), (("10.208.0.2", 8000),), "v1")


def test_a_route_needs_a_host_and_a_plain_marker() -> None:
    with pytest.raises(RoutingError, match="no host"):
        Route("hello", (), (("a", 1),), "v1")
    with pytest.raises(RoutingError, match="bad marker"):
        Route("hello", ("a.com",), (("a", 1),), "v1\r\nSet-Cookie: x")


def test_a_wildcard_is_one_label_and_its_dots_are_dots() -> None:
    assert host_rule("a.com") == "Host(`a.com`)"
    assert host_rule("*.a-b.com") == r"HostRegexp(`^[a-z0-9_-]+\.a\-b\.com$`)"


def test_an_exact_host_comes_before_a_wildcard() -> None:
    routers = traefik_route(ROUTE)["http"]["routers"]
    assert routers["hello-1"]["priority"] > routers["hello-2"]["priority"]


def test_a_route_is_read_back_as_it_was_written() -> None:
    nowhere, secure = replace(ROUTE, backends=()), replace(ROUTE, tls=True)
    for route in (ROUTE, nowhere, secure):
        assert route_of(traefik_route(route)) == route
    assert route_of({"http": {}}) is None
    assert route_of(None) is None
