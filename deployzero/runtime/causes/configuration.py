"""What the app expects of its surroundings: variables, a database, files it may write."""

from deployzero.models.cause import Cause

_VARIABLE = r"(?P<variable>[A-Z][A-Z0-9_]*)"
_MISSING = "the variable {variable} is not set"
_HARMLESS = (
    r"(?i)(?:\bwarn|\binfo\b|\bdebug\b|optional).*\b(?:env|environment)\b"
    r"|\b(?:env|environment)\b.*(?:skip|disabl|default|optional|ignor|fall(?:ing)? ?back|without)"
)
"""Words of an app that does without the variable."""
_SET = "Set it, then push again: config:set {app} {variable}=<value>"

CONFIGURATION = (
    Cause(
        r"ImproperlyConfigured: The SECRET_KEY setting must not be empty",
        "Django has no SECRET_KEY",
        "Set one, then push again: config:set {app} SECRET_KEY=$(openssl rand -hex 32)",
    ),
    Cause(
        r"ImproperlyConfigured: Requested setting \w+, but settings are not configured\. You must "
        r"either define the environment variable DJANGO_SETTINGS_MODULE",
        "Django does not know its settings",
        "Name them, then push again: config:set {app} DJANGO_SETTINGS_MODULE=<project>.settings",
    ),
    Cause(
        # os.environ's own frame stands between: any other dict's KeyError has none.
        r"File \"<frozen os>\", line \d+, in __getitem__\nKeyError: '" + _VARIABLE + r"'",
        _MISSING,
        _SET,
    ),
    Cause(
        r"(?:/|\\)os\.py\", line \d+, in __getitem__\n\s+raise KeyError\(key\) from None\n"
        r"KeyError: '" + _VARIABLE + r"'",
        _MISSING,
        _SET,
    ),
    Cause(
        r"ImproperlyConfigured: Set the " + _VARIABLE + r" environment variable",
        _MISSING,
        _SET,
    ),
    Cause(
        r"(?:decouple\.)?UndefinedValueError: " + _VARIABLE + r" not found\. Declare it as envvar",
        _MISSING,
        _SET,
    ),
    Cause(
        r"pydantic_settings/main\.py\"(?:.*\n)*?.*"
        r"validation errors? for (?P<model>\w+)\n(?P<name>\w+)\n\s+Field required \[type=missing, "
        r"input_value=\{.*\}, input_type=dict\]",
        "the settings class {model} lacks {name}, which no variable gives",
        "Set one for each field above, in capitals, then push again: config:set {app} NAME=<value>",
    ),
    Cause(
        r"(?i)missing (?:required )?env(?:ironment)?(?: variables?|s)?:? [\"'`]?(?-i:"
        r"(?P<variable>[A-Z][A-Z0-9_]+))\b",
        _MISSING,
        _SET,
        lacks=_HARMLESS,
    ),
    Cause(
        r"(?i)(?:environment variable|env var) [\"'`]?(?-i:(?P<variable>[A-Z][A-Z0-9_]+))[\"'`]? "
        r"(?:is (?:required|missing|not set|not defined|undefined)|not (?:set|found|defined)"
        r"|must be set)",
        _MISSING,
        _SET,
        lacks=_HARMLESS,
    ),
    Cause(
        r"(?:MongooseError|MongoParseError|Error): .*(?:`uri` parameter to `openUri\(\)` must be a "
        r"string, got \"undefined\")",
        "MongoDB's address is not set",
        "Set it by the name that the app reads: config:set {app} MONGODB_URI=<address>",
    ),
    Cause(
        r"Environment variable not found: " + _VARIABLE + r"\.",  # Prisma
        _MISSING,
        _SET,
    ),
    Cause(
        r"(?:connect ECONNREFUSED |Connection refused.*\n?.*)(?P<host>127\.0\.0\.1|::1|localhost):"
        r"(?P<port>5432|3306|6379|27017)\b",
        "the app looks for its database at {host}:{port}, which is its own container",
        "Give it a database's address, by the name that the app reads: "
        "config:set {app} DATABASE_URL=<address>",
    ),
    Cause(
        r"connection (?:to server )?at \"(?P<host>localhost|127\.0\.0\.1|::1)\"[^\n]*, port "
        r"(?P<port>\d+) failed: Connection refused",
        "the app looks for its database at {host}:{port}, which is its own container",
        "Give it a database's address, by the name that the app reads: "
        "config:set {app} DATABASE_URL=<address>",
    ),
    Cause(
        r"(?:Error: listen EACCES: permission denied|listen tcp) \S*:(?P<port>\d{1,3})"
        r"(?:\n\s+at |: bind: permission denied)",
        "the app may not listen on port {port}",
        "Let it listen on 0.0.0.0:$PORT: deployzero sets PORT.",
    ),
    Cause(
        r"(?:EACCES: permission denied|EROFS: read-only file system), (?P<what>\w+) "
        r"'(?P<file>[^'\n]+)'",
        "the app may not {what} {file}",
        "It runs as an unprivileged user: let it write below /app or /tmp. What is to outlive a "
        "deployment belongs in a database or an object store.",
    ),
    Cause(
        r"child_exception_type\(errno_num, err_msg, err_filename\)\n"
        r"PermissionError: \[Errno 13\] Permission denied: '(?:\./|/app/)?(?P<file>[^'\n]+)'",
        "{file}, which the app calls, is not executable",
        "git update-index --chmod=+x {file} && git commit -m 'Executable', and push again.",
    ),
    Cause(
        r"PermissionError: \[Errno 13\] Permission denied: '(?P<file>/[^'\n]+)'",
        "the app may not open {file}",
        "It runs as an unprivileged user: let it write below /app or /tmp. What is to outlive a "
        "deployment belongs in a database or an object store.",
    ),
    Cause(
        r"sqlite3\.OperationalError: unable to open database file",
        "SQLite cannot open its file",
        "Its folder must be there, and writable by an unprivileged user: below /app. A file in "
        "the container goes with the next deployment, so use a database where data must stay.",
    ),
    Cause(
        r"DisallowedHost: Invalid HTTP_HOST header: '(?P<host>[\w.:-]+)'",
        "Django refuses the host {host}",
        'In the settings: ALLOWED_HOSTS = ["{host}"]',
    ),
)
