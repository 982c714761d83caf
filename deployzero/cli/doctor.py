"""`deployzero doctor`: what is wrong on this machine, and how to mend it."""

import asyncio
import ipaddress
import json
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import docker
from docker.errors import DockerException

from deployzero.build.confinement import confine
from deployzero.cli.machine import (
    engine_answers,
    find_program,
    may_not_use_engine,
    missing_packages,
    prepare,
)
from deployzero.cli.settings import settings_of
from deployzero.errors import DeployZeroException
from deployzero.models.buildpacks import buildpacks
from deployzero.routing.binary import find_traefik
from deployzero.routing.certificates import read_certificate, warning
from deployzero.routing.proof import ProxyClient, instance_at
from deployzero.server import running_pid
from deployzero.settings import Settings, parse_bytes

LARGE_CACHE = 20e9
"""Bytes."""


@dataclass(frozen=True, slots=True)
class Finding:
    check: str
    ok: bool
    text: str
    hint: str = ""
    needed: bool = True
    """False: deployzero works without it, less well."""


@click.command()
@click.option("--fix", is_flag=True, help="Install what is missing (apt) and start the engine.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
def doctor(context: click.Context, fix: bool, as_json: bool) -> None:
    """Check engine, BuildKit, ports, DNS, disk and base images; say how to mend each."""
    settings = settings_of(context)
    if fix:
        prepare(settings.docker_host)
    findings = [finding for check in CHECKS for finding in _findings(check, settings)]
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            _show(finding)
    sys.exit(0 if all(f.ok or not f.needed for f in findings) else 1)


def _findings(check: "Check", settings: Settings) -> list[Finding]:
    """What a check found; its own failure is a finding too, and the others go on."""
    found: list[Finding] = []
    try:
        found.extend(check(settings))
    except DeployZeroException as error:
        found.append(Finding(_name(check), False, error.message, error.hint))
    except Exception as error:  # noqa: BLE001 - the border of one check
        why = f"the check failed: {type(error).__name__}: {error}"
        found.append(Finding(_name(check), False, why, "This is a bug; please report it."))
    return found


def _name(check: "Check") -> str:
    return check.__name__.removeprefix("check_").replace("_", " ")


def _show(finding: Finding) -> None:
    mark = "ok  " if finding.ok else ("FAIL" if finding.needed else "note")
    click.echo(f"{mark}  {finding.check}: {finding.text}")
    if not finding.ok and finding.hint:
        click.echo(f"      {finding.hint}")


def check_engine(settings: Settings) -> Iterator[Finding]:
    if why_not := may_not_use_engine(settings.docker_host):
        yield Finding("engine", False, why_not.message, why_not.hint)
        return
    if not engine_answers(settings.docker_host):
        hint = "`deployzero doctor --fix` installs Debian's docker.io and starts it."
        yield Finding("engine", False, "no Docker Engine answers", hint)
        return
    client = docker.APIClient(settings.docker_host or None, timeout=10)
    try:
        version = client.version()
        info = client.info()
    except DockerException as error:
        yield Finding("engine", False, str(error), "Look at the engine's log.")
        return
    finally:
        client.close()
    yield Finding("engine", True, f"Docker Engine {version['Version']}")
    major, minor = (int(part) for part in version["Version"].split(".")[:2])
    yield Finding(
        "buildkit",
        (major, minor) >= (20, 10),
        f"BuildKit of Engine {version['Version']}",
        "Engine 20.10 or later is required: update docker.",
    )
    yield _disk(Path(info.get("DockerRootDir", "/")), settings)


def check_build_cache(settings: Settings) -> Iterator[Finding]:
    """An engine bounds its cache only where it is told to; it is no one's by label, so ours to
    tell of and not to remove."""
    if may_not_use_engine(settings.docker_host) or not engine_answers(settings.docker_host):
        return
    client = docker.APIClient(settings.docker_host or None, timeout=60)
    try:
        layers = client.df().get("BuildCache") or ()
    except (DockerException, OSError) as error:  # a large cache may take it longer
        yield Finding("build cache", False, str(error), "Look at the engine.", needed=False)
        return
    finally:
        client.close()
    size = sum(layer["Size"] for layer in layers if not layer["Shared"])
    yield Finding(
        "build cache",
        size < LARGE_CACHE,
        f"{size / 1e9:.1f} GB of the engine's disk",
        "`docker builder prune --keep-storage 10g` frees what was not used for longest; "
        'for good: "builder": {"gc": {"enabled": true}} in the engine\'s daemon.json.',
        needed=False,
    )


def check_disk(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir
    while not folder.exists():
        folder = folder.parent
    yield _disk(folder, settings)


def _disk(folder: Path, settings: Settings) -> Finding:
    if not folder.exists():
        return Finding("disk", True, f"{folder} is not on this machine", needed=False)
    free = shutil.disk_usage(folder).free
    enough = free >= parse_bytes(settings.min_free_disk)
    hint = f"Builds are refused below {settings.min_free_disk}: free some space."
    return Finding("disk", enough, f"{free >> 20} MB free at {folder}", hint)


def check_programs(settings: Settings) -> Iterator[Finding]:
    missing = missing_packages()
    yield Finding(
        "programs",
        not missing,
        "all there" if not missing else f"missing: {', '.join(missing)}",
        "`deployzero doctor --fix` installs them; or apt-get install " + " ".join(missing),
        needed="mmdebstrap" in missing and settings.base_images == "debian",
    )


def check_proxy(settings: Settings) -> Iterator[Finding]:
    path, version = find_traefik()
    yield Finding("proxy", True, f"Traefik {'.'.join(map(str, version))} at {path}")


def check_tls(settings: Settings) -> Iterator[Finding]:
    if settings.tls_files is None:
        text = "self-signed: browsers warn" if settings.tls else f"off, on {settings.bind}"
        hint = "Set DEPLOYZERO_TLS_CERT and DEPLOYZERO_TLS_KEY (certbot's fullchain and privkey)."
        private = ipaddress.ip_address(settings.bind).is_loopback
        yield Finding("tls", private, text, hint, needed=False)
        return
    cert, key = settings.tls_files
    until = read_certificate(cert, key).not_after
    if told := warning(cert, key, settings.domain):
        yield Finding("tls", False, told, f"Get one for *.{settings.domain}.", needed=False)
    else:
        yield Finding("tls", True, f"{cert} for *.{settings.domain} until {until:%Y-%m-%d}")


def check_ports(settings: Settings) -> Iterator[Finding]:
    if running_pid(settings) is not None:
        yield Finding("ports", True, f"deployzero runs (process {running_pid(settings)})")
        return
    yield _port(settings, "SSH_PORT", settings.ssh_port)
    yield _port(settings, "API_PORT", settings.api_port)
    yield _proxys(settings, "HTTP_PORT", ProxyClient(settings.bind, settings.http_port))
    if settings.tls:
        secure = ProxyClient(settings.bind, settings.https_port, tls=True)
        yield _proxys(settings, "HTTPS_PORT", secure)


def _proxys(settings: Settings, name: str, address: ProxyClient) -> Finding:
    if asyncio.run(instance_at(address)):
        # The proxy goes on when the server ends; `up` says if it is another deployzero's.
        where = f"{settings.bind}:{address.port}"
        return Finding("ports", True, f"{where} has a deployzero's proxy")
    return _port(settings, name, address.port)


def _port(settings: Settings, name: str, port: int) -> Finding:
    family = socket.AF_INET6 if ":" in settings.bind else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.bind, port))
        except OSError as error:
            hint = f"Something else listens there: stop it or set DEPLOYZERO_{name}."
            return Finding("ports", False, f"{settings.bind}:{port}: {error.strerror}", hint)
    return Finding("ports", True, f"{settings.bind}:{port} is free")


