"""Which ref updates are refused, before any pack is read."""

from dataclasses import replace

import pytest

from deployzero.models.push import PushTarget
from deployzero.source.commands import Command, Request, deploy_branch, refusals

ZERO, ONE, TWO = b"0" * 40, b"1" * 40, b"2" * 40
LIVE = PushTarget("hello", "main", ONE.decode())


def request(*commands, shallow=False):
    return Request(tuple(Command(*c) for c in commands), (), shallow)


def refused(request, target=LIVE, told=None):
    branch = deploy_branch(target, request.commands)
    found = refusals(request, told or target, target, branch)
    return {ref: e.message for ref, e in found.items()}


@pytest.mark.parametrize(
    ("pushed", "branch"),
    [
        ([b"main"], "main"),
        ([b"master"], "master"),
        ([b"master", b"main"], "main"),
        ([b"feature"], "main"),
    ],
)
def test_deploy_branch_of_a_new_app(pushed, branch):
    commands = [Command(ZERO, ONE, b"refs/heads/" + name) for name in pushed]
    assert deploy_branch(None, commands) == branch
    assert deploy_branch(PushTarget("hello", "live", None), commands) == "live"


def test_good_push():
    assert refused(request((ONE, TWO, b"refs/heads/main"))) == {}


@pytest.mark.parametrize(
    ("ref", "word"),
    [
        (b"refs/heads/other", "only main is deployed: git push deployzero other:main"),
        (b"refs/heads/$(id)", "only main is deployed: git push deployzero HEAD:main"),
        (b"refs/notes/commits", "only branches and tags"),
        (b"refs/heads/../../x", "funny refname"),
        (b"refs/heads/a.lock", "funny refname"),
        (b"HEAD", "funny refname"),
        (b"config", "funny refname"),
        (b"refs/tags/a..b", "funny refname"),
        (b"refs/tags/a\x1b", "funny refname"),
    ],
)
def test_other_refs(ref, word):
    assert word in refused(request((ZERO, TWO, ref)))[ref]


def test_stale_old_id():
    stale = request((ZERO, TWO, b"refs/heads/main"))
    assert refused(stale) == {b"refs/heads/main": "fetch first"}
    assert refused(stale, PushTarget("hello", "main", None)) == {}


def test_an_app_that_goes_down_or_comes_back_meanwhile_is_nobody_elses_push():
    down = replace(LIVE, serves=False)
    seen = request((ONE, TWO, b"refs/heads/main"))
    blind = request((ZERO, TWO, b"refs/heads/main"))
    assert refused(seen, told=LIVE, target=down) == {}
    assert refused(blind, told=down, target=LIVE) == {}
    assert refused(blind, told=down, target=down) == {}
    other = PushTarget("hello", "main", TWO.decode())
    for pushed, told in ((seen, LIVE), (blind, down)):
        assert refused(pushed, told=told, target=other) == {b"refs/heads/main": "fetch first"}


def test_one_ref_twice():
    twice = request((ONE, TWO, b"refs/heads/main"), (ONE, TWO, b"refs/heads/main"))
    assert "named twice" in refused(twice)[b"refs/heads/main"]


def test_shallow_tags_are_refused_too():
    message = refused(request((ZERO, TWO, b"refs/tags/v1"), shallow=True))[b"refs/tags/v1"]
    assert "git fetch --unshallow" in message


def test_new_app_needs_its_branch():
    assert (
        "no such app yet" in refused(request((ZERO, TWO, b"refs/tags/v1")), None)[b"refs/tags/v1"]
    )
    both = request((ZERO, TWO, b"refs/tags/v1"), (ZERO, TWO, b"refs/heads/main"))
    assert refused(both, None) == {}
