"""An archive over SSH: live as a push is, and in git ever after. Large ones, over HTTP too."""

import io
import os
import tarfile
from pathlib import Path

import httpx
import pytest
from daemon import commit, head, repository, wait_until


def tar(files, *more):
    """As `tar -c app` has it."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, content in [*((f"app/{k}", v.encode()) for k, v in files.items()), *more]:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return made.getvalue()


@pytest.fixture
def says(repo):
    """The small app's files, answering this."""
    files = {path.name: path.read_text() for path in repo.iterdir() if path.is_file()}

    def make(text):
        return {**files, "app.py": files["app.py"].replace('"hello"', f'"{text}"')}

    return make


@pytest.fixture
def archived(admin):
    assert admin.ssh("apps:create", "archived").code == 0
    yield "archived"
    admin.ssh("apps:destroy", "archived", "--force")


def test_an_archive_is_live_and_git_pull_brings_it(server, admin, archived, says, tmp_path):
    done = admin.ssh(
        "git:from-archive", archived, "-m", "'Version one'", stdin=tar(says("one")), limit=120
    )
    assert done.code == 0, done.out + done.err
    assert "Live: http://archived.localhost" in done.out
    assert server.get(archived).text == "one"

    clone = tmp_path / "clone"
    assert server.git(tmp_path, "clone", "-q", server.remote(archived), str(clone)).returncode == 0
    log = server.git(clone, "log", "-1", "--format=%an %s", "main").stdout
    assert log == "admin Version one\n"

    assert admin.ssh("git:from-archive", archived, stdin=tar(says("two")), limit=120).code == 0
    assert server.get(archived).text == "two"
    assert server.git(clone, "pull", "-q").returncode == 0
    assert '"two"' in (clone / "app.py").read_text()
    assert server.ls_remote(archived)["refs/heads/main"] == head(clone)

    # What has not got it is refused, as after anybody's push.
    other = repository(tmp_path / "other", says("other"))
    refused = admin.push(other, archived)
    assert refused.code == 1
    assert "rejected" in refused.err
    assert "fetch first" in refused.err
    assert server.get(archived).text == "two"
    assert admin.push(commit(clone, says("three")), archived).code == 0
    assert server.get(archived).text == "three"

    live = server.ls_remote(archived)["refs/heads/main"]
    broken = admin.ssh(
        "git:from-archive", archived, stdin=tar({**says("broken"), "app.py": "1/0"}), limit=120
    )
    assert broken.code == 1
    assert "ZeroDivisionError" in broken.out
    assert server.get(archived).text == "three"
    assert server.ls_remote(archived)["refs/heads/main"] == live

    moved = admin.ssh("git:set", archived, "deploy-branch", "production")
    assert moved.code == 0
    assert server.ls_remote(archived) == {"HEAD": live, "refs/heads/production": live}
    wrong = server.push(clone, archived)
    assert "only production is deployed" in wrong.stderr


@pytest.fixture
def most(server):
    """Kilobytes: the most memory that the daemon has had since the test began."""
    process = Path(f"/proc/{server.process.pid}")
    (process / "clear_refs").write_text("5")

    def read():
        status = (process / "status").read_text()
        (line,) = [s for s in status.splitlines() if s.startswith("VmHWM")]
        return int(line.split()[1])

    return read


def test_a_large_upload_is_never_in_memory_and_leaves_nothing(server, admin, archived, most):
    large = os.urandom(1 << 20) * 100
    data = tar({}, ("app/large", large), ("app/../../etc/cron.d/x", b"* * * * *"))
    before = most()
    done = admin.ssh("git:from-archive", archived, stdin=data, limit=120)
    assert done.code == 1
    assert "app/../../etc/cron.d/x leads out of the archive" in done.err
    assert most() - before < 32 << 10
    held = sum(f.stat().st_size for f in server.data.rglob("*") if f.is_file() and not
               f.is_relative_to(server.data / "base") )  # fmt: skip
    assert held < 60 << 20


def test_a_large_upload_over_http_is_never_in_memory(server, admin, archived, most):
    megabyte, size = os.urandom(1 << 20), 100

    def form():
        """With `large` in a tar, made while it is sent."""
        entry = tarfile.TarInfo("large")
        entry.size = size << 20
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="app.tar"\r\n\r\n'
        yield entry.tobuf()
        for _ in range(size):
            yield megabyte
        yield bytes(1024) + b"\r\n--x--\r\n"

    key = admin.ssh("apikeys:create").out.strip()
    headers = {"X-API-Key": key, "Content-Type": "multipart/form-data; boundary=x"}
    url = f"http://127.0.0.1:{server.api_port}"
    with httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as api:
        before = most()
        sent = api.post(f"/projects/{archived}/deployments", content=form())
        assert sent.status_code == 202, sent.text
        path = sent.headers["Location"]
        wait_until(lambda: api.get(path).json()["state"] == "error", 60, "its end")
        assert most() - before < 30 << 10
        assert "no app was recognised" in api.get(path).json()["reason"]
