"""The command line: one file a command, loaded when it is run."""

from deployzero.cli.main import main

__all__ = ["main"]
