"""The command line: one file a command."""

from deployzero.cli.detect import detect
from deployzero.cli.doctor import doctor
from deployzero.cli.down import down
from deployzero.cli.main import main
from deployzero.cli.post_receive import post_receive
from deployzero.cli.reference import reference
from deployzero.cli.restore import restore
from deployzero.cli.up import up

for command in (up, down, doctor, detect, restore, post_receive, reference):
    main.add_command(command)

__all__ = ["main"]
