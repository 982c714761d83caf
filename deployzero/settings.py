"""The one reader of the environment: settings by DEPLOYZERO_<NAME> or a TOML file."""

import difflib
import ipaddress
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from deployzero.errors import SettingsError

PREFIX = "DEPLOYZERO_"
BUILD_ENV_PREFIX = "build_env_"
SELF_SIGNED = "self-signed"
OF_THE_CLIENT = frozenset({"server", "api_key", "debug"})
"""What the command line reads, on a machine that may be the server's too."""
HOST_CA_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(ge=0)]
UNITS = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


def parse_bytes(value: int | str) -> int:
    """Read '512m', '1g' or a plain number of bytes, as docker's --memory does."""
    text = str(value).strip().lower().removesuffix("ib").removesuffix("b")
    unit = text[-1:] if text[-1:] in "kmg" else ""
    number = text.removesuffix(unit)
    if not number.isdigit() or int(number) == 0:
        raise ValueError(f"'{value}' is not a size; write 512m, 1g or a number of bytes")
    return int(number) * UNITS[unit]


def _size(value: str) -> str:
    parse_bytes(value)
    return value


Size = Annotated[str, AfterValidator(_size)]


def _address(value: str) -> str:
    return str(ipaddress.ip_address(value))


def default_data_dir() -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/deployzero")
    home = os.environ.get("XDG_DATA_HOME", "") or str(Path.home() / ".local/share")
    return Path(home) / "deployzero"


class Settings(BaseModel):
    """Every knob there is. Sizes are docker's ('512m'); times are seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data_dir: Path = Field(default_factory=default_data_dir)
    domain: str = Field(default="localhost", pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$")
    bind: Annotated[str, AfterValidator(_address)] = "127.0.0.1"
    ssh_port: Port = 2222
    http_port: Port = 8080
    https_port: Port = 8443
    api_port: Port = 8081
    database_url: str = ""
    redis_url: str = ""
    docker_host: str = ""
    base_images: str = "auto"
    buildpacks: Path | None = None
    build_ca_bundle: str = ""
    debian_mirror: str = "http://deb.debian.org/debian"
    memory: Size = "512m"
    cpus: Annotated[float, Field(gt=0)] = 0.5
    boot_cpus: Annotated[float, Field(gt=0)] = 2.0
    pids: Annotated[int, Field(ge=16)] = 512
    build_concurrency: Annotated[int, Field(ge=1)] = 1
    build_memory: Size = "2g"
    keep_releases: Annotated[int, Field(ge=1)] = 5
    build_timeout: Annotated[float, Field(gt=0)] = 900
    boot_timeout: Annotated[float, Field(gt=0)] = 60
    drain_seconds: Seconds = 10
    stop_grace: Seconds = 10
    min_free_disk: Size = "1g"
    app_log_bytes: Size = "10m"
    """What is kept of an app's runtime log once its containers are gone."""
    max_run_seconds: Annotated[float, Field(gt=0)] = 86400
    """A one-off run ends then, whatever it does."""
    max_push_bytes: Size = "512m"
    max_upload_bytes: Size = "512m"
    admin_keys: Path | None = None
    allow_plain_http: bool = False
    tls_cert: str = ""
    """PEM file of the certificate and its chain: HTTPS_PORT serves, HTTP redirects. `self-signed`:
    the one that the proxy makes."""
    tls_key: Path | None = None
    registration: Literal["first", "invite", "open"] = "first"
    """Who may make an account over HTTP without an invitation."""
    build_env: dict[str, str] = Field(default_factory=dict)
    """From BUILD_ENV_<NAME>: variables of every build step (index URLs and the like)."""

    @property
    def database(self) -> str:
        """SQLAlchemy URL with its async driver."""
        url = self.database_url or f"sqlite+aiosqlite:///{self.data_dir / 'deployzero.db'}"
        scheme, _, rest = url.partition("://")
        drivers = {
            "postgres": "postgresql+asyncpg",
            "postgresql": "postgresql+asyncpg",
            "sqlite": "sqlite+aiosqlite",
        }
        return f"{drivers.get(scheme, scheme)}://{rest}"

    @property
    def ca_bundle(self) -> Path | None:
        """The CA bundle that builds get: set by hand, the host's own, or None."""
        if self.build_ca_bundle == "none":
            return None
        if self.build_ca_bundle:
            return Path(self.build_ca_bundle)
        return next((Path(p) for p in HOST_CA_BUNDLES if Path(p).is_file()), None)

    @property
    def own_buildpacks(self) -> Path | None:
        """The operator's folder of buildpacks, over ours."""
        return self.buildpacks or self.data_dir / "buildpacks"

    @property
    def local(self) -> str:
        """The address at which this machine itself reaches what listens on BIND."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.bind, self.bind)  # noqa: S104

    @property
    def tls(self) -> bool:
        """HTTPS_PORT serves, HTTP_PORT leads there, and API_PORT speaks TLS."""
        return bool(self.tls_cert)

    @property
    def port(self) -> int:
        """Where apps and pages answer."""
        return self.https_port if self.tls else self.http_port

    @property
    def tls_files(self) -> tuple[Path, Path] | None:
        """Certificate and key; None: the proxy's own, or no TLS."""
        if self.tls_key is None:
            return None
        return Path(self.tls_cert), self.tls_key

    def host(self, app: str) -> str:
        return f"{app}.{self.domain}"

    def url(self, app: str) -> str:
        """Where an app answers."""
        scheme, usual = ("https", 443) if self.tls else ("http", 80)
        return f"{scheme}://{self.host(app)}" + ("" if self.port == usual else f":{self.port}")

    @property
    def api_url(self) -> str:
        """Where the HTTP API and its pages answer, for links that people follow."""
        return self.url("api")

    def git_remote(self, app: str) -> str:
        """Where an app is pushed to."""
        return f"ssh://deployzero@{self.domain}:{self.ssh_port}/{app}"


