"""What the user reads when nothing is recognised, or what is recognised cannot be started."""

import dataclasses
import json

from deployzero.detection import recognised
from deployzero.detection.tree import Tree, printable
from deployzero.errors import ProjectDetectionError
from deployzero.models.buildpacks import Buildpacks, buildpacks
from deployzero.models.project import ProjectConfig


class UnrecognisedError(ProjectDetectionError):
    """Nothing here speaks for any stack."""


def no_start(config: ProjectConfig, stacks: Buildpacks | None = None) -> ProjectDetectionError:
    """The error for a stack that is clear and cannot be started.

    `stacks`: ours and the operator's, for its title.
    """
    title = (stacks or buildpacks()).title(config.type)
    hint = config.unstartable_hint or (
        "Add a Procfile with a line such as 'web: <command>', or start_command in deployzero.toml; "
        "the app listens on 0.0.0.0:$PORT."
    )
    fault = config.unstartable or "no way to start a web process was found"
    message = f"{_article(title)} {title} app, but {fault}"
    return ProjectDetectionError(printable(message), printable(hint), config.reasons)


def unrecognised(tree: Tree) -> ProjectDetectionError:
    """What was looked for, what was seen, what helps."""
    shown = [
        printable(f"{name[:80]}/") if tree.is_dir(name) else printable(name[:80])
        for name in tree.names[:20]
    ]
    more = f" and {len(tree.names) - 20} more" if len(tree.names) > 20 else ""
    detail: tuple[str, ...] = (
        "looked for: Dockerfile; go.mod; requirements.txt, pyproject.toml, manage.py or "
        "main.py, app.py, server.py; package.json; index.html or public/",
        f"seen: {', '.join(shown)}{more}" if shown else "seen: nothing, the tree is empty",
    )
    if foreign := recognised.hinted(tree):
        file, stack = foreign
        message = f"{_article(stack)} {stack} app ({file}), which is not supported yet"
        hint = "A Dockerfile of your own is respected: add one at the root."
        return ProjectDetectionError(message, hint, detail)
    hint = "Add one of these files at the root; a Dockerfile of your own always works."
    marked = _marked_folders(tree)
    folders = [path.partition("/")[0] for path in marked]
    if len(marked) == 1:
        hint = (
            f'{marked[0]} looks like an app: root = "{folders[0]}" in deployzero.toml, '
            "or config:set <app> DEPLOYZERO_ROOT=…, or a Dockerfile at the root."
        )
    elif marked:
        number = {2: "two", 3: "three"}.get(len(marked), str(len(marked)))
        others = f" and {len(marked) - 3} more" if len(marked) > 3 else ""
        detail = (*detail, f"{number} apps: {', '.join(marked[:3])}{others}")
        hint = (
            f'One of them: root = "{folders[0]}" in deployzero.toml; each as an app of its own: '
            f"config:set <app> DEPLOYZERO_ROOT={folders[0]}, and the same for another app with "
            f"{' or '.join(folders[1:3])}."
        )
    return UnrecognisedError("no app was recognised in this repository", hint, detail)


def writable(plan: ProjectConfig) -> bool:
    r"""JSON and YAML can name half a character (\ud800), which no file and no command can hold."""
    try:
        json.dumps(dataclasses.asdict(plan), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def half_a_character() -> ProjectDetectionError:
    return ProjectDetectionError(
        "a file that decides how the app runs holds half a character (such as \\ud800)",
        "Write the character itself, or both of its halves.",
    )


def _article(name: str) -> str:
    return "an" if name[:1] in "AEIOU" else "a"


def _marked_folders(tree: Tree) -> list[str]:
    wanted = ("Dockerfile", "go.mod", "requirements.txt", "pyproject.toml", "package.json")
    found = (tree.first(*(f"{folder}/{name}" for name in wanted)) for folder in tree.folders()[:20])
    return [printable(path) for path in found if path]
