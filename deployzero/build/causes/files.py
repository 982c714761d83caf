"""What is wrong with the files of the repository itself."""

from deployzero.build.causes.nodejs import NPM
from deployzero.models.cause import Cause

FILES = (
    Cause(
        NPM + r"Merge conflict detected in your (?P<file>package(?:-lock)?\.json)",
        "{file} holds a merge conflict that was committed",
        "Take the lines <<<<<<<, ======= and >>>>>>> out of {file}, commit and push again.",
    ),
    Cause(
        r"ERR_PNPM_BROKEN_LOCKFILE\b(?:.*\n)*?.*<<<<<<<",
        "pnpm-lock.yaml holds a merge conflict that was committed",
        "Run `pnpm install`, which resolves it, commit pnpm-lock.yaml and push again.",
    ),
    Cause(
        r"ERR_PNPM_BROKEN_LOCKFILE\b",
        "pnpm-lock.yaml is broken",
        "Remove it, run `pnpm install`, commit pnpm-lock.yaml and push again.",
    ),
    Cause(
        NPM + r"code EJSONPARSE\n(?:npm .*\n)*?npm (?:error|ERR!) path .*/(?P<file>[\w.-]+\.json)$",
        "{file} is no valid JSON",
        "Mend it where npm says so above (a comma too many, a comment), commit and push again.",
    ),
    Cause(
        r"ERROR: Could not open requirements file: \[Errno 2\] No such file or directory: "
        r"'(?P<file>[^'\n]+)'",
        "{file} is not in the repository",
        "Commit it (does .gitignore or .deployzeroignore leave it out?), or mend the line that "
        "names it.",
    ),
    Cause(
        r"^ERROR: Invalid requirement: (?P<line>.{1,80}?): Expected .*\n(?:.*\n){0,4}?"
        r".*\(from line (?P<number>\d+) of (?P<file>[^)\n]+)\)",
        "{file}, line {number} is no requirement",
        "A line reads like `flask==3.1.0` or `flask>=3`. Mend it, commit and push again.",
    ),
)
