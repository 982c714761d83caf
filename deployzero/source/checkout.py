"""Writing a commit's tree into a folder, all of it or nothing."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

from dulwich.objects import ObjectID
from dulwich.repo import Repo

from deployzero.errors import ResourceLimitError, SourceError
from deployzero.source.git import git_env, git_program, limited
from deployzero.source.tree import (
    CheckedTree,
    Limits,
    blob_size,
    check_pointers,
    check_tree,
    is_pointer,
    read_blob,
    show_path,
)

LIMITS = Limits()
COPY_SECONDS = 300.0
COPIED = 2 << 20
"""Bytes of a file from which git copies it, a process each: we would have it in memory whole."""
WINDOW = 8 << 20
LOOKED_AT = 64 << 10
"""Bytes that the kernel maps at once, where only one is wanted."""


def checkout_folder(parent: Path, app: str, commit: str) -> Path:
    """A name of its own for a checkout of the app's, which begins with the app's: `hello-…`."""
    return parent / f"{app}-{commit[:12]}-{uuid4().hex[:8]}"


def checkout(repo: Repo, commit: str, into: Path, limits: Limits = LIMITS) -> None:
    """Write the commit's files into the folder `into`, which must not be there yet. Blocks.

    Raises SourceError naming the path: links that lead out, names of git's own folder, names
    that differ only by case, submodules, Git LFS pointers, too much. After a failure the
    folder is gone. No hook, filter or attribute of the repository is run.
    """
    tree = check_tree(repo, commit, limits)
    sizes = _sizes(repo, tree, limits)
    into.mkdir(mode=0o755, parents=True)
    try:
        _write(repo, tree, sizes, os.fsencode(into))
    except OSError as error:
        shutil.rmtree(into, ignore_errors=True)
        raise ResourceLimitError(
            f"cannot write the checkout: {error.strerror or error}",
            "Look at the server's free disk space: df -h; deployzero doctor",
        ) from error
    except BaseException:
        shutil.rmtree(into, ignore_errors=True)
        raise


def _sizes(repo: Repo, tree: CheckedTree, limits: Limits) -> list[int]:
    """The files' sizes, from headers alone: what is too much is never read."""
    window, sizes = _Window(repo), []
    for path, oid, _ in tree.files:
        sizes.append(blob_size(repo, path, oid))
        window.moved(LOOKED_AT)
    if sum(sizes) > limits.bytes:
        raise SourceError(
            f"the repository's files are larger than {limits.bytes >> 20} MB",
            "Keep large files out of the repository.",
        )
    return sizes


def _write(repo: Repo, tree: CheckedTree, sizes: list[int], root: bytes) -> None:
    for folder in tree.folders:
        os.mkdir(root + b"/" + folder, 0o755)
    pointers, window = [], _Window(repo)
    program = git_program()
    for (path, oid, executable), size in zip(tree.files, sizes, strict=True):
        mode = 0o755 if executable else 0o644
        with _new_file(root + b"/" + path, mode) as fd:
            if program and size > COPIED:
                _copy_by_git(program, repo, path, oid, fd)
                continue
            content = read_blob(repo, path, oid)
            window.moved(size)
            if is_pointer(content):
                pointers.append(path)
            view = memoryview(content)
            while view:
                view = view[os.write(fd, view) :]
    check_pointers(pointers)
    # Last, so that nothing was written through one of them.
    for path, target in tree.links.items():
        os.symlink(target, root + b"/" + path)


class _Window:
    """What of the packs is mapped while they are read: a large one would count as our memory."""

    def __init__(self, repo: Repo) -> None:
        self._repo = repo
        self._size = 0

    def moved(self, size: int) -> None:
        """By so many bytes; dulwich maps a pack again when it is asked for an object."""
        self._size += max(size, LOOKED_AT)
        if self._size >= WINDOW:
            self._repo.object_store.close()
            self._size = 0


@contextlib.contextmanager
def _new_file(path: bytes, mode: int) -> Iterator[int]:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        os.fchmod(fd, mode)  # whatever the umask is
        yield fd
    finally:
        os.close(fd)


def _copy_by_git(program: str, repo: Repo, path: bytes, oid: ObjectID, fd: int) -> None:
    """A large file, which git never has in memory as a whole."""
    done = subprocess.run(  # noqa: S603 - the git program, an object's id
        limited(program, "cat-file", "blob", oid.decode()),
        env=git_env(Path(repo.controldir())),
        stdin=subprocess.DEVNULL,
        stdout=fd,
        stderr=subprocess.PIPE,
        timeout=COPY_SECONDS,
        check=False,
    )
    if done.returncode:
        complaint = done.stderr.decode("utf-8", "replace").splitlines()
        raise SourceError(f"{show_path(path)} cannot be read", "", complaint[-3:])
