"""What programs really printed (outputs/, cut to the lines that decide) and the cause told."""

from pathlib import Path

import pytest
import re2  # type: ignore[import-untyped]

from deployzero.build.causes import CAUSES
from deployzero.models.cause import Known, Subject, known_cause

OUTPUTS = Path(__file__).parent / "outputs"
CASES: tuple[tuple[str, str, int, str], ...] = (
    ("npm-ci-no-lock", "nodejs", 1, "there is no package-lock.json"),
    ("npm-ci-out-of-sync", "nodejs", 1, "package.json and package-lock.json do not match"),
    ("npm-merge-conflict", "nodejs", 1, "package.json holds a merge conflict that was committed"),
    ("npm-bad-json", "nodejs", 1, "package.json is no valid JSON"),
    ("npm-not-found", "nodejs", 1, "no-such-pkg-deployzero-x is not in the registry"),
    ("npm-no-version", "nodejs", 1, "there is no version ms@^99"),
    (
        "npm-conflict",
        "nodejs",
        1,
        'the packages do not fit together: react-dom@17.0.2 wants react@"17.0.2"',
    ),
    ("npm-engine", "nodejs", 1, "this is Node.js 20.19.2, and a package wants >=26"),
    ("npm-platform", "nodejs", 1, "@esbuild/darwin-arm64@0.25.0 is for darwin, and this is Linux"),
    ("npm-401", "nodejs", 1, "the registry 127.0.0.1:8999 refuses: it wants credentials"),
    (
        "npm-403",
        "nodejs",
        1,
        "the registry 127.0.0.1:8999 forbids it (403): by its rules, or for want of credentials",
    ),
    ("npm-dns", "nodejs", 1, "the build cannot reach no.such.host.invalid"),
    ("npm-refused", "nodejs", 1, "the build cannot reach 127.0.0.1:9"),
    (
        "npm-tls",
        "nodejs",
        1,
        "the build does not trust the certificate that it is shown: its authority is unknown",
    ),
    (
        "npm-git-ssh",
        "nodejs",
        128,
        "a dependency is fetched with git over SSH, and builds have no SSH key",
    ),
    ("npm-script-missing", "nodejs", 1, "package.json has no script 'build'"),
    ("npm-program-missing", "nodejs", 127, "there is no program 'vite'"),
    ("pnpm-program-missing", "nodejs", 1, "there is no program 'vite'"),
    ("tsc-module", "nodejs", 2, "TypeScript does not find express"),
    ("node-heap", "nodejs", 134, "Node.js ran out of heap"),
    (
        "node-openssl",
        "nodejs",
        1,
        "the bundler is too old for this Node.js (it wants OpenSSL's old hashes)",
    ),
    (
        "node-gyp-no-python",
        "nodejs",
        1,
        "a native package is compiled, and there is no Python for node-gyp",
    ),
    ("node-gyp-no-make", "nodejs", 1, "the program make is missing"),
    ("node-gyp-no-compiler", "nodejs", 1, "the program g++ is missing"),
    ("node-canvas-pkg-config", "nodejs", 1, "the library pixman-1 is missing"),
    ("pnpm-no-lock", "nodejs", 1, "there is no pnpm-lock.yaml"),
    ("pnpm-out-of-sync", "nodejs", 1, "package.json and pnpm-lock.yaml do not match"),
    (
        "pnpm-merge-conflict",
        "nodejs",
        1,
        "pnpm-lock.yaml holds a merge conflict that was committed",
    ),
    (
        "pnpm-not-found",
        "nodejs",
        1,
        "no-such-pkg-deployzero-x is not in the registry, or is private",
    ),
    ("pnpm-no-version", "nodejs", 1, "there is no version ms@^99"),
    (
        "pnpm-engine",
        "nodejs",
        1,
        "this is version 20.19.2, and >=26 is wanted (pnpm or Node.js, see above)",
    ),
    ("pnpm-401", "nodejs", 1, "the registry 127.0.0.1:8999 refuses: it wants credentials"),
    ("pnpm-dns", "nodejs", 1, "the build cannot reach no.such.host.invalid"),
    (
        "pnpm-tls",
        "nodejs",
        1,
        "the build does not trust the certificate that it is shown: its authority is unknown",
    ),
    ("yarn-out-of-sync", "nodejs", 1, "package.json and yarn.lock do not match"),
    (
        "yarn-not-found",
        "nodejs",
        1,
        "no-such-pkg-deployzero-x is not in the registry, or is private",
    ),
    ("yarn-no-version", "nodejs", 1, "there is no version ms@^99"),
    ("yarn-engine", "nodejs", 1, "this is Node.js 20.19.2, and x@ wants >=26"),
    ("yarn-dns", "nodejs", 1, "the build cannot reach no.such.host.invalid"),
    (
        "yarn-tls",
        "nodejs",
        1,
        "the build does not trust the certificate that it is shown: its authority is unknown",
    ),
    ("berry-out-of-sync", "nodejs", 1, "package.json and yarn.lock do not match"),
    ("berry-not-found", "nodejs", 1, "no-such-pkg-deployzero-x is not in the registry"),
    ("berry-no-version", "nodejs", 1, "there is no version ms@^99"),
    ("berry-401", "nodejs", 1, "the registry refuses: it wants credentials"),
    ("berry-dns", "nodejs", 1, "the build cannot reach no.such.host.invalid"),
    (
        "berry-tls",
        "nodejs",
        1,
        "the build does not trust the certificate that it is shown: its authority is unknown",
    ),
    ("bun-out-of-sync", "nodejs", 1, "package.json and bun.lock do not match"),
    ("bun-not-found", "nodejs", 1, "no-such-pkg-deployzero-x is not in the registry"),
    ("bun-no-version", "nodejs", 1, "there is no version ms@^99"),
    (
        "pip-not-found",
        "python",
        1,
        "the package index has no no-such-dist-deployzero-x for this Python",
    ),
    ("pip-no-version", "python", 1, "the package index has no version flask==99.1"),
    (
        "pip-conflict",
        "python",
        1,
        "the requirements contradict each other: flask==3.0.0 and werkzeug==2.0.0",
    ),
    ("pip-no-file", "python", 1, "requirements.txt is not in the repository"),
    ("pip-bad-line", "python", 1, "requirements.txt, line 1 is no requirement"),
    ("pip-hash", "python", 1, "six==1.16.0 is not what its hash in the requirements says"),
    ("pip-hash-missing", "python", 1, "some requirements have a hash, and some have none"),
    ("pip-sklearn", "python", 1, "the package sklearn is called scikit-learn"),
    ("pip-windows", "python", 1, "pywin32 is for Windows, and this is Linux"),
    (
        "pip-python",
        "python",
        1,
        "the package index has no numba==0.53.1 for this version of Python",
    ),
    ("pip-project-python", "python", 1, "this is Python 3.13.5, and x wants <3.10"),
    ("pip-401", "python", 2, "the package index 127.0.0.1:8999 refuses: it wants credentials"),
    (
        "pip-bad-credentials",
        "python",
        1,
        "the package index 127.0.0.1:8999 refuses the credentials that it gets",
    ),
    ("pip-dns", "python", 1, "the build cannot reach the package index"),
    ("pip-refused", "python", 1, "the build cannot reach the package index"),
    (
        "pip-tls",
        "python",
        1,
        "the build does not trust the certificate that it is shown: its authority is unknown",
    ),
    ("pip-git-dns", "python", 1, "the build cannot reach no.such.host.invalid"),
    ("pip-psycopg2", "python", 1, "the program pg_config is missing"),
    ("pip-mysqlclient", "python", 1, "MariaDB's (MySQL's) client library is missing"),
    ("pip-pillow", "python", 1, "Pillow's library jpeg is missing"),
    ("pip-lxml", "python", 1, "libxml2 and libxslt are missing"),
    ("pip-header", "python", 1, "the header lber.h is missing"),
    ("pip-meson", "python", 1, "the library cairo is missing"),
    ("pip-gdal", "python", 1, "the program gdal-config is missing"),
    ("pip-pycurl", "python", 1, "the program curl-config is missing"),
    ("pip-xmlsec", "python", 1, "the library xmlsec1 is missing"),
    ("pip-rust", "python", 1, "a package is compiled from Rust, and there is no Rust compiler"),
    ("pip-ffi", "python", 1, "the header ffi.h is missing"),
    ("pip-no-compiler", "python", 1, "the program x86_64-linux-gnu-gcc is missing"),
    ("pip-python-header", "python", 1, "the header Python.h is missing"),
    (
        "pip-old-setup",
        "python",
        1,
        "a package is too old for this Python, which has no 'imp' any more",
    ),
    (
        "pip-pkg-resources",
        "python",
        1,
        "a package asks setuptools for pkg_resources, which newer ones do not have",
    ),
    (
        "pip-flat-layout",
        "python",
        1,
        "setuptools does not know which of the folders is the package",
    ),
    ("uv-no-lock", "python", 1, "there is no uv.lock"),
    ("uv-out-of-sync", "python", 1, "pyproject.toml and uv.lock do not match"),
    ("uv-not-found", "python", 1, "the package index has no no-such-dist-deployzero-x"),
    ("uv-no-version", "python", 1, "the package index has no version six==99"),
    (
        "uv-requires-python",
        "python",
        2,
        "this is Python 3.13.5, and pyproject.toml wants >=3.14",
    ),
    ("uv-python", "python", 2, "there is no Python >=3.14 here"),
    ("uv-dns", "python", 2, "the build cannot reach no.such.host.invalid"),
    (
        "uv-tls",
        "python",
        2,
        "the build does not trust the certificate that it is shown: its authority is unknown",
    ),
    ("uv-401", "python", 1, "the package index 127.0.0.1:8999 refuses: it wants credentials"),
    ("poetry-out-of-sync", "python", 1, "pyproject.toml and poetry.lock do not match"),
    ("poetry-not-found", "python", 1, "the package index has no no-such-dist-deployzero-x *"),
    ("poetry-python", "python", 1, "this is Python 3.13.5, and pyproject.toml wants 3.10.*"),
    ("poetry-no-package", "python", 1, "Poetry looks for a folder x to install, and there is none"),
    ("pipenv-no-lock", "python", 1, "there is no Pipfile.lock"),
    ("pipenv-out-of-sync", "python", 1, "Pipfile and Pipfile.lock do not match"),
    ("pipenv-python", "python", 1, "there is no Python 3.9 here, which the Pipfile wants"),
    ("pdm-no-lock", "python", 1, "there is no pdm.lock"),
    ("django-static-root", "python", 1, "Django's collectstatic has no STATIC_ROOT"),
    ("bundler-ruby", "ruby", 18, "this is Ruby 3.3.14, and the Gemfile wants 3.2.1"),
    ("bundler-platform", "ruby", 16, "Gemfile.lock was made on another platform only"),
    ("bundler-lock-conflict", "ruby", 20, "Gemfile.lock holds a merge conflict that was committed"),
    ("bundler-conflict", "ruby", 4, "Gemfile holds a merge conflict that was committed"),
    ("bundler-frozen", "ruby", 16, "Gemfile and Gemfile.lock do not match"),
    ("bundler-dns", "ruby", 17, "the build cannot reach index.rubygems.org"),
    ("cargo-locked", "rust", 101, "Cargo.toml and Cargo.lock do not match"),
    ("cargo-version", "rust", 101, "this is Rust 1.85.1, and a@0.1.0 wants 1.99"),
    (
        "cargo-edition",
        "rust",
        101,
        "this Rust is older than the edition 2027, which a Cargo.toml asks for",
    ),
    (
        "cargo-nightly",
        "rust",
        101,
        "the code, or a crate, needs a nightly Rust, and this is a stable one",
    ),
    ("cargo-dns", "rust", 101, "the build cannot reach index.crates.io"),
    ("javac-release", "java", 2, "this Java is older than 25, which the build asks for"),
    ("maven-fetch", "java", 1, "Maven cannot fetch from repo.maven.apache.org"),
    (
        "java-tls",
        "java",
        1,
        "the build does not trust the certificate that it is shown: its authority is unknown",
    ),
    (
        "gradle-dns",
        "java",
        1,
        "the build cannot reach services.gradle.org, which brings Gradle itself",
    ),
    ("composer-php", "php", 2, "this is PHP 8.4.28, and ^9.0 is wanted"),
    ("composer-ext", "php", 2, "the PHP extension mongodb is missing"),
    ("composer-json", "php", 1, "composer.json is no valid JSON"),
    (
        "composer-lock",
        "php",
        4,
        "composer.json and composer.lock do not match: psr/log is not in the lock file",
    ),
    ("composer-dns", "php", 100, "the build cannot reach repo.packagist.org"),
    ("go-version", "go", 1, "this is Go 1.24.4, and 1.99 is wanted"),
    ("go-sum", "go", 1, "go.sum lacks an entry"),
    ("go-not-required", "go", 1, "rsc.io/quote is imported, and go.mod does not have it"),
    ("go-dns", "go", 1, "the build cannot reach no.such.host.invalid"),
    ("go-vendor", "go", 1, "vendor/ and go.mod do not match"),
    ("go-embed", "go", 1, "main.go embeds dist/*, and there is no such file"),
    ("go-pkg-config", "go", 1, "the library vips is missing"),
    ("go-header", "go", 1, "the header vips/vips.h is missing"),
    ("go-git-dns", "go", 1, "the build cannot reach github.com"),
    ("linker", "python", 1, "the library vips is missing"),
    ("crlf", "python", 127, "a script was committed with Windows line ends"),
    ("crlf-sh", "python", 2, "start.sh was committed with Windows line ends"),
    ("elf", "python", 1, "/app/x.node was built on another platform and committed"),
    ("exec-format", "python", 126, "./app is a program of another platform"),
    ("not-executable", "nodejs", 126, "start.sh is not executable"),
    ("program-missing", "python", 127, "there is no program 'gunicorn'"),
    (
        "go-tls",
        "go",
        1,
        "the build does not trust the certificate that it is shown: its authority is unknown",
    ),
    ("pip-no-compiler-older", "python", 1, "the program x86_64-linux-gnu-gcc is missing"),
    ("go-unknown-revision", "go", 1, "github.com/acme/x has no version v1.9.9"),
    ("go-checksum", "go", 1, "github.com/acme/x v1.0.0/go.mod is not what go.sum says"),
    ("go-tidy", "go", 1, "go.mod and go.sum are not up to date"),
    ("apt-dns", "python", 100, "the build cannot reach no.such.host.invalid"),
    ("apt-not-found", "python", 1, "Debian has no package no-such-package-x"),
    ("cmake", "python", 127, "the program cmake is missing"),
    ("pip-403", "python", 1, "the package index 127.0.0.1:8999 refuses: it wants credentials"),
    ("django-secret", "python", 1, "Django has no SECRET_KEY in the build"),
    ("poetry-dns", "python", 1, "the build cannot reach no.such.host.invalid"),
    ("npm-scoped", "nodejs", 1, "@acme-none-deployzero/lib is not in the registry, or is private"),
    ("pnpm-script-missing", "nodejs", 1, "package.json has no script 'build'"),
    ("pnpm-broken-lock", "nodejs", 1, "pnpm-lock.yaml is broken"),
    ("pnpm-settings", "nodejs", 1, "pnpm-lock.yaml was made with other settings of pnpm"),
    ("yarn-401", "nodejs", 1, "the registry 127.0.0.1:8999 refuses: it wants credentials"),
    (
        "git-credentials",
        "python",
        128,
        "git asks for credentials at 127.0.0.1:8999: a dependency is private, or does not exist",
    ),
    (
        "git-tls",
        "python",
        128,
        "the build does not trust the certificate that it is shown: its authority is unknown",
    ),
)


