"""Bundler."""

from deployzero.models.cause import Cause

RUBY = (
    Cause(
        r"^Your Ruby version is (?P<minor>\d+\.\d+)(?P<patch>[\d.]*), but your Gemfile specified "
        r"(?P<wanted>.+)$",
        "this is Ruby {minor}{patch}, and the Gemfile wants {wanted}",
        'If the app runs on it: ruby "~> {minor}" in the Gemfile (and .ruby-version), `bundle '
        "lock`, commit and push again. Else bring that Ruby along with a Dockerfile (FROM ruby:…).",
    ),
    Cause(
        r"^Your bundle only supports platforms \[.*\]\s+but\s+your\s+local\s+platform\s+is\s+"
        r"(?P<platform>[\w-]+)",
        "Gemfile.lock was made on another platform only",
        "Run `bundle lock --add-platform x86_64-linux`, commit Gemfile.lock and push again.",
    ),
    Cause(
        r"^Your (?P<file>[\w./]+) contains merge conflicts",
        "{file} holds a merge conflict that was committed",
        "Resolve it (`bundle install` writes it anew), commit {file} and push again.",
    ),
    Cause(
        r"^\[!\] There was an error parsing `(?P<file>[\w./]+)`: (?:.*\n)*? >  <<<<<<< ",
        "{file} holds a merge conflict that was committed",
        "Take the lines <<<<<<<, ======= and >>>>>>> out of {file}, commit and push again.",
    ),
    Cause(
        r"^The dependencies in your gemfile changed, but the lockfile can't be updated",
        "Gemfile and Gemfile.lock do not match",
        "Run `bundle install`, commit Gemfile.lock and push again.",
    ),
)
