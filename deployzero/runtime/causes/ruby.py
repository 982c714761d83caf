"""Ruby and Bundler as they start."""

from deployzero.models.cause import Cause

RUBY = (
    Cause(
        r"^ruby: No such file or directory -- (?P<file>\S+) \(LoadError\)",
        "there is no file {file} to start",
        "Mend the start command (Procfile, or start_command in deployzero.toml), or commit the "
        "file.",
    ),
    Cause(
        r"can't find executable (?P<program>[\w.-]+) for gem (?P<gem>[\w.-]+)\. .* is not "
        r"currently included in the bundle",
        "the start command calls {program}, and the Gemfile lacks it",
        "Run `bundle add {gem}`, commit Gemfile and Gemfile.lock, and push again.",
    ),
    Cause(
        r"cannot load such file -- (?P<name>[\w./-]+) \(LoadError\)",
        "there is no gem or file '{name}'",
        "Add the gem that brings it to the Gemfile (outside of the groups development and test), "
        "run `bundle install`, commit Gemfile and Gemfile.lock, and push again. A file of your "
        "own is loaded with require_relative.",
    ),
    Cause(
        r"^Could not locate Gemfile or \.bundle/ directory$",
        "there is no Gemfile",
        "Commit one, or leave `bundle exec` out of the start command.",
    ),
    Cause(
        r"uninitialized constant RubyVM::YJIT \(NameError\)",
        "this Ruby is built without YJIT, as Debian's is",
        "Ask for it only where it is: `defined?(RubyVM::YJIT)`; or bring another Ruby along with "
        "a Dockerfile (FROM ruby:…).",
    ),
)
