"""What programs really printed (outputs/, cut to the lines that decide) and the cause told."""

from pathlib import Path

import pytest
import re2  # type: ignore[import-untyped]

from deployzero.models.cause import Known, Subject, known_cause
from deployzero.runtime.causes import CAUSES

OUTPUTS = Path(__file__).parent / "outputs"
CASES: tuple[tuple[str, str, int, str], ...] = (
    ("node-main", "nodejs", 1, "there is no file index.js to start"),
    ("node-case", "nodejs", 1, "./src/Foo is not in the image"),
    ("node-package", "nodejs", 1, "the package express is not installed"),
    ("node-esm-package", "nodejs", 1, "the package express is not installed"),
    ("node-import", "nodejs", 1, "the app is an ES module, and package.json does not say so"),
    (
        "node-require",
        "nodejs",
        1,
        "the app calls require(), and package.json calls it an ES module",
    ),
    ("node-elf", "nodejs", 1, "/app/x.node was built on another platform and committed"),
    ("node-port-taken", "nodejs", 1, "the app listens twice on port 8123"),
    ("node-low-port", "nodejs", 1, "the app may not listen on port 81"),
    ("node-write", "nodejs", 1, "the app may not open /app.log"),
    (
        "node-database",
        "nodejs",
        1,
        "the app looks for its database at 127.0.0.1:5432, which is its own container",
    ),
    ("node-next", "nodejs", 1, "Next.js was not built"),
    ("node-heap", "nodejs", 134, "Node.js ran out of heap"),
    ("node-script-missing", "nodejs", 1, "package.json has no script 'build'"),
    (
        "node-pruned",
        "nodejs",
        127,
        "nodemon is not installed: development dependencies are not in the image",
    ),
    ("node-env", "nodejs", 1, "the variable STRIPE_KEY is not set"),
    ("python-module", "python", 3, "the module yaml is not installed"),
    ("python-cv2", "python", 1, "the module cv2 is not installed"),
    ("python-attribute", "python", 4, "the module main has no 'app'"),
    ("python-main", "python", 3, "the start command names the module main, and there is none"),
    ("python-asgi-attribute", "python", 3, "the module main has no 'app'"),
    ("python-asgi-main", "python", 3, "the start command names the module main, and there is none"),
    ("python-env", "python", 1, "the variable STRIPE_KEY is not set"),
    (
        "python-settings",
        "python",
        1,
        "the settings class S lacks database_url, which no variable gives",
    ),
    ("python-file", "python", 2, "there is no file app.py to start"),
    ("python-write", "python", 1, "the app may not open /w/x.db"),
    ("python-not-executable", "python", 1, "run.sh, which the app calls, is not executable"),
    (
        "python-pkg-resources",
        "python",
        1,
        "the module pkg_resources is not there: newer releases of setuptools, and Python, lack it",
    ),
    ("python-sqlite", "python", 1, "SQLite cannot open its file"),
    ("python-case", "python", 1, "there is no module 'models'"),
    ("python-elf", "python", 1, "/app/x.so was built on another platform and committed"),
    ("python-tk", "python", 1, "the app wants a screen (tkinter), and a server has none"),
    ("python-libgl", "python", 1, "OpenCV for desktops needs libxcb.so.1, which the image lacks"),
    ("python-magic", "python", 1, "the library libmagic is missing"),
    ("python-weasyprint", "python", 1, "the library libgobject-2.0-0 is missing"),
    ("python-zbar", "python", 1, "the library libzbar is missing"),
    ("python-cairo", "python", 1, "the library libcairo.so.2 is missing"),
    ("python-soundfile", "python", 1, "the library libsndfile.so is missing"),
    ("python-cffi", "python", 1, "the library cairo-2 is missing"),
    ("django-mysql", "python", 1, "Django has no driver for MySQL"),
    ("django-secret", "python", 1, "Django has no SECRET_KEY"),
    ("library-unknown", "python", 127, "the library libfoo.so.3 is missing"),
    ("node-esm-case", "nodejs", 1, "src/Foo.js is not in the image"),
    ("node-mongo", "nodejs", 1, "MongoDB's address is not set"),
    ("python-env-older", "python", 1, "the variable STRIPE_KEY is not set"),
    ("node-prisma", "nodejs", 1, "the variable DATABASE_URL is not set"),
    ("program-unknown", "python", 127, "there is no program 'cmake'"),
    (
        "python-old",
        "python",
        1,
        "a package is too old for this Python, which has no 'distutils' any more",
    ),
    ("python-environs", "python", 1, "the variable API_TOKEN is not set"),
    ("python-decouple", "python", 1, "the variable API_TOKEN is not set"),
    ("django-environ", "python", 1, "the variable API_TOKEN is not set"),
    ("django-postgresql", "python", 1, "Django has no driver for PostgreSQL"),
    (
        "django-database",
        "python",
        1,
        "the app looks for its database at localhost:5432, which is its own container",
    ),
    ("django-settings", "python", 1, "Django does not know its settings"),
    ("django-host", "python", 1, "Django refuses the host hello.localhost"),
    ("flask-not-found", "python", 2, "`flask run` finds no app"),
    ("crlf", "python", 127, "a script was committed with Windows line ends"),
    (
        "crlf-direct",
        "python",
        127,
        "there is no start.sh, or what its first line names is missing (Windows line ends, say)",
    ),
    ("crlf-sh", "python", 2, "start.sh was committed with Windows line ends"),
    ("exec-format", "python", 126, "./app is a program of another platform"),
    ("not-executable", "nodejs", 126, "start.sh is not executable"),
    ("program-missing", "python", 127, "gunicorn is not installed"),
    ("python-ffmpeg", "python", 1, "the program ffmpeg, which the app calls, is missing"),
    ("python-figlet", "python", 1, "the program figlet, which the app calls, is missing"),
    ("node-ffmpeg", "nodejs", 1, "the program ffmpeg, which the app calls, is missing"),
    ("node-figlet", "nodejs", 1, "the program figlet, which the app calls, is missing"),
    ("ruby-nofile", "ruby", 1, "there is no file server.rb to start"),
    ("ruby-exec", "ruby", 1, "the start command calls puma, and the Gemfile lacks it"),
    ("ruby-load", "ruby", 1, "there is no gem or file 'sinatra/contrib'"),
    ("bundler-no-gemfile", "ruby", 10, "there is no Gemfile"),
    ("ruby-yjit", "ruby", 1, "this Ruby is built without YJIT, as Debian's is"),
    ("java-jarfile", "java", 1, "there is no target/app.jar"),
    ("java-manifest", "java", 1, "a.jar does not say which class to start"),
    ("java-main-class", "java", 1, "there is no class com.example.Main to start"),
    (
        "java-class-version",
        "java",
        1,
        "it was compiled for a newer Java (class files 69.0; this one reads up to 65.0)",
    ),
    ("php-vendor", "php", 0, "Composer's packages are not installed"),
    ("php-function", "php", 0, "there is no function mongodb_x()"),
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
    "key of another dict": ("    return prices[name]", "KeyError: 'STRIPE_KEY'"),
    "own error": ("Traceback (most recent call last):", "ValueError: no such plan"),
    "a log line": ("INFO cannot open shared object, file not found, permission denied",),
    "types": ("TypeError: Cannot read properties of undefined (reading 'x')",),
    "does without a variable": (
        "WARNING: missing environment variable SENTRY_DSN",
        "environment variable REDIS_URL not set, caching disabled",
    ),
    "does without a library": (
        "W tensorflow/dso_loader.cc:64] Could not load dynamic library 'libcudart.so.11.0'; "
        "dlerror: libcudart.so.11.0: cannot open shared object file: No such file or directory",
    ),
    "a model that is no settings": (
        "pydantic_core._pydantic_core.ValidationError: 1 validation error for Item",
        "price",
        "  Field required [type=missing, input_value={'id': 1}, input_type=dict]",
    ),
    "a module that was tried first": (
        "ModuleNotFoundError: No module named 'ujson'",
        "",
        "During handling of the above exception, another exception occurred:",
        "",
        "ValueError: no such plan",
    ),
    "a low port that it got": ("2026/11/23 12:00:00 listen tcp :80", "panic: no such plan"),
    "other database": ("Error: connect ECONNREFUSED 10.0.0.7:5432",),
}


@pytest.mark.parametrize("said", UNKNOWN.values(), ids=UNKNOWN)
def test_what_no_cause_fits_is_not_dressed_up_as_known(said: tuple[str, ...]) -> None:
    for stack in ("nodejs", "python", "go", "dockerfile"):
        assert known_cause(CAUSES, said, Subject("hello", stack, code=1)) is None


def test_a_variable_is_set_with_a_command_as_it_is_typed() -> None:
    found = cause("python-env", "python", 1)
    assert found is not None
    assert found.hint == "Set it, then push again: config:set hello STRIPE_KEY=<value>"


def test_a_module_is_named_as_its_package_is() -> None:
    found = cause("python-cv2", "python", 1)
    assert found is not None
    assert "`opencv-python-headless`" in found.hint


def test_a_shared_library_is_named_as_debian_does() -> None:
    found = cause("python-magic", "python", 1)
    assert found is not None
    assert found.hint == 'In deployzero.toml: packages = ["libmagic1"]'


def test_a_program_that_is_missing_needs_the_exit_code_of_that() -> None:
    assert cause("program-missing", "python", 1) is None
    assert cause("program-missing", "python", 127) is not None
