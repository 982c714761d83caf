"""How an app is, in the same words wherever it is shown."""

from collections.abc import Sequence

from deployzero.models.deployment import Container, State

WAITING = {State.CREATED: "Waiting", State.DEPLOYING: "Starting"}
MOST_NAMED = 3


def state_of(
    containers: Sequence[Container], *, live: bool, stopped: bool, under_way: State | None
) -> tuple[str, str]:
    """A word for its looks, and words for people. under_way: of what is next to end."""
    if under_way is not None:
        return "busy", WAITING.get(under_way, under_way.capitalize())
    if not live:
        return "none", "Nothing deployed yet"
    if stopped:
        return "stopped", "Stopped"
    unwell = [row for row in containers if row.health in ("unhealthy", "down")]
    if unwell:
        named = [f"{row.process}.{row.index} is {row.health}" for row in unwell[:MOST_NAMED]]
        more = len(unwell) - MOST_NAMED
        return "error", ", ".join(named) + (f" and {more} more" if more > 0 else "")
    return "live", "Live"
