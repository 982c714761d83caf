"""Dockerfiles of deployzero's own base images, from the templates in buildpacks/base/."""

import platform

from deployzero.build.base_image_names import Stack
from deployzero.build.dockerfile import APT_CACHES, render_stack
from deployzero.build.material import SOURCING, mount


def render_base(
    stack: Stack, base: str, scope: str = "deployzero", material: str | None = None
) -> str:
    """On the image `base`, a Debian suite; with the stages `build` and `runtime`.

    Apt's lists and archives lie in caches of the engine's, so that no layer has them.
    Without scope and material it is the same on every server: what its image is named by.
    """
    apt = "".join(
        f"--mount=type=cache,id={scope}-{stack.suite}-{name},target={target},sharing=locked "
        for name, target in APT_CACHES.items()
    )
    return render_stack(
        stack.name,
        base=base,
        version=stack.package,
        npm=_npm(stack.version),
        build_packages=stack.build_packages,
        runtime_packages=stack.runtime_packages,
        architecture={"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), "x64"),
        mounts=f"{mount(material)} {apt}" if material else apt,
        sourcing=f"{SOURCING} && " if material else "",
    )


def _npm(node: str) -> str:
    """The newest npm that runs on every release of this major of Node.js."""
    major = node.partition(".")[0]
    number = int(major) if major.isdigit() else 20
    least = {24: "11", 18: "10", 12: "8", 10: "7", 6: "6", 0: "5"}
    return next(npm for first, npm in least.items() if number >= first)
