"""A domain of one's own, live at once; and nobody gets at another app's requests by one."""

import json
import re
import threading

import httpx
import pytest
from daemon import Daemon, commit

HOSTILE = [
    "www.example.net`) || Host(`victim.localhost",
    "x`)||Host(`victim.localhost",
    "x`)||HostRegexp(`.*",
    "Host(`victim.localhost`)",
    "victim.localhost",
    "VICTIM.LOCALHOST",
    "victim.localhost.",
    "victim.localhost.\n",
    "x.example.net\nvictim.localhost",
    "x.example.net\r\nHost: victim.localhost",
    "*.localhost",
    "*",
    "*.*",
    "**.localhost",
    "victim\u3002localhost",
    "victim\uff0elocalhost",
    "\uff56ictim.localhost",
    "victim\u200b.localhost",
    "xn--victim-.localhost",
    "api.localhost",
    "localhost",
    "{{env `HOME`}}.example.net",
    "x.example.net:80",
    "127.0.0.1",
    "proxy.deployzero.internal",
    "victim.proof.deployzero.internal",
    "*.proof.deployzero.internal",
    "own.example.com",
    "OWN.example.com.",
    "*.example.com",
    "any.example.org",
    "xn--bcher-kva.example",
    "b\u00fccher.example",
]


def get(server: Daemon, host: str) -> str:
    with httpx.Client(trust_env=False, timeout=10) as client:
        answer = client.get(f"http://127.0.0.1:{server.http_port}/", headers={"Host": host})
    return answer.text if answer.status_code == 200 else str(answer.status_code)


def saying(repo, text):
    """The same app, answering this instead of its greeting."""
    source = (repo / "app.py").read_text()
    return commit(repo, {"app.py": re.sub(r'else "\w+"', f'else "{text}"', source)})


@pytest.fixture
def destroyed(admin):
    """Names of apps that go at the end."""
    names = []
    yield names
    for name in names:
        admin.ssh("apps:destroy", name, "--force")


def test_a_domain_is_live_at_once_and_the_old_host_never_stops(server, admin, repo, destroyed):
    destroyed.append("shop")
    admin.ssh("apps:create", "shop")
    early = admin.ssh("domains:add", "shop", "early.example.com")
    assert "In force once shop runs" in early.out
    assert admin.push(repo, "shop").code == 0
    assert get(server, "early.example.com") == "hello"
    assert get(server, "www.shop.example") == "404"

    stop, answers = threading.Event(), []

    def ask():
        with httpx.Client(trust_env=False, timeout=10) as client:
            while not stop.is_set():
                url = f"http://127.0.0.1:{server.http_port}/"
                answers.append(client.get(url, headers={"Host": "shop.localhost"}).status_code)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        done = admin.ssh(
            "domains:add", "shop", "WWW.shop.example.", "'*.shop.example'", "bücher.example"
        )
        assert done.code == 0, done.err
        assert "In force once" not in done.out
        for host in ("www.shop.example", "WWW.Shop.Example", "any.shop.example"):
            assert get(server, host) == "hello", host
        assert get(server, "xn--bcher-kva.example") == "hello"
        assert get(server, "a.b.shop.example") == "404"
        assert admin.ssh("domains:set", "shop", "www.shop.example").code == 0
        assert get(server, "any.shop.example") == "404"
        assert get(server, "early.example.com") == "404"
        assert get(server, "www.shop.example") == "hello"
        assert admin.ssh("domains:clear", "shop").code == 0
        assert get(server, "www.shop.example") == "404"
    finally:
        stop.set()
        asking.join()
    assert set(answers) == {200}
    assert len(admin.ssh("releases", "shop").out.splitlines()) == 2  # its heading, and v1


def test_no_domain_captures_another_apps_requests(server, admin, new_person, repo, destroyed):
    mallory = new_person("mallory")
    destroyed += ["victim", "mallorys"]
    assert admin.push(saying(repo, "victim"), "victim").code == 0
    own = ("own.example.com", "'*.example.org'", "bücher.example")
    assert admin.ssh("domains:add", "victim", *own).code == 0
    assert mallory.push(saying(repo, "captured"), "mallorys").code == 0
    for number, name in enumerate(HOSTILE):
        command = ("domains:add", "domains:set")[number % 2]
        done = mallory.ssh(command, "mallorys", f"'{name}'")
        assert done.code == 1, (name, done.out)
        assert "victim's" not in done.err
    assert len(json.loads(mallory.ssh("domains", "mallorys", "--json").out)) == 1
    hosts = ["victim.localhost", "VICTIM.localhost", "own.example.com", "Own.Example.Com",
             "any.example.org", "xn--bcher-kva.example"]  # fmt: skip
    assert [get(server, host) for host in hosts] == ["victim"] * len(hosts)
    others = ["victim.localhost.", "x.example.net", "api.localhost", "localhost",
              "nobody.localhost", "proxy.deployzero.internal", "victim.proof.deployzero.internal",
              "x.victim.localhost",
              "a.any.example.org", "127.0.0.1"]  # fmt: skip
    assert "captured" not in [get(server, host) for host in others]
    assert get(server, "mallorys.localhost") == "captured"
