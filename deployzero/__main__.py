"""`python -m deployzero` is the command line."""

from deployzero.cli import main

main()
