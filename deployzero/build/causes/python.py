"""pip, uv, Poetry, Pipenv and PDM, and Django's collectstatic."""

from deployzero.models.cause import Cause

NAME = r"(?P<package>[\w.-]+)"

LOCKS = (
    Cause(
        r"^error: The lockfile at `uv\.lock` needs to be updated, but `--(?:locked|frozen)`",
        "pyproject.toml and uv.lock do not match",
        "Run `uv lock`, commit uv.lock and push again.",
    ),
    Cause(
        r"^error: Unable to find lockfile at `uv\.lock`",
        "there is no uv.lock",
        "Run `uv lock`, commit uv.lock and push again.",
    ),
    Cause(
        r"pyproject\.toml changed significantly since poetry\.lock was last generated"
        r"|poetry\.lock is not up to date with pyproject\.toml",
        "pyproject.toml and poetry.lock do not match",
        "Run `poetry lock`, commit poetry.lock and push again.",
    ),
    Cause(
        r"Your Pipfile\.lock\s+\([0-9a-f]+\)\s+is\s+out\s+of\s+date",
        "Pipfile and Pipfile.lock do not match",
        "Run `pipenv lock`, commit Pipfile.lock and push again.",
    ),
    Cause(
        r"Pipfile\.lock not found! You need to run",
        "there is no Pipfile.lock",
        "Run `pipenv lock`, commit Pipfile.lock and push again.",
    ),
    Cause(
        r"\[ProjectError\]: Lockfile does not exist",
        "there is no pdm.lock",
        "Run `pdm lock`, commit pdm.lock and push again.",
    ),
    Cause(
        r"^ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE\..*\n"
        r"\s+(?P<package>[\w.=-]+) from",
        "{package} is not what its hash in the requirements says",
        "Make the hashes anew (`pip-compile --generate-hashes`, or `uv export`), commit and push "
        "again.",
    ),
    Cause(
        r"^ERROR: Hashes are required in --require-hashes mode, but they are missing",
        "some requirements have a hash, and some have none",
        "Make them all anew (`pip-compile --generate-hashes`, or `uv export`), commit and push "
        "again.",
    ),
)
VERSIONS = (
    Cause(
        r"^ERROR: Ignored the following versions that require a different python version: .*\n"
        r"(?:.*\n){0,6}?ERROR: No matching distribution found for (?P<wanted>\S+)",
        "the package index has no {wanted} for this version of Python",
        "Ask in the requirements for one that there is (listed above); or, where it stands among "
        "those that were ignored, for another Python: .python-version with 3.13 or 3.11. Commit "
        "and push again.",
    ),
    Cause(
        r"^ERROR: Package '" + NAME + r"' requires a different Python: (?P<have>[\d.]+) not in "
        r"'(?P<wanted>[^'\n]+)'",
        "this is Python {have}, and {package} wants {wanted}",
        "Name a version that fits in .python-version, or widen requires-python in pyproject.toml.",
    ),
    Cause(
        r"^Current Python version \((?P<have>[\d.]+)\) is not allowed by the project "
        r"\((?P<wanted>[^)\n]+)\)",
        "this is Python {have}, and pyproject.toml wants {wanted}",
        "Name a version that fits in .python-version, or widen `python` in pyproject.toml and run "
        "`poetry lock`.",
    ),
    Cause(
        r"^error: The requested interpreter resolved to Python (?P<have>[\d.]+), which is "
        r"incompatible with the project's Python requirement: `(?P<wanted>[^`\n]+)`",
        "this is Python {have}, and pyproject.toml wants {wanted}",
        "Widen requires-python in pyproject.toml, run `uv lock` and push again; or let the server "
        "use official images, which have each Python: DEPLOYZERO_BASE_IMAGES=official",
    ),
    Cause(
        r"^error: No interpreter found for Python (?P<wanted>\S+) in",
        "there is no Python {wanted} here",
        "Ask for one that the server has (.python-version, requires-python): the push says above "
        "which it took.",
    ),
    Cause(
        r"^Warning: Python (?P<wanted>[\d.]+) was not found on your system",
        "there is no Python {wanted} here, which the Pipfile wants",
        "Ask for one that the server has (python_version in Pipfile), run `pipenv lock`, commit "
        "both and push again.",
    ),
)
PACKAGES = (
    Cause(
        r"The 'sklearn' PyPI package is deprecated, use 'scikit-learn'",
        "the package sklearn is called scikit-learn",
        "Write scikit-learn in the place of sklearn in your requirements, and push again.",
    ),
    Cause(
        r"^ERROR: No matching distribution found for (?P<package>pywin32|pywinpty|pypiwin32|"
        r"windows-curses|wmi)\b",
        "{package} is for Windows, and this is Linux",
        "Take it out of your requirements, or mark it: {package}; sys_platform == 'win32'",
    ),
    Cause(
        r"^ERROR: Could not find a version that satisfies the requirement (?P<wanted>\S+)"
        r"(?: \(from [^)\n]*\))? \(from versions: none\)",
        "the package index has no {wanted} for this Python",
        "Check its name in your requirements. If it lies in an index of your own: "
        "config:set {app} PIP_EXTRA_INDEX_URL=https://<user>:<token>@<index>/simple --build",
    ),
    Cause(
        r"^ERROR: No matching distribution found for (?P<wanted>\S+)",
        "the package index has no version {wanted}",
        "Ask for one that there is (listed above) and that is for this Python, and push again.",
    ),
    Cause(
        r"^ERROR: Cannot install (?P<packages_named>.{1,200}?) because these package versions have "
        r"conflicting dependencies",
        "the requirements contradict each other: {packages_named}",
        "Loosen one of the versions that stand above under 'The conflict is caused by'.",
    ),
    Cause(
        r"Because " + NAME + r" was not found in the package registry and",
        "the package index has no {package}",
        "Check its name in pyproject.toml, run `uv lock` and push again.",
    ),
    Cause(
        r"Because there is no version of (?P<wanted>\S+) and",
        "the package index has no version {wanted}",
        "Ask in pyproject.toml for one that there is, run `uv lock` and push again.",
    ),
    Cause(
        r"^Because \S+ depends on " + NAME + r" \((?P<wanted>[^)\n]+)\) which doesn't match any "
        r"versions, version solving failed",
        "the package index has no {package} {wanted}",
        "Check name and version in pyproject.toml, run `poetry lock` and push again.",
    ),
)
PROJECT = (
    Cause(
        r"^Error: The current project could not be installed: No file/folder found for package "
        + NAME,
        "Poetry looks for a folder {package} to install, and there is none",
        "In pyproject.toml, under [tool.poetry]: package-mode = false",
    ),
    Cause(
        r"error: Multiple top-level packages discovered in a flat-layout",
        "setuptools does not know which of the folders is the package",
        "In pyproject.toml: [tool.setuptools] with packages = [], if the app is not to be "
        "installed itself; else name its package there.",
    ),
    Cause(
        r"ModuleNotFoundError: No module named 'pkg_resources'",
        "a package asks setuptools for pkg_resources, which newer ones do not have",
        "Ask for a newer version of that package (see above).",
    ),
    Cause(
        r"ModuleNotFoundError: No module named '(?P<module>distutils|imp)'",
        "a package is too old for this Python, which has no '{module}' any more",
        "Ask for a newer version of it (see above), or for an older Python: .python-version with "
        "3.11",
    ),
    Cause(
        r"ImproperlyConfigured: You're using the staticfiles app without having set the "
        r"STATIC_ROOT setting",
        "Django's collectstatic has no STATIC_ROOT",
        'In the settings: STATIC_ROOT = BASE_DIR / "staticfiles"',
    ),
    Cause(
        r"ImproperlyConfigured: The SECRET_KEY setting must not be empty",
        "Django has no SECRET_KEY in the build",
        "Set one, then push again: config:set {app} SECRET_KEY=$(openssl rand -hex 32) --build",
    ),
    Cause(  # last of all: a header or a library that is missing is told as that
        r"error: [Cc]ommand '(?:\['|\S*/)?[\w-]*(?:gcc|g\+\+|cc|c\+\+|clang)(?:-\d+)?'.* "
        r"(?:failed with exit code|returned non-zero exit status) \d.*\n"
        r"(?:.*\n){0,12}?\s*ERROR: Failed building wheel for " + NAME,
        "the compiler refuses {package}",
        "Often it is too old for this Python, or for this compiler: ask for a newer release of it "
        "in your requirements, or for an older Python: .python-version with 3.11. Else see the "
        "first 'error:' above.",
    ),
)
PYTHON = (*LOCKS, *VERSIONS, *PACKAGES, *PROJECT)
