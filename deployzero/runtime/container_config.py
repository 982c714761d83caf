"""A ContainerSpec as the Engine API's own create request."""

from typing import Any

from deployzero.runtime import labels
from deployzero.runtime.container import ContainerSpec

CPU_PERIOD = 100_000
BOOT_SHARES = 128
"""A boot may use idle CPUs, but yields to live apps, which have docker's 1024."""
LIVE_SHARES = 1024
LOGS = {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}
NO_LOGS = {"Type": "none"}
"""What passes between a person and a program (a dump, a password) is kept nowhere."""
DROPPED = ["NET_RAW", "MKNOD"]
"""From docker's default set, for a repository's own Dockerfile: no spoofing, no devices."""


def cpu_quota(cpus: float) -> int:
    """Microseconds a period; docker refuses less than 1,000.

    A quota throughout: an engine refuses to update a container from `NanoCpus` to a quota.
    """
    return max(1_000, round(cpus * CPU_PERIOD))


def container_name(instance: str, spec: ContainerSpec) -> str:
    """Unique on the engine, so that two servers can share one."""
    key = labels.instance_key(instance)
    return spec.name or (
        f"deployzero-{key}.{spec.app}.{spec.process}.{spec.index}.d{spec.deployment_id}"
    )


def container_labels(instance: str, spec: ContainerSpec) -> dict[str, str]:
    return spec.labels | {
        labels.INSTANCE: instance,
        labels.APP: spec.app,
        labels.DEPLOYMENT: str(spec.deployment_id),
        labels.PROCESS: spec.process,
        labels.INDEX: str(spec.index),
    }


def container_config(
    instance: str, spec: ContainerSpec, network: str, *, published: int | None = None
) -> dict[str, Any]:
    """The body of `POST /containers/create`.

    `published`: the port of loopback where the host reaches it, for hosts that cannot reach
    container addresses. A given one: docker would choose anew at every start of the
    container, and what one app's route names could become another app's.
    """
    environment = spec.environment | {"PORT": str(spec.port)}
    fixed = spec.address and published is None
    endpoint = {"IPAMConfig": {"IPv4Address": spec.address}} if fixed else {}
    port = f"{spec.port}/tcp"
    config: dict[str, Any] = {
        "Image": spec.image,
        "Env": [f"{name}={value}" for name, value in environment.items()],
        "Labels": container_labels(instance, spec),
        "HostConfig": _host_config(spec, network),
        "NetworkingConfig": {"EndpointsConfig": {network: endpoint}},
    }
    if spec.command is not None:
        config["Cmd"] = list(spec.command)
    if spec.entrypoint is not None:
        config["Entrypoint"] = list(spec.entrypoint)
    if spec.attached:
        config |= {"AttachStdin": True, "AttachStdout": True, "AttachStderr": True}
        config |= {"OpenStdin": True, "StdinOnce": True, "Tty": spec.terminal}
    if published is not None:
        where = {"HostIp": "127.0.0.1", "HostPort": str(published)}
        config["ExposedPorts"] = {port: {}}
        config["HostConfig"]["PortBindings"] = {port: [where]}
    return config


def _host_config(spec: ContainerSpec, network: str) -> dict[str, Any]:
    return {
        "NetworkMode": network,
        "Init": True,
        "RestartPolicy": {"Name": "no"},
        "Memory": spec.memory_bytes,
        "MemorySwap": spec.memory_bytes,
        "CpuPeriod": CPU_PERIOD,
        "CpuQuota": cpu_quota(max(spec.cpus, spec.boot_cpus)),
        "CpuShares": BOOT_SHARES,
        "PidsLimit": spec.pids,
        "SecurityOpt": ["no-new-privileges"],
        "CapDrop": ["ALL"] if spec.generated_image else DROPPED,
        "LogConfig": NO_LOGS if spec.attached else LOGS,
    }
