"""What a failed build says, in the user's words."""

import re
from collections.abc import Sequence

import re2

from deployzero.build.causes import CAUSES, MEMORY
from deployzero.errors import BuildError, DeployZeroException, ResourceLimitError
from deployzero.models.cause import Subject, known_cause

_EXIT = re.compile(r"exit code: (\d+)")
_MANIFEST = re.compile(r'"https?://(?P<host>[^/"]+)/v2/(?P<name>[^"]+?)/manifests/(?P<tag>[^"]+)"')
_NO_FILE = re.compile(r'"(?P<path>/[^"]*)"(?: not found)?: not found$')
_DENIED = re.compile(r"(?P<image>[\w./:@-]+): (?:not found|pull access denied|failed to resolve)")
_PARSE = re.compile(r"dockerfile parse error(?: on)? line (\d+): (.*)", re.IGNORECASE | re.DOTALL)
_WRAPPING = re.compile(
    r"^(?:failed to solve(?: with frontend [\w.]+)?: |failed to create LLB definition: |rpc error: "
    r"code = \w+ desc = |failed to solve with frontend [\w.]+: )+"
)
MOST_CHARACTERS = 4000
"""Of the engine's words, which repeat a command of any length."""
SHOWN_LINES = 30
"""Of a step's output, with the error; its cause is looked for further up as well."""
_DISK = re.compile(r"^(?!.*/dev/shm).*no space left on device(?!, watch)", re.I | re.M)
_KILLED = re2.compile(f"(?m){MEMORY}")
AGAIN = "Mend it as its output above says, then push again."


def explain(
    said: str,
    step: str | None,
    output: Sequence[str],
    memory: str = "",
    app: str = "<app>",
    stack: str = "",
) -> DeployZeroException:
    """`said` are the engine's words, `step` the instruction that failed, `output` its last lines.

    `memory` is the limit that builds have, for the message when it was hit; `app` and `stack`
    (`ProjectConfig.type`) are for the fix.
    """
    reason = _WRAPPING.sub("", said.strip()[:MOST_CHARACTERS])
    tail = output[-SHOWN_LINES:]
    if any(_DISK.search(line) for line in (reason, *output)):
        return ResourceLimitError(
            "the engine's disk is full",
            "Free some space on the server (`deployzero doctor` shows what takes it).",
            tail,
        )
    if step and (code := _EXIT.search(reason)):
        subject = Subject(app, stack, step.removeprefix("RUN "), int(code[1]))
        return _exited(subject, output, memory)
    if match := _PARSE.search(reason):
        return _no_dockerfile(match[1], _line(match[2]), stack)
    if match := _NO_FILE.search(reason):
        return _no_file(match["path"], step, stack)
    if image := missing_image(reason):
        return BuildError(
            f"the image {image} cannot be pulled",
            "Check its name, and that the server reaches its registry.",
            [_line(reason)],
        )
    if step:
        return BuildError(f"`{step}` failed: {_line(reason.rpartition(': ')[2])}", AGAIN, tail)
    return BuildError(f"the build failed: {_line(reason)}", AGAIN, tail)


def _no_dockerfile(number: str, fault: str, stack: str) -> BuildError:
    """The user's own, or one that was made of a stack's template."""
    if stack in ("", "dockerfile"):
        return BuildError(
            f"Dockerfile, line {number}: {fault}", "Mend that line, commit, and push again."
        )
    return BuildError(
        f"the Dockerfile made of {stack}/Dockerfile.j2, line {number}: {fault}",
        "This is the server's to mend: its operator's buildpack, or a bug of ours. "
        "`deployzero detect --dockerfile` prints that Dockerfile.",
    )


def _no_file(path: str, step: str | None, stack: str) -> BuildError:
    """What a COPY names is neither in the context nor in another stage."""
    hint = (
        "Check its path, upper and lower case, that it is committed, and that neither "
        ".dockerignore nor .deployzeroignore leaves it out."
    )
    if stack != "dockerfile" and step and "--from=" in step:
        hint = (
            "The build did not make it. Where it writes to another folder, name that one in "
            'deployzero.toml: static_dir = "<folder>"'
        )
    return BuildError(
        f"`{step}` failed: there is no {path}" if step else f"there is no {path}", hint
    )


def missing_image(said: str) -> str | None:
    """The image that the engine has not and could not fetch."""
    if match := _MANIFEST.search(said):
        name = match["name"].removeprefix("library/")
        host = "" if match["host"].endswith("docker.io") else f"{match['host']}/"
        return f"{host}{name}:{match['tag']}"
    if match := _DENIED.search(said):
        return match["image"].removeprefix("docker.io/").removeprefix("library/")
    return None


def _exited(subject: Subject, output: Sequence[str], memory: str) -> DeployZeroException:
    command, tail = subject.command, output[-SHOWN_LINES:]
    shown = command if len(command) <= 120 else command[:117] + "..."
    if subject.code == 137 or _KILLED.search("\n".join(tail)):
        limit = f" (all builds together may use {memory})" if memory else ""
        return ResourceLimitError(
            f"`{shown}` was killed: most likely out of memory{limit}",
            "Let it need less, or raise DEPLOYZERO_BUILD_MEMORY on the server.",
            tail,
        )
    message = f"`{shown}` exited with {subject.code}"
    if known := known_cause(CAUSES, output, subject):
        return BuildError(f"{message}: {known.message}", known.hint, tail)
    return BuildError(message, AGAIN, tail)


def _line(text: str) -> str:
    return " ".join(text.split())
