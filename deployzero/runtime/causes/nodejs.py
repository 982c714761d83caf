"""Node.js as it starts."""

from deployzero.models.cause import Cause

_PACKAGE = r"(?P<package>@[\w.-]+/[\w.-]+|[a-z0-9][\w.-]*)"

NODEJS = (
    Cause(
        r"^Error: Cannot find module '/app/(?P<file>[^'\n]+)'$(?:.*\n)+?.*requireStack: \[\]",
        "there is no file {file} to start",
        "Mend 'main' or the start script in package.json (or the Procfile). If a build makes that "
        "file, package.json needs a script 'build' that does.",
    ),
    Cause(
        r"^Error: Cannot find module '(?P<file>\.{1,2}/[^'\n]+)'",
        "{file} is not in the image",
        "Check upper and lower case, which count on Linux, that the file is committed, and that "
        "neither .gitignore nor .deployzeroignore leaves it out.",
    ),
    Cause(
        r"\[ERR_MODULE_NOT_FOUND\]: Cannot find module '/app/(?P<file>[^'\n]+)' imported from",
        "{file} is not in the image",
        "Check upper and lower case and the extension (an ES module's import names it in full), "
        "and that the file is committed.",
    ),
    Cause(
        r"^Error: Cannot find module '" + _PACKAGE + r"(?:/[^'\n]*)?'",
        "the package {package} is not installed",
        "npm install {package}, commit package.json and the lock file, and push again. In "
        "devDependencies it is not in the image.",
    ),
    Cause(
        r"\[ERR_MODULE_NOT_FOUND\]: Cannot find package '" + _PACKAGE + r"' imported from",
        "the package {package} is not installed",
        "npm install {package}, commit package.json and the lock file, and push again. In "
        "devDependencies it is not in the image.",
    ),
    Cause(
        r"^SyntaxError: Cannot use import statement outside a module",
        "the app is an ES module, and package.json does not say so",
        'In package.json: "type": "module"',
        lacks=r"^(?:file://)?/app/node_modules/\S+\.[cm]?[jt]s:\d+$",  # not the app's own
    ),
    Cause(
        r"^ReferenceError: require is not defined in ES module scope.*\n.*"
        r"contains \"type\": \"module\"",
        "the app calls require(), and package.json calls it an ES module",
        'Take "type": "module" out of package.json, or rename the file to .cjs.',
    ),
    Cause(
        r"Could not find a production build in the '(?P<folder>[^'\n]+)' directory",
        "Next.js was not built",
        'In package.json: "scripts": {{"build": "next build", "start": "next start"}}',
    ),
    Cause(
        r"code: 'EADDRINUSE',(?:\n.*){0,5}\n\s+port: (?P<port>\d+)",
        "the app listens twice on port {port}",
        "Let one process of the container alone listen on $PORT.",
    ),
    Cause(
        r"FATAL ERROR: .*JavaScript heap out of memory",
        "Node.js ran out of heap",
        "Give the app more memory: resource:limit {app} --memory 1g",
    ),
    Cause(
        r"^npm (?:error|ERR!) Missing script: \"(?P<script>[\w:.-]+)\"",
        "package.json has no script '{script}'",
        'Add it to "scripts", or name a start command: a Procfile with the line web: node '
        "server.js",
    ),
)