def cause(name: str, stack: str, code: int) -> Known | None:
    return known_cause(CAUSES, lines(name), Subject("hello", stack, code=code))


def lines(name: str) -> list[str]:
    return (OUTPUTS / f"{name}.txt").read_text().splitlines()


@pytest.mark.parametrize(("name", "stack", "code", "message"), CASES, ids=[c[0] for c in CASES])
def test_the_cause_is_told_in_one_line_with_its_fix(
    name: str, stack: str, code: int, message: str
) -> None:
    found = cause(name, stack, code)
    assert found is not None
    assert found.message == message
    assert found.hint
    assert "\n" not in found.message


def test_every_cause_of_the_table_has_an_output_that_it_fits() -> None:
    told = set()
    for name, stack, code, _ in CASES:
        subject = Subject("hello", stack, code=code)
        fits = (at for at, each in enumerate(CAUSES) if known_cause([each], lines(name), subject))
        told.add(next(fits))
    assert [each.message for at, each in enumerate(CAUSES) if at not in told] == []
    assert {name for name, *_ in CASES} == {file.stem for file in OUTPUTS.iterdir()}


def test_every_pattern_is_one_of_re2_and_takes_linear_time() -> None:
    for each in CAUSES:
        for pattern in (each.pattern, each.command, each.lacks):
            re2.compile(f"(?m){pattern}")


