"""One file an app in the folder that Traefik watches."""

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from deployzero.errors import RoutingError
from deployzero.routing.route import APP, Route, route_of, traefik_route

SUFFIXES = (".yml", ".yaml", ".toml")
OWN = "_proxy.yml"
"""The proxy's own part; no app's name begins with an underscore."""


@dataclass(frozen=True, slots=True)
class RouteFiles:
    """The folder `routes`; files are made in `incoming` beside it and renamed into place.

    Beside it, since Traefik would read the folder again for the half-written file. Not
    synced to disk: after a power cut, reconcile writes every route again.
    """

    routes: Path
    incoming: Path

    def write(self, route: Route) -> None:
        """Put a route in place, atomically; what it replaces stays if anything is wrong."""
        self.put(f"{route.app}.yml", traefik_route(route))

    def put(self, name: str, config: dict[str, Any]) -> None:
        text = yaml.safe_dump(config, sort_keys=False)
        # The file provider runs files through Go's templates; nothing of ours has any.
        if "{{" in text or yaml.safe_load(text) != config:
            raise RoutingError(f"refused to write a broken route file {name}", "This is a bug.")
        try:
            self.routes.mkdir(parents=True, exist_ok=True)
            self.incoming.mkdir(parents=True, exist_ok=True)
            made = self.incoming / name
            made.write_text(text)
            os.replace(made, self.routes / name)
        except OSError as error:
            raise RoutingError(
                f"cannot write the route file {self.routes / name}: {error.strerror}",
                "Check the disk's space and the folder's owner.",
            ) from error

    def read(self, app: str) -> Route | None:
        """None: there is none, or it is not as deployzero writes it."""
        try:
            return route_of(yaml.safe_load(self._file(app).read_text()))
        except (OSError, UnicodeDecodeError, yaml.YAMLError):
            return None

    def holds(self, route: Route) -> bool:
        """Whether the file is as `write` would write it now, in every part."""
        try:
            found = yaml.safe_load(self._file(route.app).read_text())
        except (OSError, UnicodeDecodeError, yaml.YAMLError):
            return False
        return bool(found == traefik_route(route))

    def remove(self, app: str) -> None:
        """Idempotent."""
        self._file(app).unlink(missing_ok=True)

    def apps(self) -> list[str]:
        """The apps that have a route."""
        stems = (path.stem for path in self.routes.glob("*.yml"))
        return sorted(stem for stem in stems if APP.fullmatch(stem))

    def broken(self) -> list[str]:
        """Files that Traefik cannot read, each with why: one of them stops every update."""
        files = (path for path in self.routes.rglob("*") if path.suffix in SUFFIXES)
        return [f"{path}: {why}" for path in sorted(files) if (why := _fault(path))]

    def _file(self, app: str) -> Path:
        if not APP.fullmatch(app):
            raise RoutingError(f"bad app name for a route: {app!r}", "This is a bug.")
        return self.routes / f"{app}.yml"


def _fault(path: Path) -> str:
    try:
        text = path.read_text()
        config = tomllib.loads(text) if path.suffix == ".toml" else yaml.safe_load(text)
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError, yaml.YAMLError, tomllib.TOMLDecodeError) as error:
        return " ".join(str(error).split())
    if config is not None and not isinstance(config, dict):
        return "no mapping at its top"
    return ""
