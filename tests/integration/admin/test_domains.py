"""Domains over SSH: who may have which name, and what is refused with which reason."""

import asyncio
import dataclasses
import json
import time

import pytest

from deployzero.errors import ConflictError, RoutingError, UsageError
from deployzero.models.access import Role
from deployzero.models.domains import normalise
from deployzero.operations import domains
from deployzero.routing.route import Route, check_host, host_rule
from deployzero.settings import Settings
from deployzero.store import access

HOSTILE = {
    "www.victim.com`": "`",
    "x`) || Host(`victim.localhost": "blanks",
    "x`)||Host(`victim.localhost": "`",
    "Host(`victim.localhost`)": "`",
    "a.com||b.com": "|",
    "a.com&&b.com": "&",
    '"a.com"': '"',
    "'a.com'": "'",
    "a.com\\": "\\",
    "{{.Host}}.com": "{",
    "a b.com": "blanks",
    "a.com\nb.com": "control characters",
    "a.com\r\nX-Victim; x": "control characters",
    "a.com\x00": "control characters",
    "a\u200b.com": "control characters",
    "\uff56ictim.com": "U+FF56",
    "victim\u3002com": "U+3002",
    "victim\uff0ecom": "U+FF0E",
    "xn--.com": "no international name",
    "xn--victim-.com": "international name",
    "https://a.com": "scheme",
    "a.com/x": "path",
    "a.com:80": "port",
    "me@a.com": "user",
    "[::1]": "IP address",
    "*": "stands alone",
    "*.com": "two names",
    "*.*.com": "stands alone",
    "a.*.com": "stands alone",
    "*a.com": "stands alone",
    "**.a.com": "stands alone",
    "a..com": "nothing between",
    ".a.com": "nothing between",
    "a.com..": "nothing between",
    "-a.com": "begins or ends",
    "a_b.com": "only letters",
    "a" * 64 + ".com": "63 characters",
    ".".join(["a" * 60] * 5): "253 characters",
    "*.localhost": "two names",
    "victim.proof.deployzero.internal": "reserved",
    "*.proof.deployzero.internal": "reserved",
    "*.deployzero.internal": "reserved",
    "": "empty",
}
"""Refused by the route too, whatever came before it."""
PLAIN = {
    "victim.localhost": "server's own",
    "VICTIM.LOCALHOST.": "server's own",
    "x.victim.localhost": "server's own",
    "*.victim.localhost": "server's own",
    "api.localhost": "server's own",
    "localhost": "two names",
    "intranet": "two names",
    "127.0.0.1": "IP address",
    "127.1": "IP address",
    "0x7f.1": "IP address",
    "xn--0.com": "no international name",
}
"""Harmless in a rule: only the operation knows that they are not the app's to have."""


REFUSED = HOSTILE | PLAIN


@pytest.fixture
async def apps(admin):
    """alice owns hello and other, bob owns victim."""
    alice, bob = await admin.person("alice"), await admin.person("bob")
    for name, owner in (("hello", alice), ("other", alice), ("victim", bob)):
        await admin.app(name, owner)
    return {"alice": alice, "bob": bob}


async def names(admin, app):
    answer = await admin.run("root", f"domains {app} --json")
    return [row["name"] for row in json.loads(answer.out) if row["kind"] != "own"]


async def test_names_are_added_in_their_one_form_and_shown_in_both(admin, apps):
    answer = await admin.run(
        "alice", "domains:add hello WWW.Example.COM. www.example.com '*.example.org' grüße.de"
    )
    assert answer.code == 0, answer.err
    assert answer.out.count("www.example.com") == 2  # added, and what DNS needs
    assert "grüße.de (xn--gre-6ka8l.de)" in answer.out
    assert "In force once hello runs." in answer.out
    assert "CNAME record for each to this server's address" in answer.out
    assert await names(admin, "hello") == ["*.example.org", "www.example.com", "xn--gre-6ka8l.de"]
    shown = (await admin.run("alice", "domains:report hello")).out
    assert "hello.localhost" in shown
    assert "grüße.de" in shown
    again = await admin.run("alice", "domains:add hello xn--gre-6ka8l.de hello.localhost")
    assert (again.code, again.out.startswith("Nothing to change")) == (0, True)


async def test_remove_set_and_clear(admin, apps):
    await admin.run("alice", "domains:add hello a.example.com b.example.com")
    wrong = await admin.run("alice", "domains:remove hello a.example.com c.example.com")
    assert wrong.code == 1
    assert "hello has no domain c.example.com" in wrong.err
    own = await admin.run("alice", "domains:remove hello hello.localhost")
    assert "hello's own and stays" in own.err
    assert await names(admin, "hello") == ["a.example.com", "b.example.com"]
    await admin.run("alice", "domains:remove hello A.example.com")
    answer = await admin.run("alice", "domains:set hello c.example.com b.example.com --json")
    assert [row["name"] for row in json.loads(answer.out)] == [
        "hello.localhost", "b.example.com", "c.example.com",
    ]  # fmt: skip
    answer = await admin.run("alice", "domains:clear hello")
    assert "Removed b.example.com" in answer.out
    assert await names(admin, "hello") == []


