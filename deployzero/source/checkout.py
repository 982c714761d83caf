"""Writing a commit's tree into a folder, all of it or nothing."""

import os
import shutil
from pathlib import Path

from dulwich.repo import Repo

from deployzero.errors import ResourceLimitError, SourceError
from deployzero.source.tree import (
    CheckedTree,
    Limits,
    check_pointers,
    check_tree,
    is_pointer,
    read_blob,
)

LIMITS = Limits()


def checkout(repo: Repo, commit: str, into: Path, limits: Limits = LIMITS) -> None:
    """Write the commit's files into the folder `into`, which must not be there yet. Blocks.

    Raises SourceError naming the path: links that lead out, names of git's own folder, names
    that differ only by case, submodules, Git LFS pointers, too much. After a failure the
    folder is gone. No hook, filter or attribute of the repository is run.
    """
    tree = check_tree(repo, commit, limits)
    into.mkdir(mode=0o755, parents=True)
    try:
        _write(repo, tree, os.fsencode(into), limits)
    except OSError as error:
        shutil.rmtree(into, ignore_errors=True)
        raise ResourceLimitError(
            f"cannot write the checkout: {error.strerror or error}",
            "Look at the server's free disk space: df -h; deployzero doctor",
        ) from error
    except BaseException:
        shutil.rmtree(into, ignore_errors=True)
        raise


def _write(repo: Repo, tree: CheckedTree, root: bytes, limits: Limits) -> None:
    for folder in tree.folders:
        os.mkdir(root + b"/" + folder, 0o755)
    total = 0
    pointers = []
    for path, oid, executable in tree.files:
        content = read_blob(repo, path, oid)
        total += len(content)
        if total > limits.bytes:
            raise SourceError(
                f"the repository's files are larger than {limits.bytes >> 20} MB",
                "Keep large files out of the repository.",
            )
        if is_pointer(content):
            pointers.append(path)
        _write_file(root + b"/" + path, content, 0o755 if executable else 0o644)
    check_pointers(pointers)
    # Last, so that nothing was written through one of them.
    for path, target in tree.links.items():
        os.symlink(target, root + b"/" + path)


def _write_file(path: bytes, content: bytes, mode: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        os.fchmod(fd, mode)  # whatever the umask is
        view = memoryview(content)
        while view:
            view = view[os.write(fd, view) :]
    finally:
        os.close(fd)
