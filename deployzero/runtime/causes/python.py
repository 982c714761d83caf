"""Python as it starts, and its servers."""

from deployzero.models.cause import Cause

DISTRIBUTIONS = {
    "Crypto": "pycryptodome",
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyOpenSSL",
    "PIL": "pillow",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "corsheaders": "django-cors-headers",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "decouple": "python-decouple",
    "discord": "discord.py",
    "dj_database_url": "dj-database-url",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "environ": "django-environ",
    "fitz": "PyMuPDF",
    "flask_cors": "flask-cors",
    "flask_sqlalchemy": "flask-sqlalchemy",
    "jose": "python-jose",
    "jwt": "PyJWT",
    "magic": "python-magic",
    "multipart": "python-multipart",
    "psycopg2": "psycopg2-binary",
    "rest_framework": "djangorestframework",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "slugify": "python-slugify",
    "socketio": "python-socketio",
    "telegram": "python-telegram-bot",
    "yaml": "PyYAML",
    "zmq": "pyzmq",
}
"""Import name to the name on PyPI, where they differ."""
_MODULE = r"^(?:\w+\.)*ModuleNotFoundError: No module named '(?P<name>\w+)(?P<rest>[\w.]*)'"
_HANDLED = (
    r"ModuleNotFoundError: .*\n+During handling of the above exception, another exception occurred"
)
"""The app tried something else then, and that failed."""
_NOT_THERE = "the start command names the module {module}, and there is none"
_MODULE_HINT = (
    "It is the file's path from the repository's top without .py: app.py is `app:app`, "
    "src/web/main.py is `src.web.main:app`. Mend the Procfile, or start_command in deployzero.toml."
)

SERVERS = (
    Cause(
        r"Failed to find attribute '(?P<name>\w+)' in '(?P<module>[\w.]+)'",
        "the module {module} has no '{name}'",
        "Name the object that is the app, `{module}:<name>`, in the Procfile (or in start_command "
        "of deployzero.toml).",
    ),
    Cause(
        r"Error loading ASGI app\. Attribute \"(?P<name>[\w.]+)\" not found in module "
        r"\"(?P<module>[\w.]+)\"",
        "the module {module} has no '{name}'",
        "Name the object that is the app, `{module}:<name>`, in the Procfile (or in start_command "
        "of deployzero.toml).",
    ),
    Cause(
        r"Error loading ASGI app\. Could not import module \"(?P<module>[\w.]+)\"",
        _NOT_THERE,
        _MODULE_HINT,
    ),
    Cause(
        r"File \".*/gunicorn/util\.py\", line \d+, in import_app\n(?:.*\n){1,12}?"
        r"  File \"<frozen importlib\._bootstrap>\", line \d+, in _find_and_load_unlocked\n"
        r"ModuleNotFoundError: No module named '(?P<module>[\w.]+)'",
        _NOT_THERE,
        _MODULE_HINT,
        lacks=r"in exec_module",
    ),
    Cause(
        r"^(?:\S*/)?python[\d.]*: can't open file '(?:/app/)?(?P<file>[^'\n]+)': \[Errno 2\]",
        "there is no file {file} to start",
        "Mend the start command (Procfile, or start_command in deployzero.toml), or commit the "
        "file.",
    ),
    Cause(
        r"^Error: Could not locate a Flask application\.",
        "`flask run` finds no app",
        "Name it: config:set {app} FLASK_APP=<module>:<object>. Better, with gunicorn among the "
        "requirements, a Procfile with the line web: gunicorn <module>:<object>",
    ),
)
MODULES = (
    Cause(
        r"ImproperlyConfigured: Error loading psycopg2 or psycopg module",
        "Django has no driver for PostgreSQL",
        "Add `psycopg[binary]` to your requirements and push again.",
    ),
    Cause(
        r"ImproperlyConfigured: Error loading MySQLdb module",
        "Django has no driver for MySQL",
        "Add `mysqlclient` to your requirements and push again.",
    ),
    Cause(
        _MODULE,
        "the app wants a screen ({name}), and a server has none",
        "Leave that import out of what the server runs.",
        names={"tkinter": ""},
        lacks=_HANDLED,
    ),
    Cause(
        _MODULE,
        "the module {name} is not there: newer releases of setuptools, and Python, lack it",
        "Add `setuptools<81` to your requirements, or ask for a newer version of what stands above "
        "it.",
        names={"pkg_resources": ""},
        lacks=_HANDLED,
    ),
    Cause(
        _MODULE,
        "a package is too old for this Python, which has no '{name}' any more",
        "Ask for a newer version of what stands above it, or for an older Python: .python-version "
        "with 3.11",
        names={"distutils": "", "imp": "", "cgi": "", "asyncore": ""},
        lacks=_HANDLED,
    ),
    Cause(
        _MODULE,
        "the module {name} is not installed",
        "Add `{known}`, as PyPI calls it, to your requirements and push again.",
        names=DISTRIBUTIONS,
        lacks=_HANDLED,
    ),
    Cause(
        _MODULE,
        "there is no module '{name}{rest}'",
        "If it is a package, add it to your requirements. If it is yours, check its path from the "
        "repository's top, upper and lower case, and that it is committed.",
        lacks=_HANDLED,
    ),
)
_SYNTAX = r"(?:Syntax|Indentation|Tab)Error: "
_AT = r"^  File \"(?:/app/)?(?P<file>[^\"<\n]+\.py)\", line (?P<line>\d+)\n"
_OTHER = (
    r"(?:\w*(?:[^\Wxnb]|[^\Wa][xb]|[^\Wo]n|[^\Wi]on|[^\Wt]ion|[^\Wa]tion|[^\Wt]ation|"
    r"[^\Wn]tation))?Error"
)
"""Any error but those of _SYNTAX, and what ends as they do: RE2 knows no `but`."""
_NOT_FATAL = (
    rf"File \"[^\"\n]*/lib/python[^\"\n]*\", line \d+\n(?:    .*\n){{0,3}}{_SYNTAX}|"
    rf"^{_SYNTAX}.*\n+During handling of the above exception, another exception occurred|"
    rf"^{_SYNTAX}.*\n(?:.*\n)*(?:\w+\.)*{_OTHER}(?::|$)"
)
"""In a package, not in the app; or what ended the app is another error, printed after it."""
SYNTAX = (
    Cause(
        rf"{_AT}    (?:<{{7}}|={{7}}|>{{7}})(?: .*)?\n(?:    .*\n)?{_SYNTAX}",
        "an unresolved merge conflict in {file}, line {line}",
        "Keep one of the two sides, delete the marks around them, commit, and push again.",
        lacks=_NOT_FATAL,
    ),
    Cause(
        rf"{_AT}(?:    .*\n){{0,3}}{_SYNTAX}(?P<error>.{{1,200}})",
        "syntax error in {file}, line {line}: {error}",
        "Mend that line, commit, and push again.",
        lacks=_NOT_FATAL,
    ),
)
PYTHON = (*SERVERS, *MODULES, *SYNTAX)
