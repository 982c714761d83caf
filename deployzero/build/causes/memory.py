"""The kernel's out-of-memory killer, as the tools above the killed one tell it."""

MEMORY = (
    r"^Killed$|^make: \*\*\* \[.*\] Killed$"
    r"|fatal error: Killed signal terminated program"  # gcc
    r"|: signal: killed$"  # go
    r"|\(signal: 9, SIGKILL: kill\)"  # cargo
    r"|^npm (?:error|ERR!) signal SIGKILL$"
    r'|Command failed with signal "SIGKILL"'  # Yarn
    r"|died with <Signals\.SIGKILL: 9>"  # Python's subprocess
)
"""RE2. Exit code 137 alone tells it too."""
