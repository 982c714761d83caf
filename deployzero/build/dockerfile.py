"""Dockerfiles from the templates in buildpacks/<type>/.

The context that they are written for (see context.py): `src/` is the source tree,
`deps/` its install files alone, so that one changed source line redoes the last COPY only.
"""

import functools
import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    select_autoescape,
)

from deployzero.build import nodejs
from deployzero.build.base_image_names import BaseImage, is_site, is_tiny
from deployzero.build.command import one_line, process_command
from deployzero.build.material import SOURCING, mount
from deployzero.errors import BuildError
from deployzero.models.buildpack import Buildpack
from deployzero.models.buildpacks import BUILT_IN, MANIFEST, Buildpacks, buildpacks
from deployzero.models.project import ProjectConfig

SERVE_FILES = (
    'sed "s/__PORT__/${PORT:-8000}/" /etc/deployzero/nginx.conf > /tmp/nginx.conf'
    " && exec nginx -e stderr -c /tmp/nginx.conf -g 'daemon off;'"
)
"""The port is known when the container starts; nginx's own files cannot read it."""
_TREE = """\
FROM scratch AS tree
WORKDIR {path}
COPY src/ code/ ./
COPY --from=assets {path}/ ./

"""
"""The whole tree, where the front end was built without the app's sources: they may change and
it need not be built anew."""
APT_CACHES = {"apt": "/var/cache/apt", "lists": "/var/lib/apt/lists"}
_GO_CACHES = {"gomod": "/go/pkg/mod"}
_GO_COMPILED = "/root/.cache/go-build"


def render(
    config: ProjectConfig,
    base: BaseImage,
    scope: str = "app",
    material: str | None = None,
    stacks: Buildpacks | None = None,
    assets: BaseImage | None = None,
) -> str:
    """The Dockerfile that builds this project on this base, and on `assets` its front end.

    `material` names the image with the build-only files; None leaves the mounts out.
    `scope` begins the ids of the package managers' caches (`cache_scope`): apps share none.
    `stacks` are ours and the operator's. Raises BuildError where a template cannot be filled.
    """
    stacks = stacks or buildpacks()
    front_end = ""
    if config.assets:
        front_end = _front_end(config.assets, assets or base, scope, material, stacks)
        if config.assets.unread:
            front_end += _TREE.format(path=config.install_path)
    return front_end + _stages(config, base, scope, material, stacks)


def _stages(
    config: ProjectConfig, base: BaseImage, scope: str, material: str | None, stacks: Buildpacks
) -> str:
    """The stages of its own stack."""
    stack = stacks.stacks.get(config.type)
    site = None
    if is_site(config):
        site = f"{config.install_path}/{config.static_dir}".removesuffix("/.")
    named = (f"{config.type}/Dockerfile.j2", "base/stack.j2")
    return _filled(
        stacks.folders,
        named,
        config=config,
        source=_source(config),
        tiny=is_tiny(config),
        apt_caches=_mounts(f"{scope}/{base.version}", APT_CACHES, ",sharing=locked"),
        keep=stack.keep if stack else (),
        base=base,
        scope=scope,
        path=config.install_path,
        install_files=config.install_files,
        install=nodejs.install(config) if config.type == "nodejs" else config.install_command,
        material=f"{mount(material)} " if material else "",
        sourcing=f"{SOURCING} && " if material else "",
        environment="".join(f" {name}={_env(v)}" for name, v in config.environment.items()),
        caches=_caches(config, stack, scope, base),
        build_caches=_mounts(scope, nodejs.build_caches(config)),
        cache_link=nodejs.cache_link(config),
        old_npm=nodejs.is_old_npm(config, base),
        site=site,
        folder="src/" if config.static_dir in (None, ".") else f"src/{config.static_dir}/",
        command=_command(config),
    )


def nginx_conf(config: ProjectConfig) -> str:
    """The web server's settings for a project that is a site of files."""
    return _filled((BUILT_IN,), ("static/nginx.conf.j2",), config=config, path=config.install_path)


