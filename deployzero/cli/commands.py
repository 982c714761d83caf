"""The commands by name; and how those that are typed as over SSH, or elsewhere, go here."""

import difflib
import re

import click

from deployzero.models.names import APP_NAME

APPS, ACCOUNT, SERVER = "Apps", "Your account", "The server"
COMMANDS: dict[str, tuple[str, str]] = {
    "deploy": (APPS, "Deploy a folder, git or not."),
    "status": (APPS, "Show what is live and how it is."),
    "apps": (APPS, "List your apps."),
    "create": (APPS, "Make an app."),
    "destroy": (APPS, "Remove an app for good."),
    "open": (APPS, "Open an app in your browser."),
    "logs": (APPS, "Print what an app, or a deployment, printed."),
    "run": (APPS, "Run a command beside an app."),
    "enter": (APPS, "Open a shell in a running container."),
    "ps": (APPS, "Show an app's processes and what they use."),
    "scale": (APPS, "Run more or fewer of a process."),
    "restart": (APPS, "Replace an app's containers."),
    "stop": (APPS, "End an app's processes."),
    "start": (APPS, "Run a stopped app again."),
    "config": (APPS, "List, get, set and unset variables."),
    "domains": (APPS, "List, add and remove host names."),
    "builds": (APPS, "List an app's deployments, failed ones too."),
    "cancel": (APPS, "Stop a deployment."),
    "releases": (APPS, "List an app's releases."),
    "rollback": (APPS, "Run an older release again."),
    "access": (APPS, "Share an app with others."),
    "events": (APPS, "Show who did what."),
    "link": (APPS, "Say which app this folder is."),
    "login": (ACCOUNT, "Sign in to a server."),
    "logout": (ACCOUNT, "Sign this computer out."),
    "servers": (ACCOUNT, "List the servers you use; choose one."),
    "whoami": (ACCOUNT, "Show who you are and where."),
    "keys": (ACCOUNT, "List, make, add and remove API keys and SSH keys."),
    "completion": (ACCOUNT, "Print your shell's completion."),
    "up": (SERVER, "Start the server here, in the foreground."),
    "serve": (SERVER, "Start the server for systemd and its like."),
    "down": (SERVER, "End what `up` left running."),
    "doctor": (SERVER, "Check this machine and say how to mend it."),
    "detect": (SERVER, "Print how a folder would be built and run."),
    "restore": (SERVER, "Restore a backup."),
    "post-receive": ("", ""),
    "reference": ("", ""),
}
"""By name: section and help, so that the list of all loads none of them. Each is the attribute
of its own name in the file of its own name; without a section it is hidden."""

GROUPS = frozenset({"access", "config", "domains", "keys"})
OF_AN_APP = GROUPS - {"keys"}
LISTING = frozenset({"list", "show", "report"})
WITHOUT_WORDS = frozenset({"clear"})
"""Verbs that take an app and nothing else."""
POINTERS = {
    "env": "deployzero config",
    "vars": "deployzero config",
    "info": "deployzero status",
    "register": "deployzero login, where the page asks for the invitation that you were given",
    "signup": "deployzero login, where the page asks for the invitation that you were given",
    "push": "deployzero deploy",
    "shell": "deployzero run sh",
    "bash": "deployzero run bash",
    "help": "deployzero --help",
}
"""What other tools call it."""
SYNONYMS = {
    "new": ("create", "add"), "rm": ("remove", "unset"), "delete": ("remove", "unset"),
    "del": ("remove", "unset"),
}  # fmt: skip
TYPED = re.compile(r"(?<![\w./:-])(?<!deployzero )([a-z]+):([a-z]+)(?![\w:])")


def as_here(typed: list[str]) -> list[str]:
    """`config:set hello A=b` is `config set -a hello A=b`, and `ps:scale` is `scale`.

    As hints of the server, SSH and Heroku have them.
    """
    noun, colon, verb = typed[0].partition(":")
    if not colon or noun not in COMMANDS:
        return typed
    found = [noun] if verb in LISTING else [noun, verb] if noun in GROUPS else [verb]
    if found[0] not in COMMANDS:
        return typed
    if noun in OF_AN_APP and _has_app(typed[1:], alone=verb in LISTING | WITHOUT_WORDS):
        return [*found, "-a", *typed[1:]]
    return [*found, *typed[1:]]


def _has_app(words: list[str], alone: bool) -> bool:
    """Whether the first one is the app. alone: it is the only word that the command takes."""
    if not words or not APP_NAME.fullmatch(words[0]) or {"-a", "--app"} & {*words}:
        return False
    return alone or (len(words) > 1 and not words[1].startswith("-"))


def hint_here(text: str) -> str:
    """What the server says, its commands as they can be pasted: `deployzero config:set …`."""

    def named(found: re.Match[str]) -> str:
        typed = found[0]
        return f"deployzero {typed}" if as_here([typed]) != [typed] else typed

    return TYPED.sub(named, text)


def unknown(word: str, names: list[str], pointer: str, context: click.Context) -> click.UsageError:
    """With what may be meant; pointer: if that is known."""
    near = difflib.get_close_matches(word, names, n=3)
    said = f"No such command '{word}'."
    if pointer:
        said += f" Here it is: {pointer}"
    elif near:
        said += f" Did you mean {' or '.join(near)}?"
    elif ":" in word:
        said += f" Over SSH there may be: ssh -p PORT deployzero@HOST {word} …"
    return click.UsageError(said, context)


class Verbs(click.Group):
    """`config` and its like: what follows is a verb."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            verbs = self.list_commands(ctx)
            raise unknown(args[0], verbs, _meant(str(ctx.info_name), args[0], verbs), ctx) from None


def _meant(noun: str, word: str, verbs: list[str]) -> str:
    """What to type instead; empty: nobody knows."""
    if word in LISTING | {"ls"}:
        return f"deployzero {noun}"
    for verb in SYNONYMS.get(word, ()):
        if verb in verbs:
            return f"deployzero {noun} {verb}"
    if noun == "config" and "=" in word:
        return "deployzero config set NAME=value"
    if noun == "config" and word.isupper():
        return f"deployzero config get {word}"
    if difflib.get_close_matches(word, verbs, n=1) or noun not in OF_AN_APP:
        return ""
    return f"deployzero {noun} -a {word}" if APP_NAME.fullmatch(word) else ""
