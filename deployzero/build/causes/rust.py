"""Cargo, and rustc's versions."""

from deployzero.models.cause import Cause

RUST = (
    Cause(
        r"^error: the lock file \S*Cargo\.lock needs to be updated but --locked was passed",
        "Cargo.toml and Cargo.lock do not match",
        "Run `cargo build`, commit Cargo.lock and push again.",
    ),
    Cause(
        r"^error: rustc (?P<have>[\d.]+) is not supported by the following packages?:\n"
        r"\s+(?P<package>[\w@.+-]+) requires rustc (?P<wanted>[\d.]+)",
        "this is Rust {have}, and {package} wants {wanted}",
        "Take an older version of it (`cargo update -p <crate> --precise <version>`), commit "
        "Cargo.lock and push again; or bring that Rust along with a Dockerfile (FROM rust:{wanted} "
        "AS build).",
    ),
    Cause(
        r"this version of Cargo is older than the `(?P<wanted>\d+)` edition",
        "this Rust is older than the edition {wanted}, which a Cargo.toml asks for",
        "Name an older edition, or an older version of that crate; or bring a newer Rust along "
        "with a Dockerfile (FROM rust AS build).",
    ),
    Cause(
        r"^error\[E0554\]: `#!\[feature\]` may not be used on the stable release channel",
        "the code, or a crate, needs a nightly Rust, and this is a stable one",
        "Do without that feature, or bring a nightly along with a Dockerfile (FROM "
        "rustlang/rust:nightly AS build).",
    ),
)