UNKNOWN = {
    "types": (
        "src/app.ts(3,7): error TS2322: Type 'string' is not assignable to type 'number'.",
        "npm error Lifecycle script `build` failed with error:",
    ),
    "webpack": (
        "ERROR in ./src/index.js 1:0-26",
        "Module not found: Error: Can't resolve './missing' in '/app/src'",
    ),
    "vite": (
        "error during build:",
        "Could not resolve './Missing.svelte' from 'src/App.svelte'",
    ),
    "tests": ("FAILED tests/test_app.py::test_it - AssertionError: certificate verify failed",),
    "words": ("This project was Killed by complexity; 404 not found; permission denied",),
    "go": ("./main.go:7:2: undefined: foo",),
    "c": ("app.c:1:10: fatal error: own/header.h: No such file or directory",),
    "python": ("SyntaxError: invalid syntax",),
    "a program that the build does without": (
        "sh: 1: lsb_release: not found",
        "src/app.ts(3,7): error TS2322: Type 'string' is not assignable to type 'number'.",
        " ELIFECYCLE  Command failed with exit code 2.",
    ),
    "a script's own ssh": ("sh: 1: ssh: not found", "no release notes"),
    "a second index that is away": (
        "WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by "
        "'NewConnectionError('<x>: Failed to establish a new connection')'",
        "ERROR: Failed building wheel for own",
    ),
    "cargo tries again": (
        "warning: spurious network error (1 tries remaining): [6] Could not resolve hostname "
        "(Could not resolve host: index.crates.io)",
        "error[E0382]: borrow of moved value: `x`",
    ),
    "a repository of maven's that is away": (
        "[WARNING] Could not transfer metadata a:b from/to c: transfer failed for "
        "https://c.invalid/a/b",
        "[ERROR] COMPILATION ERROR :",
    ),
    "javac": ("error: release version 5 not supported",),
    "a Python that node-gyp is too old for": (
        "gyp ERR! find Python Python is not set from command line or npm configuration",
        'gyp ERR! find Python - version is "3.13.5"',
    ),
}