def pack_files(config: ProjectConfig, stacks: Buildpacks) -> dict[str, str]:
    """What else lies in the stack's folder (a server's settings), for `COPY pack/<name>`."""
    folder = next((f / config.type for f in stacks.folders if (f / config.type).is_dir()), None)
    if folder is None or config.type not in stacks.stacks:
        return {}
    files = (f for f in sorted(folder.iterdir()) if f.is_file() and f.suffix != ".j2")
    return {f"pack/{f.name}": f.read_text() for f in files if f.name != MANIFEST}


def render_stack(name: str, **values: Any) -> str:
    """Dockerfile of one of deployzero's own base images, with stages `build` and `runtime`."""
    named = (f"base/{name}.Dockerfile.j2", "base/packages.Dockerfile.j2")
    return _filled((BUILT_IN,), named, **values)


def _front_end(
    config: ProjectConfig, base: BaseImage, scope: str, material: str | None, stacks: Buildpacks
) -> str:
    """The stages of its own Dockerfile but the last, as the stage `assets`.

    What the app's stages get from it is the tree with what was built in it.
    """
    built = replace(
        config, start_command=None, processes={}, static_dir=".", prune_command=None
    )  # for its build alone
    text = _stages(built, base, scope, material, stacks)
    stages = text[: text.rindex("\nFROM ")]
    stages = re.sub(r"(?m)^(COPY (?:--\S+ )*)deps/", r"\1assets/", stages)
    stages = re.sub(r"(?im)^(FROM \S+ AS) build$", r"\1 assets", stages)
    stages = stages.replace("--from=build ", "--from=assets ")
    modules = "RUN find . -name node_modules -type d -prune -exec rm -rf {} +"
    return f"{stages.rstrip()}\n{modules}\n\n"


def _source(config: ProjectConfig) -> str:
    """Where the app's stages copy the tree from."""
    if config.assets is None:
        return "src/"
    return f"--from={'tree' if config.assets.unread else 'assets'} {config.install_path}/"


def _mounts(scope: str, caches: Mapping[str, str], more: str = "") -> str:
    return "".join(
        f"--mount=type=cache,id={scope}/{tool},target={target}{more} "
        for tool, target in caches.items()
    )


def _caches(config: ProjectConfig, stack: Buildpack | None, scope: str, base: BaseImage) -> str:
    """What the package manager keeps from build to build; a stack of data names its own."""
    known = {
        "go": _GO_CACHES,
        "nodejs": nodejs.caches(config),
        "python": _python_caches(config.package_manager),
    }
    caches = stack.caches if stack and stack.caches else known.get(config.type, {})
    return _mounts(scope, caches) + _compiled(scope, base) * (config.type == "go")


def _python_caches(manager: str | None) -> dict[str, str]:
    """pip's as well: it installs the others."""
    folders = {"uv": "uv", "poetry": "pypoetry", "pdm": "pdm", "pipenv": "pipenv"}
    names = ("pip", *(folder for name, folder in folders.items() if name == manager))
    return {name: f"/root/.cache/{name}" for name in names}


def _compiled(scope: str, base: BaseImage) -> str:
    """Go's build cache, which begins with the standard library where the image has it compiled."""
    begun = "" if base.origin == "official" else f",from={base.build},source={_GO_COMPILED}"
    return _mounts(scope, {"gobuild": _GO_COMPILED}, begun)


def _command(config: ProjectConfig) -> list[str] | None:
    if config.start_command:
        return process_command(config.start_command)
    return ["/bin/sh", "-c", SERVE_FILES] if is_site(config) else None


def _env(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return '"' + escaped.replace("\n", " ") + '"'


def _filled(folders: tuple[Path, ...], named: tuple[str, ...], **values: Any) -> str:
    """The first of these templates that is there."""
    try:
        return _templates(folders).select_template(named).render(**values)
    except TemplateError as error:
        raise BuildError(
            f"the template {named[0]} cannot be filled: {error.message}",
            "This is the server's to mend: its operator's buildpack, or a bug of ours.",
        ) from error


@functools.cache
def _templates(folders: tuple[Path, ...]) -> Environment:
    templates = Environment(
        autoescape=select_autoescape(),  # of HTML, which these are not
        loader=FileSystemLoader(folders),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(json=json.dumps, oneline=one_line, quote=shlex.quote)
    return templates
