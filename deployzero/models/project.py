"""What the detection engine says about a source tree, and what a health check is."""

from dataclasses import dataclass, field

ProjectType = str
"""nodejs, python, go, static, dockerfile, or a stack of buildpacks/: the set is open."""

DEFAULT_PORT = 8000
"""`PORT` of every app that does not say otherwise (a Dockerfile's first EXPOSE does)."""


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """One start-up check of a process, from app.json's `healthchecks` or the default.

    `path` None means that an open port is enough. Times are in seconds. The format
    and its defaults follow Dokku's app.json.
    """

    name: str = "default"
    path: str | None = "/"
    port: int | None = None
    attempts: int | None = None
    """Failed tries before giving up; None: until BOOT_TIMEOUT is over."""
    timeout: float = 5.0
    wait: float = 0.0
    """Pause between two tries; 0: deployzero's own quick rhythm."""
    initial_delay: float = 0.0
    content: str | None = None
    """Text that the body must contain."""
    below: int = 500
    """Statuses from here on fail. A check that app.json declares fails from 400 on, as Dokku's."""


@dataclass(frozen=True, slots=True)
class ProjectConfig:
    """How to build and run a source tree. Made by detection, stored with the deployment."""

    type: ProjectType
    build_command: str | None = None
    """Run in the build, after dependencies are installed and the source is there."""
    start_command: str | None = None
    """Shell command of the web process; None: the image's own (static, Dockerfile)."""
    port: int = DEFAULT_PORT
    environment: dict[str, str] = field(default_factory=dict)
    run_environment: dict[str, str] = field(default_factory=dict)
    """Variables of the running processes alone: no build reads them, no layer depends on them."""
    install_path: str = "/app"
    framework: str | None = None
    package_manager: str | None = None
    runtime_version: str | None = None
    """What the repository asks for, as a plain or partial version ('3.11', '20', '1.24.2')."""
    processes: dict[str, str] = field(default_factory=dict)
    """Name to shell command, `web` and `release` included."""
    static_dir: str | None = None
    """Folder to serve as files, relative to the repository ('.' for its root)."""
    spa: bool = False
    """Unknown paths answer index.html."""
    install_files: tuple[str, ...] = ()
    """What the dependency layer needs and is keyed by: lock files, manifests; folders as 'a/'."""
    install_command: str | None = None
    """Installs dependencies from `install_files` alone."""
    prune_command: str | None = None
    """Run after the build: takes out what only the build needed."""
    tools: tuple[str, ...] = ()
    """Packages of the language's own registry that build and app call ('pnpm@9.5.0', 'bun@1')."""
    build_packages: tuple[str, ...] = ()
    """Debian packages that building needs, beyond those of the base image."""
    run_packages: tuple[str, ...] = ()
    """Debian packages that the running app needs, beyond those of the base image."""
    refusal: str | None = None
    """Recognised, and why it cannot be built; `reasons` end with the way out."""
    main: str | None = None
    """Go: the package to build ('.', './cmd/web'). Otherwise the entry file, if known."""
    plain_script: bool = False
    """The start is a script that lies there, with no sign that it waits for requests."""
    unstartable: str | None = None
    """Why there is no start command, where that is known."""
    unstartable_hint: str | None = None
    """What to do about it, where that is not what always helps."""
    dockerfile: str | None = None
    """The repository's own Dockerfile, relative to its root."""
    health_checks: dict[str, tuple[HealthCheck, ...]] = field(default_factory=dict)
    """Process name to its start-up checks; absent: the default check."""
    formation: dict[str, int] = field(default_factory=dict)
    """Process name to how many, from app.json; absent: web 1, others 0."""
    generated_secrets: tuple[str, ...] = ()
    """Variables that app.json asks to have generated (`"generator": "secret"`)."""
    root: str = "."
    """Folder of the repository that is the app; its build sees nothing else."""
    assets: "ProjectConfig | None" = None
    """A front end beside the app, built first: the app's build gets the tree with its files."""
    unread: tuple[str, ...] = ()
    """Of a front end: endings of the app's sources that its build does not read ('.py')."""
    password_file: str | None = None
    """Who may see a static site, as `htpasswd` writes it (Staticfile.auth)."""
    reasons: tuple[str, ...] = ()
    """Why this and not another, in the user's words, shown in the push."""
