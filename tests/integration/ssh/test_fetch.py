"""Clone and fetch, by git and by dulwich, with stock git as the client."""

import pytest

from deployzero.source import upload_pack


@pytest.fixture(params=["git", "dulwich"])
def served_by(request, monkeypatch):
    if request.param == "dulwich":
        monkeypatch.setattr(upload_pack, "git_program", lambda: None)
    return request.param


@pytest.mark.parametrize("version", ["0", "2"])
async def test_clone_checks_out_what_is_live(server, client, served_by, version):
    await client.repository(branch="master")
    await client.commit("folder/file", "x")
    await client.ok("push", "deployzero", "master")
    clone = client.home / "clone"
    out = await client.git(
        *("-c", f"protocol.version={version}", "clone", client.url("hello"), str(clone)),
        cwd=client.home,
    )
    assert out.code == 0, out.err
    assert (clone / "folder/file").read_text() == "x"
    assert await client.ok("symbolic-ref", "HEAD", cwd=clone) == "refs/heads/master"


async def test_fetch_gets_new_commits_and_tags(server, client, served_by):
    await client.repository()
    await client.ok("push", "deployzero", "main")
    clone = client.home / "clone"
    await client.ok("clone", "-q", client.url("hello"), str(clone), cwd=client.home)
    new = await client.commit("index.html", "two")
    await client.ok("tag", "-a", "v2", "-m", "two")
    await client.ok("push", "deployzero", "main", "v2")
    await client.ok("fetch", "-q", "--tags", cwd=clone)
    assert await client.ok("rev-parse", "origin/main", "v2^{}", cwd=clone) == f"{new}\n{new}"


async def test_shallow_clone(server, client, served_by):
    await client.repository()
    await client.commit("index.html", "two")
    await client.ok("push", "deployzero", "main")
    clone = client.home / "clone"
    await client.ok("clone", "-q", "--depth=1", client.url("hello"), str(clone), cwd=client.home)
    assert await client.ok("rev-list", "--count", "HEAD", cwd=clone) == "1"


async def test_clone_of_an_app_that_does_not_serve_is_empty(server, client, served_by):
    await server.platform.create_app(client.user, "hello", "main")
    out = await client.git("clone", client.url("hello"), "clone", cwd=client.home)
    assert out.code == 0, out.err
    assert "empty repository" in out.err


async def test_only_what_is_live_is_advertised_whatever_is_on_disk(server, client, served_by):
    await client.repository()
    first = await client.ok("rev-parse", "HEAD")
    await client.ok("push", "deployzero", "main")
    await client.commit("index.html", "two")
    await client.ok("push", "deployzero", "main")
    app = server.platform.apps["hello"]
    app.target = type(app.target)("hello", "main", first)
    assert await client.remote_refs() == {"HEAD": first, "refs/heads/main": first}
