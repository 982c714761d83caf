"""Server URLs as people type them."""

import pytest

from deployzero.client.addresses import in_the_clear, reachable_host, server_url
from deployzero.errors import UsageError


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("api.my.host", "https://api.my.host"),
        ("API.my.host:8443/", "https://api.my.host:8443"),
        ("http://api.my.host", "http://api.my.host"),
        ("localhost:8081", "http://localhost:8081"),
        ("127.0.0.1:8081", "http://127.0.0.1:8081"),
        ("[::1]:8081", "http://[::1]:8081"),
        ("api.localhost:8080", "http://api.localhost:8080"),
        (" https://localhost ", "https://localhost"),
    ],
)
def test_without_a_scheme_https_is_meant_but_for_this_machine(typed: str, meant: str) -> None:
    assert server_url(typed) == meant


@pytest.mark.parametrize(
    "typed",
    ["", "https://", "ftp://x", "https://u:p@x", "https://x/path", "x:port", "https://x?a=1",
     "http://[::1", "https://a b"],
)  # fmt: skip
def test_what_is_no_server_is_refused_with_an_example(typed: str) -> None:
    with pytest.raises(UsageError, match="bad server URL") as error:
        server_url(typed)
    assert "https://api.my.host" in error.value.hint


def test_only_plain_http_to_another_machine_is_in_the_clear() -> None:
    assert in_the_clear("http://api.my.host")
    assert in_the_clear("http://10.0.0.1:8081")
    assert not in_the_clear("http://api.localhost:8080")
    assert not in_the_clear("http://127.0.0.1:8081")
    assert not in_the_clear("http://[::1]:8081")
    assert not in_the_clear("https://api.my.host")


def test_a_localhost_name_that_does_not_resolve_is_loopback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: object) -> None:
        raise OSError

    monkeypatch.setattr("socket.getaddrinfo", fails)
    assert reachable_host("api.localhost") == "127.0.0.1"
    assert reachable_host("my.host") == "my.host"
    monkeypatch.setattr("socket.getaddrinfo", lambda *_: [])
    assert reachable_host("api.localhost") == "api.localhost"
