"""The go command."""

from deployzero.models.cause import Cause

_TIDY = "Run `go mod tidy`, commit go.mod and go.sum and push again."

GO = (
    Cause(
        r"^go: .*\b(?:requires|needs) go >= (?P<wanted>[\w.]+) \(running go (?P<have>[\w.]+)",
        "this is Go {have}, and {wanted} is wanted",
        "Lower the `go` line in go.mod (or the module that asks for it) to a version that there "
        "is, run `go mod tidy` and push again.",
    ),
    Cause(
        r"missing go\.sum entry for (?:module providing package|go\.mod file)",
        "go.sum lacks an entry",
        _TIDY,
    ),
    Cause(
        r"no required module provides package (?P<package>[\w./~-]+)",
        "{package} is imported, and go.mod does not have it",
        "Run `go get {package}`, commit go.mod and go.sum and push again.",
    ),
    Cause(
        r"^go: updates to go\.(?:mod|sum) needed",
        "go.mod and go.sum are not up to date",
        _TIDY,
    ),
    Cause(
        r"^go: inconsistent vendoring in",
        "vendor/ and go.mod do not match",
        "Run `go mod vendor`, commit vendor/ and push again.",
    ),
    Cause(
        r"verifying (?P<package>[\w./~-]+)@(?P<version>\S+): checksum mismatch",
        "{package} {version} is not what go.sum says",
        "If its author replaced that version: remove its lines from go.sum, run `go mod tidy` and "
        "push again.",
    ),
    Cause(
        r"^go: (?P<package>[\w./~-]+)@(?P<version>[\w.+-]+):.* unknown revision",
        "{package} has no version {version}",
        "Ask in go.mod for one that there is (`go get {package}@latest`), commit and push again.",
    ),
    Cause(
        r"^(?P<file>[\w./-]+):\d+:\d+: pattern (?P<pattern>\S+): no matching files found",
        "{file} embeds {pattern}, and there is no such file",
        "Commit what it embeds, or build it before: build_command in deployzero.toml.",
    ),
)  # fmt: skip
