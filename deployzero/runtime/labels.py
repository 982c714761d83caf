"""The labels that make a Docker object deployzero's own. What lacks them is never touched."""

import hashlib

INSTANCE = "deployzero.instance"
APP = "deployzero.app"
DEPLOYMENT = "deployzero.deployment"
PROCESS = "deployzero.process"
INDEX = "deployzero.index"
RUN = "deployzero.run"
"""Of one-off runs: FOREGROUND or DETACHED."""
FOREGROUND = "foreground"
"""It ends with its session, and its output went there alone."""
DETACHED = "detached"
RUN_BY = "deployzero.run.by"
RUN_COMMAND = "deployzero.run.command"


def instance_key(instance: str) -> str:
    """Eight hex digits for an instance id, where a name must be short (a bridge, a chain)."""
    return hashlib.sha256(instance.encode()).hexdigest()[:8]
