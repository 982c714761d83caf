"""The Docker Engine as the floor uses it: a BuildKit build, a container, and their end."""

import io
import json
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

import docker

LABEL = "deployzero.benchmark"
CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
SUITE = "trixie"
PACKAGES = "python3,python3-pip,python3-venv,ca-certificates"
MAKE_LIMIT = 900.0
# The CPU policy of a boot, as deployzero starts containers: two CPUs at low shares, 512 MB.
BOOT_POLICY = {
    "Init": True,
    "Memory": 512 * 1024**2,
    "MemorySwap": 512 * 1024**2,
    "CpuPeriod": 100_000,
    "CpuQuota": 200_000,
    "CpuShares": 128,
    "PidsLimit": 512,
    "SecurityOpt": ["no-new-privileges"],
    "CapDrop": ["ALL"],
}


class Engine:
    """Everything it makes carries the label of this run, and `remove_all` removes it."""

    def __init__(self, run: str) -> None:
        self.run = run
        self.client = docker.APIClient(timeout=120)
        self._url = f"{self.client.base_url}/v{self.client.api_version}"
        self._labels = {LABEL: run}

    def make_base(self, tag: str) -> None:
        """A Debian with Python, by mmdebstrap; needs root."""
        mirror = os.environ.get("DEPLOYZERO_DEBIAN_MIRROR", "http://deb.debian.org/debian")
        command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}"]
        if CA_BUNDLE.is_file():
            command.append(f"--customize-hook=copy-in {CA_BUNDLE} {CA_BUNDLE.parent}")
        with tempfile.TemporaryDirectory(prefix="deployzero-bench-") as folder:
            archive = Path(folder, "base.tar")
            _run([*command, SUITE, str(archive), mirror])
            name, _, version = tag.partition(":")
            self.client.import_image_from_file(
                str(archive), name, version, changes=[f"LABEL {LABEL}={self.run}"]
            )

    def build(
        self, tag: str, files: Mapping[str, str], arguments: Mapping[str, str] | None = None
    ) -> None:
        """BuildKit over the plain API, the tar context as the body. Raises RuntimeError."""
        with self.client.post(
            f"{self._url}/build",
            params={
                "version": "2",
                "t": tag,
                "labels": json.dumps(self._labels),
                "buildargs": json.dumps(dict(arguments or {})),
            },
            data=context(files),
            headers={"Content-Type": "application/x-tar"},
            timeout=MAKE_LIMIT,
            stream=True,
        ) as answer:
            answer.raise_for_status()
            for line in answer.iter_lines():
                if b'"error"' in line:
                    raise RuntimeError(f"the build of {tag} failed: {line.decode()}")

    def network(self, name: str) -> None:
        self.client.create_network(name, driver="bridge", labels=self._labels)

    def start(self, name: str, image: str, network: str, port: int) -> str:
        """Create and start a container under the boot policy; its address."""
        body = {
            "Image": image,
            "Env": [f"PORT={port}"],
            "Labels": self._labels,
            "HostConfig": {**BOOT_POLICY, "NetworkMode": network},
        }
        answer = self.client.post(
            f"{self._url}/containers/create", params={"name": name}, json=body
        )
        answer.raise_for_status()
        container = answer.json()["Id"]
        self.client.start(container)
        networks = self.client.inspect_container(container)["NetworkSettings"]["Networks"]
        return str(networks[network]["IPAddress"])

    def megabytes(self, image: str) -> float:
        """All of it, as `docker images` counts."""
        (found,) = self.client.images(image)
        return int(found["Size"]) / 1e6

    def remove(self, name: str) -> None:
        self.client.remove_container(name, force=True)

    def remove_all(self) -> None:
        mine = {"label": f"{LABEL}={self.run}"}
        for container in self.client.containers(all=True, filters=mine):
            self.client.remove_container(container["Id"], force=True, v=True)
        for network in self.client.networks(filters=mine):
            self.client.remove_network(network["Id"])
        for image in self.client.images(filters=mine):
            self.client.remove_image(image["Id"], force=True)
        self.client.close()


def _run(command: list[str]) -> None:
    """Run it; stopped gently, since mmdebstrap tidies up after itself when it is asked to."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        code = process.wait(MAKE_LIMIT)
    except BaseException:
        process.terminate()
        process.wait(60)
        raise
    if code != 0:
        raise RuntimeError(f"{command[0]} failed with exit code {code}")


def context(files: Mapping[str, str]) -> bytes:
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w") as archive:
        for name, text in files.items():
            data = text.encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            entry.mode = 0o644
            archive.addfile(entry, io.BytesIO(data))
    return body.getvalue()
