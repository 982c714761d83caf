"""The real daemon, whose watch looks more often: what it does is tested, not its pauses."""

import sys

from deployzero.cli import main
from deployzero.deploy import watch

if __name__ == "__main__":
    watch.PERIOD, watch.LEFT_OVER = 0.5, 1.0
    sys.argv = ["deployzero", "up"]
    main()