def load_settings(config: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the TOML file, then the environment over it.

    Raises SettingsError naming the setting that is unknown or bad.
    """
    values = _from_file(config) if config else {}
    values.update(
        (name.removeprefix(PREFIX).lower(), value)
        for name, value in environ.items()
        if name.startswith(PREFIX)
        and value != ""
        and name.removeprefix(PREFIX).lower() not in OF_THE_CLIENT
    )
    build_env = dict(values.pop("build_env", {}))
    for name in [n for n in values if n.startswith(BUILD_ENV_PREFIX)]:
        build_env[name.removeprefix(BUILD_ENV_PREFIX).upper()] = str(values.pop(name))
    try:
        settings = Settings(**values, build_env=build_env)
    except ValidationError as error:
        raise _named(error) from error
    if settings.ca_bundle and not settings.ca_bundle.is_file():
        raise SettingsError(
            f"bad setting {PREFIX}BUILD_CA_BUNDLE: there is no file {settings.ca_bundle}",
            "Name a PEM file, or 'none' to hand no certificates to builds.",
        )
    if settings.buildpacks and not settings.buildpacks.is_dir():
        raise SettingsError(
            f"bad setting {PREFIX}BUILDPACKS: there is no folder {settings.buildpacks}",
            "Name a folder with a sub-folder for each stack.",
        )
    _check_ports(settings)
    _check_tls(settings)
    return settings


def _check_tls(settings: Settings) -> None:
    """What the files hold is looked at when the server starts."""
    if settings.tls_cert == SELF_SIGNED and settings.tls_key is not None:
        raise SettingsError(
            f"bad setting {PREFIX}TLS_KEY: a self-signed certificate comes with its own key",
            f"Unset it, or name a file in {PREFIX}TLS_CERT.",
        )
    if settings.tls_cert not in ("", SELF_SIGNED) and settings.tls_key is None:
        raise SettingsError(
            f"unset setting {PREFIX}TLS_KEY: {PREFIX}TLS_CERT is of no use without its key",
            "Name the PEM file of the key (certbot's privkey.pem).",
        )
    if settings.tls_key is not None and not settings.tls:
        raise SettingsError(
            f"unset setting {PREFIX}TLS_CERT: {PREFIX}TLS_KEY is of no use without it",
            "Name the PEM file of the certificate and its chain (certbot's fullchain.pem).",
        )
    public = not ipaddress.ip_address(settings.bind).is_loopback
    if public and not settings.tls and not settings.allow_plain_http:
        raise SettingsError(
            f"bad setting {PREFIX}BIND: {settings.bind} is public, and the HTTP API has no TLS",
            f"Keys would travel in the clear. Name a certificate in {PREFIX}TLS_CERT and its key in"
            f" {PREFIX}TLS_KEY, keep BIND on 127.0.0.1 behind a TLS proxy of yours, or accept it"
            f" with {PREFIX}ALLOW_PLAIN_HTTP=true.",
        )


def _check_ports(settings: Settings) -> None:
    ports: dict[int, str] = {}
    for name in ("ssh_port", "http_port", "api_port", *(("https_port",) if settings.tls else ())):
        other = ports.setdefault(getattr(settings, name), name)
        if other != name:
            raise SettingsError(
                f"bad setting {PREFIX}{name.upper()}: {PREFIX}{other.upper()} is the same port",
                "Give each a port of its own.",
            )


def _from_file(config: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(config.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(
            f"cannot read the settings in {config}: {error}",
            "Check the path given to --config and that it is TOML.",
        ) from error


def _named(error: ValidationError) -> SettingsError:
    first = error.errors()[0]
    name = PREFIX + str(first["loc"][0]).upper()
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(
            str(first["loc"][0]), [*Settings.model_fields, "build_env_name"], n=1
        )
        hint = f"Did you mean {PREFIX}{near[0].upper()}?" if near else "See the README's table."
        return SettingsError(f"unknown setting {name}", hint)
    return SettingsError(
        f"bad setting {name}: {first['msg'].removeprefix('Value error, ')}",
        "See the README's table of settings.",
    )