def check_dns(settings: Settings) -> Iterator[Finding]:
    name = f"deployzero-check.{settings.domain}"
    try:
        address = socket.getaddrinfo(name, None)[0][4][0]
    except OSError:
        yield Finding(
            "dns",
            False,
            f"{name} does not resolve",
            f"Point a wildcard record *.{settings.domain} at this server; until then use "
            f"`{_curl(settings)}`.",
            needed=False,
        )
        return
    yield Finding("dns", True, f"{name} is {address}")


def _curl(settings: Settings) -> str:
    if settings.tls:
        host = f"<app>.{settings.domain}:{settings.https_port}"
        return f"curl --connect-to {host}:<address>:{settings.https_port} https://{host}/"
    return f"curl -H 'Host: <app>.{settings.domain}' http://<address>:{settings.http_port}/"


def check_base_images(settings: Settings) -> Iterator[Finding]:
    if settings.base_images in ("auto", "debian"):
        yield Finding(
            "base images",
            find_program("mmdebstrap") is not None,
            f"{settings.base_images}; mmdebstrap makes the Debian ones",
            "Where no image registry is in reach, mmdebstrap is needed: apt-get install mmdebstrap",
            needed=settings.base_images == "debian",
        )
    else:
        yield Finding("base images", True, settings.base_images)


def check_buildpacks(settings: Settings) -> Iterator[Finding]:
    """The operator's own: one that is broken is left out by the server, which goes on."""
    found = buildpacks(settings.own_buildpacks)
    for fault in found.faults:
        yield Finding("buildpacks", False, fault.message, fault.hint, needed=False)
    if not found.faults:
        yield Finding("buildpacks", True, ", ".join(found.stacks))


def check_confinement(settings: Settings) -> Iterator[Finding]:
    why_not = confine(parse_bytes(settings.build_memory))
    yield Finding(
        "builds",
        why_not is None,
        why_not or f"confined to {settings.build_memory} and low CPU shares",
        "A heavy build may slow live apps down; run the server as root on the engine's machine.",
        needed=False,
    )


Check = Callable[[Settings], Iterator[Finding]]
CHECKS: tuple[Check, ...] = (
    check_programs,
    check_proxy,
    check_engine,
    check_disk,
    check_build_cache,
    check_ports,
    check_tls,
    check_dns,
    check_base_images,
    check_buildpacks,
    check_confinement,
)
