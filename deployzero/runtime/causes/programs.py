"""The start command itself: not there, not executable, of another platform."""

from deployzero.models.cause import Cause

_SHELL = r"^(?:/bin/)?(?:ba)?sh: (?:(?:line )?\d+: )?(?:exec: )?"
_FILE = r"(?:\./|/app/)?(?P<program>[\w@][\w@./-]*)"
_RENORMALIZE = (
    "Convert them: echo '* text=auto eol=lf' >> .gitattributes && git add .gitattributes && git "
    "add --renormalize . && git commit -m 'Line ends', and push again."
)

CALLED = {
    "chromium": "chromium",
    "convert": "imagemagick",
    "dot": "graphviz",
    "exiftool": "libimage-exiftool-perl",
    "ffmpeg": "ffmpeg",
    "ffprobe": "ffmpeg",
    "git": "git",
    "gs": "ghostscript",
    "magick": "imagemagick",
    "mysqldump": "mariadb-client",
    "pandoc": "pandoc",
    "pdftoppm": "poppler-utils",
    "pdftotext": "poppler-utils",
    "pg_dump": "postgresql-client",
    "soffice": "libreoffice-nogui",
    "ssh": "openssh-client",
    "tesseract": "tesseract-ocr",
}
"""Programs that apps call, and Debian's packages with them."""
_CALLS = (
    r"child_exception_type\(errno_num, err_msg, err_filename\)\nFileNotFoundError: \[Errno 2\] No "
    r"such file or directory: '(?P<name>[\w.+-]+)'",  # Python
    r"^Error: spawn (?P<name>[\w.+-]+) ENOENT$",  # Node.js
)

PROGRAMS = (
    *(
        Cause(
            pattern,
            "the program {name}, which the app calls, is missing",
            "{packages}",
            names=CALLED,
        )
        for pattern in _CALLS
    ),
    *(
        Cause(
            pattern,
            "the program {name}, which the app calls, is missing",
            "Look up which Debian package brings it (packages.debian.org searches contents). "
            'In deployzero.toml: packages = ["<package>"]',
        )
        for pattern in _CALLS
    ),
    Cause(
        r"^(?:/usr/bin/)?env: .{0,3}[\w.-]+\\r.{0,3}: No such file or directory"
        r"|bad interpreter: \S*\^M",
        "a script was committed with Windows line ends",
        _RENORMALIZE,
    ),
    Cause(
        r"^(?P<script>[\w./-]+): (?:line )?\d+: set: (?:Illegal option -$|-\s*: invalid option)",
        "{script} was committed with Windows line ends",
        _RENORMALIZE,
    ),
    Cause(
        _SHELL + r"(?P<program>[\w@./-]+): (?:cannot execute binary file: )?Exec format error$",
        "{program} is a program of another platform",
        "Let the build compile it here, for Linux, and do not commit what was compiled elsewhere.",
        codes=(126, 2),
    ),
    Cause(
        _SHELL + _FILE + r": Permission denied$",
        "{program} is not executable",
        "git update-index --chmod=+x {program} && git commit -m 'Executable', and push again.",
        codes=(126,),
    ),
    Cause(
        _SHELL + r"(?P<program>gunicorn|uvicorn|hypercorn|daphne|waitress-serve|streamlit|celery|"
        r"flask|django-admin|fastapi|granian): (?:command )?not found$",
        "{program} is not installed",
        "Add `{program}` to your requirements and push again.",
        codes=(127,),
    ),
    Cause(
        _SHELL + r"(?P<program>nodemon|ts-node|ts-node-dev|tsx|vite|next|concurrently|cross-env|"
        r"nest|serve|webpack|babel-node|esbuild|react-scripts|nuxt|astro|ng): (?:command )?not "
        r"found$",
        "{program} is not installed: development dependencies are not in the image",
        "If the start command needs {program}, move it from devDependencies to dependencies in "
        "package.json; better, start the built app with node.",
        codes=(127, 1),
    ),
    Cause(
        _SHELL + r"\./(?P<program>[\w@./-]+): (?:not found|No such file or directory)$",
        "there is no {program}, or what its first line names is missing (Windows line ends, say)",
        "Check the start command, that the file is committed, and its #! line.",
        codes=(127,),
    ),
    Cause(
        _SHELL + r"(?P<program>[\w@./-]+): (?:command )?not found$",
        "there is no program '{program}'",
        "Check the start command (Procfile, or start_command in deployzero.toml); what it calls "
        "must be among the app's dependencies.",
        codes=(127,),
    ),
    Cause(  # a CMD or ENTRYPOINT with no shell: these are the words of the engine's init
        r"^\[FATAL tini \(\d+\)\] exec (?P<program>\S+) failed: No such file or directory$",
        "there is no program '{program}' in the image",
        "Check CMD and ENTRYPOINT of the Dockerfile. Of a script: its path in the image, and that "
        "the program of its #! line is there (no Windows line ends).",
        codes=(127,),
    ),
    Cause(
        r"^\[FATAL tini \(\d+\)\] exec (?P<program>\S+) failed: Permission denied$",
        "{program} is not executable",
        "In the repository: git update-index --chmod=+x <its file>, or RUN chmod +x {program} in "
        "the Dockerfile; commit, and push again.",
        codes=(126,),
    ),
)