@pytest.mark.parametrize("said", UNKNOWN.values(), ids=UNKNOWN)
def test_what_no_cause_fits_is_not_dressed_up_as_known(said: tuple[str, ...]) -> None:
    for stack in ("nodejs", "python", "go", "dockerfile"):
        assert known_cause(CAUSES, said, Subject("hello", stack, code=1)) is None


def test_a_missing_library_is_a_line_for_deployzero_toml() -> None:
    found = cause("pip-header", "python", 1)
    assert found is not None
    assert found.hint == 'In deployzero.toml: packages = ["libldap-dev", "libsasl2-dev"]'


def test_in_a_dockerfile_it_is_a_line_of_that() -> None:
    found = cause("pip-psycopg2", "dockerfile", 1)
    assert found is not None
    assert "RUN apt-get update && apt-get install -y libpq-dev" in found.hint


def test_a_token_is_given_with_a_command_as_it_is_typed() -> None:
    found = cause("npm-401", "nodejs", 1)
    assert found is not None
    assert "//127.0.0.1:8999/:_authToken=${NPM_TOKEN}" in found.hint
    assert found.hint.endswith("config:set hello NPM_TOKEN=<token> --build")


def test_a_passing_fault_of_the_network_is_no_cause() -> None:
    said = [line.replace("total=0", "total=3") for line in lines("pip-dns")]
    found = known_cause(CAUSES, said, Subject("hello", "python", code=1))
    assert found is not None
    assert "reach" not in found.message


@pytest.mark.parametrize("module", ["./routes", "../db", "@/lib/db", "~/lib/db"])
def test_a_file_of_ones_own_is_not_called_a_package(module: str) -> None:
    said = f"src/s.ts(3,1): error TS2307: Cannot find module '{module}' or its type declarations."
    assert known_cause(CAUSES, [said], Subject("hello", "nodejs", code=2)) is None
