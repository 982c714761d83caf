"""A command that is not there, or that cannot run as it was committed."""

from deployzero.models.cause import Cause

_SHELL = r"^(?:/bin/)?(?:ba)?sh: (?:(?:line )?\d+: )?"
_RENORMALIZE = (
    "Convert them: echo '* text=auto eol=lf' >> .gitattributes && git add .gitattributes && git "
    "add --renormalize . && git commit -m 'Line ends', and push again."
)
_FOREIGN = (
    "Take what is built out of git (`git rm -r --cached node_modules`, or the virtual "
    "environment's folder), name it in .gitignore, commit and push again."
)
_NO_PACKAGE = (
    "If a package brings it, name that package in package.json: a build gets devDependencies "
    "too. Else take it out of the command."
)

PROGRAMS = (
    Cause(
        r"^(?:/usr/bin/)?env: .{0,3}[\w.-]+\\r.{0,3}: No such file or directory"
        r"|bad interpreter: \S*\^M",
        "a script was committed with Windows line ends",
        _RENORMALIZE,
    ),
    Cause(
        r"^(?P<script>[\w./-]+): (?:line )?\d+: set: (?:Illegal option -$|-\s*: invalid option)",
        "{script} was committed with Windows line ends",
        _RENORMALIZE,
    ),
    Cause(
        r"(?P<file>[\w./@+-]+\.(?:so|node)[\w.]*): (?:invalid ELF header|wrong ELF class)",
        "{file} was built on another platform and committed",
        _FOREIGN,
    ),
    Cause(
        _SHELL + r"(?P<program>[\w@./-]+): (?:cannot execute binary file: )?Exec format error$",
        "{program} is a program of another platform",
        _FOREIGN,
    ),
    Cause(
        _SHELL + r"(?P<program>[\w@./-]+): not found$",
        "there is no program '{program}'",
        _NO_PACKAGE,
        stacks=("nodejs",),
        codes=(127,),
    ),
    Cause(
        # A manager's own exit code. What a script did well without says so as well, and no more.
        _SHELL + r"(?P<program>[\w@./-]+): not found\n(?:.*\n){0,3}?.*"
        r"(?:code:? 127$|exited \(127\)|ELIFECYCLE\W+Command failed\.|spawn ENOENT)",
        "there is no program '{program}'",
        _NO_PACKAGE,
        stacks=("nodejs",),
        codes=(1,),
    ),
    Cause(
        _SHELL + r"(?P<program>[\w@./-]+): (?:command )?not found$",
        "there is no program '{program}'",
        "Name what brings it (a requirement, or packages in deployzero.toml for a Debian "
        "package), or take it out of the command.",
        codes=(127,),
    ),
    Cause(
        _SHELL + r"(?:\./|/app/)?(?P<program>[\w@][\w@./-]*): Permission denied$",
        "{program} is not executable",
        "git update-index --chmod=+x {program} && git commit -m 'Executable', and push again.",
        codes=(126,),
    ),
)