@pytest.mark.parametrize(("name", "why"), REFUSED.items(), ids=map(ascii, REFUSED))
def test_hostile_names_are_refused_by_operation_and_by_route(name, why):
    with pytest.raises(UsageError) as caught:
        domains._normalised(Settings(), "hello", [name])
    assert why in caught.value.message
    assert "\n" not in caught.value.message
    if name in HOSTILE:
        with pytest.raises(RoutingError):
            Route("hello", ("hello.localhost", name), (("10.0.0.1", 80),), "v1")


def test_a_huge_name_is_refused_before_anything_reads_it():
    began = time.process_time()
    for name in ("xn--" + "9b" * 65_000, "ü" * 130_000, "a." * 65_000, "xn--" + "9b" * 400):
        with pytest.raises(UsageError, match="longer than"):
            normalise(name)
    assert time.process_time() - began < 0.5


async def test_all_or_none_and_nothing_of_a_refused_name_is_stored(admin, apps):
    answer = await admin.run("alice", "domains:add hello good.example.com 'x`) || Host(`b.com'")
    assert answer.code == 1
    assert "bad domain" in answer.err
    assert await names(admin, "hello") == []


def test_whatever_is_normalised_is_one_plain_rule():
    for text in ("Example.COM.", "*.Grüße.de", "faß.de", "xn--gre-6ka8l.de", "a-b.c-d.org"):
        name = normalise(text)
        check_host(name)
        assert normalise(name) == name
        assert host_rule(name).count("`") == 2


async def test_one_owner_a_name_and_no_word_of_who(admin, apps):
    await admin.run("bob", "domains:add victim www.example.com '*.example.org'")
    for name, why in (
        ("www.example.com", "www.example.com is in use by another app"),
        ("WWW.example.com.", "www.example.com is in use by another app"),
        ("*.example.com", "*.example.com overlaps with a domain of another app"),
        ("x.example.org", "x.example.org overlaps with a domain of another app"),
    ):
        for command in ("domains:add", "domains:set"):
            answer = await admin.run("alice", f"{command} hello '{name}'")
            assert answer.code == 1
            assert why in answer.err
            assert "victim" not in answer.err
    assert await names(admin, "hello") == []
    free = await admin.run(
        "alice", "domains:add hello x.y.example.org '*.y.example.org' example.org"
    )
    assert free.code == 0, free.err


async def test_who_may_change_both_apps_may_split_a_wildcard(admin, apps):
    await admin.run("alice", "domains:add hello '*.example.com'")
    assert (await admin.run("alice", "domains:add other www.example.com")).code == 0
    taken = await admin.run("alice", "domains:add other '*.example.com'")
    assert "*.example.com is in use by hello" in taken.err
    assert "domains:remove hello *.example.com" in taken.err


async def test_a_viewer_of_the_other_app_learns_its_name_and_no_more(admin, apps):
    project = await admin.app("seen", apps["bob"])
    async with admin.platform.database.begin() as session:
        await access.give(session, project.id, apps["alice"].id, Role.VIEWER)
    await admin.run("bob", "domains:add seen '*.example.com'")
    answer = await admin.run("alice", "domains:add hello www.example.com")
    assert answer.code == 1
    assert "overlaps with *.example.com, a domain of seen" in answer.err


async def test_two_at_once_never_both_get_a_name(admin, apps):
    async def attempt(user, app, name):
        try:
            await domains.add(admin.platform, apps[user], app, [name])
        except ConflictError:
            return False
        return True

    for number in range(10):
        exact, wildcard = f"a.d{number}.example.com", f"*.d{number}.example.com"
        won = await asyncio.gather(
            attempt("alice", "hello", exact), attempt("bob", "victim", wildcard)
        )
        assert sorted(won) == [False, True]


async def test_a_hundred_and_no_more(admin, apps):
    many = " ".join(f"n{number}.example.com" for number in range(100))
    assert (await admin.run("alice", f"domains:add hello {many}")).code == 0
    answer = await admin.run("alice", "domains:add hello one.example.com")
    assert "100 domains at most" in answer.err
    assert len(await names(admin, "hello")) == 100


async def test_a_wildcard_over_the_servers_own_domain_is_refused(admin, apps):
    settings = admin.platform.settings.model_copy(update={"domain": "apps.example.com"})
    platform = dataclasses.replace(admin.platform, settings=settings)
    for name in ("*.example.com", "apps.example.com", "x.apps.example.com", "*.apps.example.com"):
        with pytest.raises(UsageError, match="server's own"):
            await domains.add(platform, apps["alice"], "hello", [name])
    done = await domains.add(
        platform, apps["alice"], "hello", ["hello.apps.example.com", "example.com"]
    )
    assert done.added == ("example.com",)
    assert done.server == "apps.example.com"


async def test_roles(admin, apps):
    await admin.person("eve")
    assert "there is no app hello" in (await admin.run("eve", "domains hello")).err
    for verb in ("add", "remove", "set"):
        answer = await admin.run("eve", f"domains:{verb} hello a.example.com")
        assert "there is no app hello" in answer.err
    assert "there is no app hello" in (await admin.run("eve", "domains:clear hello")).err
