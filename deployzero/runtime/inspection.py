"""What the engine says about a container, as values of ours."""

from typing import Any

from deployzero.runtime import labels
from deployzero.runtime.container import (
    ContainerEvent,
    ContainerStatus,
    ContainerSummary,
    parse_time,
)

SETTLED = "always"
"""The restart policy of what is live."""


def status_of(name: str, found: dict[str, Any]) -> ContainerStatus:
    state = found["State"]
    return ContainerStatus(
        name=name,
        running=bool(state["Running"]) and not state["Restarting"],
        exit_code=int(state["ExitCode"]),
        oom_killed=bool(state["OOMKilled"]),
        pid=int(state["Pid"]),
        started_at=parse_time(state["StartedAt"]),
        finished_at=parse_time(state["FinishedAt"]),
        restarts=int(found["RestartCount"]),
        address=_address(found),
        memory_bytes=int(found["HostConfig"]["Memory"]),
        restarting=bool(state["Restarting"]),
        settled=found["HostConfig"]["RestartPolicy"]["Name"] == SETTLED,
    )


def summary_of(found: dict[str, Any]) -> ContainerSummary:
    marks = found["Labels"]
    return ContainerSummary(
        name=found["Names"][0].removeprefix("/"),
        app=marks.get(labels.APP, ""),
        deployment_id=int(marks.get(labels.DEPLOYMENT, "0")),
        process=marks.get(labels.PROCESS, ""),
        index=int(marks.get(labels.INDEX, "0")),
        image=found["Image"],
        running=found["State"] == "running",
        address=_address(found),
        id=found["Id"],
        created=float(found["Created"]),
        labels=dict(marks),
    )


def event_of(found: dict[str, Any]) -> ContainerEvent:
    """The event's attributes hold the labels."""
    marks = found["Actor"]["Attributes"]
    summary = ContainerSummary(
        name=marks.get("name", ""),
        app=marks.get(labels.APP, ""),
        deployment_id=int(marks.get(labels.DEPLOYMENT, "0")),
        process=marks.get(labels.PROCESS, ""),
        index=int(marks.get(labels.INDEX, "0")),
        image=marks.get("image", ""),
        running=found["Action"] == "start",
        address="",
        id=found["Actor"]["ID"],
        created=float(found.get("time", 0)),
        labels=dict(marks),
    )
    return ContainerEvent(found["Action"], summary)


def _address(found: dict[str, Any]) -> str:
    """The fixed address, which a stopped container keeps; else the one that it has now."""
    for endpoint in found["NetworkSettings"]["Networks"].values():
        fixed = (endpoint.get("IPAMConfig") or {}).get("IPv4Address", "")
        return str(fixed or endpoint.get("IPAddress") or "")
    return ""
