"""The ref updates that a push asks for, and which of them are refused before the pack is read."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dulwich.objects import valid_hexsha
from dulwich.protocol import ZERO_SHA, extract_capabilities
from dulwich.refs import Ref, check_ref_format

from deployzero.errors import ConflictError, DeployZeroException, SourceError
from deployzero.models.push import PushTarget
from deployzero.source.channel import Reader, read_pkt_lines
from deployzero.source.repository import BRANCHES, TAGS

DEPLOY_BRANCHES = ("main", "master")
MOST_COMMANDS = 5000
PLAIN_BRANCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")


@dataclass(frozen=True, slots=True)
class Command:
    """One line of a push: move `ref` from `old` to `new`; 40 zeros: it is not there."""

    old: bytes
    new: bytes
    ref: bytes

    @property
    def deletes(self) -> bool:
        return self.new == ZERO_SHA

    @property
    def name(self) -> str:
        return self.ref.decode("utf-8", "surrogateescape")

    @property
    def branch(self) -> str | None:
        return self.name.removeprefix(BRANCHES) if self.name.startswith(BRANCHES) else None

    @property
    def is_tag(self) -> bool:
        return self.name.startswith(TAGS)


@dataclass(frozen=True, slots=True)
class Request:
    commands: tuple[Command, ...]
    capabilities: tuple[bytes, ...]
    shallow: bool
    """The client's clone has no full history."""


async def read_request(reader: Reader) -> Request:
    """Read the command list up to its flush. Raises SourceError, ClientGoneError."""
    commands: list[Command] = []
    capabilities: list[bytes] | None = None
    shallow = False
    async for line in read_pkt_lines(reader, MOST_COMMANDS):
        if line.startswith(b"shallow "):
            shallow = True
            continue
        if capabilities is None:
            line, capabilities = extract_capabilities(line)
        commands.append(_command(line))
    return Request(tuple(commands), tuple(capabilities or ()), shallow)


def _command(line: bytes) -> Command:
    parts = line.rstrip(b"\n").split(b" ", 2)
    if len(parts) != 3 or not all(len(p) == 40 and valid_hexsha(p) for p in parts[:2]):
        raise SourceError(
            "the client asks for something that is no ref update",
            "Signed pushes and SHA-256 repositories are not supported.",
        )
    return Command(*parts)


def deploy_branch(target: PushTarget | None, commands: Sequence[Command]) -> str:
    """The app's own, or the first of main and master that is pushed; else main."""
    if target and target.deploy_branch:
        return target.deploy_branch
    pushed = {command.branch for command in commands if not command.deletes}
    return next((branch for branch in DEPLOY_BRANCHES if branch in pushed), DEPLOY_BRANCHES[0])


def refusals(
    request: Request, told: PushTarget | None, target: PushTarget | None, branch: str
) -> dict[bytes, DeployZeroException]:
    """Ref name to why it is refused, for those that are; `branch` is the deploy branch.

    told: the app as it was when the client was told what is live; target: as it is now.
    """
    refused: dict[bytes, DeployZeroException] = {}
    seen: set[bytes] = set()
    for command in request.commands:
        error = _refusal(command, request, told, target, branch)
        if command.ref in seen:
            error = SourceError(f"{command.name} is named twice in one push")
        seen.add(command.ref)
        if error:
            refused[command.ref] = error
    moves = any(c.branch == branch and c.ref not in refused for c in request.commands)
    if target is None and not moves:
        for command in request.commands:
            refused.setdefault(
                command.ref,
                SourceError(
                    "there is no such app yet", f"Push a branch first: git push deployzero {branch}"
                ),
            )
    return refused


def _refusal(
    command: Command,
    request: Request,
    told: PushTarget | None,
    target: PushTarget | None,
    branch: str,
) -> DeployZeroException | None:
    if not check_ref_format(Ref(command.ref)) or not command.ref.startswith(b"refs/"):
        return SourceError("funny refname", f"Push a branch: git push deployzero HEAD:{branch}")
    if command.is_tag and not (request.shallow and not command.deletes):
        return None
    if command.branch == branch and command.deletes:
        return SourceError(
            "the deploy branch cannot be deleted",
            f"It names what is live. To replace that: git push deployzero HEAD:{branch}",
        )
    if command.branch is None and not command.is_tag:
        return SourceError("only branches and tags are taken")
    if command.branch is not None and command.branch != branch:
        source = command.branch if PLAIN_BRANCH.fullmatch(command.branch) else "HEAD"
        source = "HEAD" if command.deletes else source
        return SourceError(
            f"only {branch} is deployed: git push deployzero {source}:{branch}",
        )
    if request.shallow:
        return SourceError(
            "a shallow clone cannot be pushed: git fetch --unshallow",
            "Fetch the whole history from where you cloned (git fetch --unshallow; in CI set "
            "the checkout's depth to 0), then push again.",
        )
    return _stale(command, told, target)


def _stale(
    command: Command, told: PushTarget | None, target: PushTarget | None
) -> DeployZeroException | None:
    """Another release came since. That the app went down, or came back, is none."""
    shown = told.shown_commit if told else None
    then, now = (each.live_commit if each else None for each in (told, target))
    if command.old == (shown.encode() if shown else ZERO_SHA) and then == now:
        return None
    return fetch_first()


def fetch_first() -> ConflictError:
    return ConflictError(
        "fetch first",
        "Somebody else's push went live in the meantime. Fetch and merge it (git pull), "
        "then push; or override it: git push --force",
    )
