"""Build-only material: certificates and variables that a RUN may see and no layer keeps.

They lie in a throwaway local image that is mounted into each RUN, which leaves them out of
layers and out of the history: a file in the context is taken along by `COPY . .`, build
arguments are shown in the history, and BuildKit's secrets need a gRPC session.
"""

import hashlib
import hmac
import io
import re
import shlex
import tarfile
from collections.abc import Mapping
from urllib.parse import urlsplit

from deployzero.build.base_image_names import NO_REGISTRY
from deployzero.build.truststore import truststore
from deployzero.errors import BuildError
from deployzero.models.secret import forms, is_everyday

TARGET = "/run/deployzero-build"
SOURCING = f". {TARGET}/env"
_CA_VARIABLES = (
    "CARGO_HTTP_CAINFO",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "NODE_EXTRA_CA_CERTS",
    "NPM_CONFIG_CAFILE",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
)
_JAVA_VARIABLES = ("GRADLE_OPTS", "MAVEN_OPTS", "SBT_OPTS")
"""JAVA_TOOL_OPTIONS would do for all of them, but each JVM prints a line about it."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET_NAME = re.compile(r"SECRET|TOKEN|PASSW|KEY|CREDENTIAL|AUTH", re.IGNORECASE)
_LONG = 16
_SHORT = 4
"""Erasing shorter ones would make a build's output unreadable."""
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://\S*", re.IGNORECASE)


def mount(image: str) -> str:
    """The flag that shows the material to a RUN."""
    return f"--mount=type=bind,from={image},target={TARGET}"


def files(ca_bundle: bytes | None, environment: Mapping[str, str]) -> dict[str, bytes]:
    """Name to content of what a RUN finds below TARGET.

    Raises BuildError for a variable that no shell can hold.
    """
    found: dict[str, bytes] = {}
    lines = []
    if ca_bundle is not None:
        found["ca.crt"] = ca_bundle
        found["ca.jks"] = truststore(ca_bundle)
        found["apt.conf"] = f'Acquire::https::CaInfo "{TARGET}/ca.crt";\n'.encode()
        lines = [f"export {name}={TARGET}/ca.crt" for name in _CA_VARIABLES]
        lines.append(f"export APT_CONFIG={TARGET}/apt.conf")
    for name, value in sorted(environment.items()):
        if not _NAME.fullmatch(name) or "\0" in value:
            raise BuildError(
                f"'{name}' is no name of a build variable",
                "Use letters, digits and underscores, as in DEPLOYZERO_BUILD_ENV_PIP_INDEX_URL.",
            )
        lines.append(f"export {name}={shlex.quote(value)}")
    if ca_bundle is not None:  # beside what the operator, or the Dockerfile, gives these tools
        trusted = f"-Djavax.net.ssl.trustStore={TARGET}/ca.jks -Djavax.net.ssl.trustStoreType=JKS"
        lines += [f'export {name}="${{{name}:-}} {trusted}"' for name in _JAVA_VARIABLES]
    found["env"] = ("\n".join(lines) + "\n").encode()
    return found


def material_tag_prefix(instance: str) -> str:
    """What the names of this instance's images begin with."""
    return f"{NO_REGISTRY}/material:{instance}-"


def image_name(instance: str, key: bytes, content: Mapping[str, bytes]) -> str:
    """Name of the image for this content; the same content always has the same name.

    The key keeps it from being guessed, and named in a FROM of somebody's.
    """
    digest = hmac.new(key, b"material\0", hashlib.sha256)
    for name, data in sorted(content.items()):
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    return f"{material_tag_prefix(instance)}{digest.hexdigest()[:32]}"


def tar(content: Mapping[str, bytes]) -> bytes:
    """The image's one layer. Equal content gives equal bytes, so that the cache holds."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in sorted(content.items()):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            member.mode = 0o444
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def secrets(environment: Mapping[str, str]) -> list[str]:
    """What must not be printed: credentials in URLs, and what is named or long as one, each line
    of it by itself."""
    found: set[str] = set()
    for name, value in environment.items():
        for part in value.split():
            if "://" in part:
                found |= _credentials(part)
        named = _SECRET_NAME.search(name) and not _ADDRESS.fullmatch(value)
        if named or ("://" not in value and len(value) >= _LONG):
            found.add(value)
    shown = {form for secret in found if not is_everyday(secret) for form in forms(secret)}
    return sorted((form for form in shown if len(form) >= _SHORT), key=len, reverse=True)


def _credentials(address: str) -> set[str]:
    """All of it, where it is no address after all: who knows what is in it."""
    try:
        url = urlsplit(address)
    except ValueError:
        return {address}
    return {url.password or "", url.netloc.rpartition("@")[0]}
