"""A Go app's processes in an image that holds programs and no Go toolchain."""

import re

from deployzero.detection.go.programs import called, programs
from deployzero.detection.tree import Tree


def compiled(tree: Tree, processes: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """The Procfile as the image can run it, and words about it.

    `go run ./cmd/web` is bin/web, and so is what starts a file that the tree has not, since
    the build is ours. `bin/web` and `web` are where Heroku puts them.
    """
    known = programs(tree)
    made, reasons = {}, []
    for name, command in processes.items():
        program, _, arguments = command.partition(" ")
        package = called(command, known)
        if package and program == "go":
            arguments = re.sub(r"^run(?:\s+-\S+)*\s*\S*\s*", "", arguments)
        elif package or not known or "/" not in program or tree.is_file(program):
            made[name] = command
            continue
        else:
            package = next(iter(known))
            reasons.append(f"{name}: {program} is bin/{known[package]} here")
        made[name] = f"bin/{known[package]} {arguments}".strip()
    return made, reasons
