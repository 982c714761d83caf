"""Composer."""

from deployzero.models.cause import Cause

PHP = (
    Cause(
        r"requires php (?P<wanted>\S.*?) but your php version \((?P<have>[\d.]+)\) does not",
        "this is PHP {have}, and {wanted} is wanted",
        "Let composer.json (and the packages) allow it: `composer update`, commit composer.json "
        "and composer.lock, and push again. Else bring that PHP along with a Dockerfile.",
    ),
    Cause(
        r"requires PHP extension ext-(?P<name>[\w-]+) .*(?:is missing from your system"
        r"|has the wrong version)",
        "the PHP extension {name} is missing",
        'Debian mostly calls it so. In deployzero.toml: packages = ["php-{name}"]',
        stacks=("php",),
    ),
    Cause(
        r"\"\./(?P<file>composer\.(?:json|lock))\" does not contain valid JSON",
        "{file} is no valid JSON",
        "Mend it where Composer says so above, commit and push again.",
    ),
    Cause(
        r"Required package \"(?P<package>[\w./-]+)\" is not (?:present )?in the lock file",
        "composer.json and composer.lock do not match: {package} is not in the lock file",
        "Run `composer update {package}`, commit composer.lock and push again.",
    ),
)
