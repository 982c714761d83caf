"""PHP, as it logs a page that failed."""

from deployzero.models.cause import Cause

PHP = (
    Cause(
        r"PHP Parse error: +(?:syntax error, )?(?P<error>[^\n]{1,200}?) in (?:/app/)?(?P<file>\S+)"
        r" on line (?P<line>\d+)$",
        "syntax error in {file}, line {line}: {error}",
        "Mend that line, commit, and push again.",
    ),
    Cause(
        r"Failed opening required '(?P<file>\S*vendor/autoload\.php)'",
        "Composer's packages are not installed",
        "Commit composer.json and composer.lock at the app's root, so that a push installs them.",
    ),
    Cause(
        r"PHP Fatal error: +Uncaught Error: Call to undefined function (?P<function>[\w\\]+)\(\)",
        "there is no function {function}()",
        "If an extension brings it, name its Debian package (php-<extension>). In deployzero.toml: "
        'packages = ["php-<extension>"]',
    ),
)
