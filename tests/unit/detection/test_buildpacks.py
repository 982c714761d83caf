"""Stacks of data: PHP, Ruby, Rust, Java, and what is only recognised."""

import pytest

from deployzero.errors import ProjectDetectionError

GEMFILE = 'source "https://rubygems.org"\ngem "sinatra"\n'
CRATE = '[package]\nname = "{}"\nversion = "0.1.0"\n'
POM = "<project><properties><java.version>17</java.version></properties></project>"
GRADLE = "plugins { id 'java' }\njava.toolchain.languageVersion = JavaLanguageVersion.of(21)\n"
NODE = '{"scripts": {"start": "node server.js"}}'


@pytest.mark.parametrize(
    ("files", "type_", "start"),
    [
        ({"index.php": "<?php"}, "php", "WEB_ROOT=/app FRONT=disabled"),
        ({"index.php": "<?php $_SERVER['REQUEST_URI'];"}, "php", "WEB_ROOT=/app FRONT=/index.php"),
        ({"public/index.php": "<?php"}, "php", "WEB_ROOT=/app/public FRONT=/index.php"),
        ({"htdocs/index.php": "<?php"}, "php", "WEB_ROOT=/app/htdocs FRONT=disabled"),
        ({"config.ru": "run App"}, "ruby", "puma -p $PORT"),
        ({"config.ru": "", "Gemfile": GEMFILE}, "ruby", "bundle exec rackup -o 0.0.0.0 -p $PORT"),
        (
            {"config.ru": "", "Gemfile": GEMFILE + "gem 'puma'\n"},
            "ruby",
            "bundle exec puma -p $PORT",
        ),
        ({"app.rb": "require 'sinatra'"}, "ruby", "ruby app.rb"),
        (
            {"config/application.rb": "", "config/environment.rb": "", "Gemfile": ""},
            "ruby",
            "bundle exec rails server -b 0.0.0.0 -p $PORT",
        ),
        ({"Cargo.toml": CRATE.format("web-app"), "src/main.rs": ""}, "rust", "./bin/web-app"),
        (
            {"Cargo.toml": CRATE.format("x") + 'default-run = "b"\n', "src/bin/b.rs": ""},
            "rust",
            "./bin/b",
        ),
        (
            {"Cargo.toml": CRATE.format("x") + '[[bin]]\npath = "m.rs"\nname = "serve"\n'},
            "rust",
            "./bin/serve",
        ),
        (
            {
                "Cargo.toml": "[workspace]\nmembers = ['*']\n",
                "core/Cargo.toml": CRATE.format("core"),
                "server/Cargo.toml": CRATE.format("shop-server"),
                "server/src/main.rs": "",
            },
            "rust",
            "./bin/shop-server",
        ),
        (
            {
                "Cargo.toml": CRATE.format("x") + "[dependencies]\nrocket = '0.5'\n",
                "src/main.rs": "",
            },
            "rust",
            "export ROCKET_ADDRESS=0.0.0.0 ROCKET_PORT=$PORT && exec ./bin/x",
        ),
        ({"pom.xml": POM}, "java", "java $JAVA_OPTS -Dserver.port=$PORT -jar $(ls target/*.jar"),
        (
            {"build.gradle": GRADLE, "gradlew": ""},
            "java",
            "java $JAVA_OPTS -Dserver.port=$PORT -jar $(ls build/libs/*.jar",
        ),
        (
            {"Main.java": "public class Main { public static void main(String[] a) {} }"},
            "java",
            "java $JAVA_OPTS -cp classes Main",
        ),
        (
            {"META-INF/MANIFEST.MF": "Manifest-Version: 1.0\r\nMain-Class: a.b.Start\r\n"},
            "java",
            "java $JAVA_OPTS -Dserver.port=$PORT -cp . a.b.Start",
        ),
    ],
)
def test_how_a_stack_starts(detect, files, type_, start):
    config = detect(files)
    assert config.type == type_
    assert config.start_command.startswith(start)


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({"composer.json": '{"require": {"php": "^8.2"}}', "index.php": ""}, "^8.2"),
        ({"Gemfile": "ruby '3.3.1'\n", ".ruby-version": "ruby-3.3.4\n", "app.rb": ""}, "3.3.4"),
        ({"Gemfile": "ruby '~> 3.3'\n", "app.rb": ""}, "~> 3.3"),
        ({"Cargo.toml": CRATE.format("x"), "src/main.rs": "", "rust-toolchain": "1.80"}, "1.80"),
        (
            {
                "Cargo.toml": CRATE.format("x"),
                "src/main.rs": "",
                "rust-toolchain.toml": '[toolchain]\nchannel = "nightly-2024-08-12"\n',
            },
            "nightly-2024-08-12",
        ),
        ({"pom.xml": POM}, "17"),
        ({"pom.xml": POM, "system.properties": "java.runtime.version=1.8\n"}, "8"),
    ],
)
def test_where_a_version_is_read(detect, files, version):
    assert detect(files).runtime_version == version


def test_dependencies_are_a_layer_of_their_own_unless_they_need_the_source(detect):
    config = detect({"Gemfile": GEMFILE, "Gemfile.lock": "", "app.rb": ""})
    assert config.install_files == ("Gemfile", "Gemfile.lock")
    assert "bundle install" in (config.install_command or "")
    local = detect({"Gemfile": 'gem "x", path: "libs/x"\n', "app.rb": ""})
    assert local.install_command is None
    assert "bundle install" in (local.build_command or "")


def test_composer_runs_only_where_there_is_something_to_fetch(detect):
    plain = detect({"composer.json": '{"require": {"php": "^8.2"}}', "index.php": ""})
    assert (plain.install_command, plain.build_command) == (None, None)
    slim = detect({"composer.json": '{"require": {"slim/slim": "^4.15"}}', "index.php": ""})
    assert slim.package_manager == "composer"
    assert "composer install" in (slim.install_command or "")


@pytest.mark.parametrize(
    ("web", "start"),
    [
        ("vendor/bin/heroku-php-apache2 web/", "WEB_ROOT=/app/web FRONT=/index.php apache2"),
        ("heroku-php-nginx -C nginx.conf public/", "WEB_ROOT=/app/public FRONT=/index.php apache2"),
        (
            "vendor/heroku/heroku-buildpack-php/bin/heroku-php-apache2 web/",
            "WEB_ROOT=/app/web FRONT=/index.php apache2",
        ),
        ("vendor/bin/heroku-php-apache2", "WEB_ROOT=/app FRONT=/index.php apache2"),
        ("php worker.php", "php worker.php"),
    ],
)
def test_a_procfile_for_herokus_php_is_put_into_words_for_this_image(detect, web, start):
    config = detect({"composer.json": "{}", "web/index.php": "", "Procfile": f"web: {web}\n"})
    assert config.start_command.startswith(start)
    assert config.processes["web"] == config.start_command


@pytest.mark.parametrize("name", ["x; rm -rf /", "$(id)", "-rf", "a b"])
def test_no_name_of_the_tree_becomes_a_command(examine, name):
    config = examine({"Cargo.toml": CRATE.format("x"), f"src/bin/{name.replace('/', '')}.rs": ""})
    assert config.start_command is None


@pytest.mark.parametrize(
    ("files", "type_"),
    [
        ({"Gemfile": "", "config.ru": "", "package.json": NODE}, "ruby"),
        ({"composer.json": "{}", "public/index.php": "", "package.json": NODE}, "php"),
        ({"Gemfile": "", "package.json": NODE}, "nodejs"),
        ({"app.rb": "", "package.json": NODE, "server.js": ""}, "nodejs"),
        (
            {"Gemfile": "", "app.rb": "", "package.json": NODE, "Procfile": "web: npm start"},
            "nodejs",
        ),
        ({"index.html": "", "index.php": ""}, "php"),
        ({"pom.xml": POM, "package.json": NODE}, "java"),
    ],
)
def test_which_of_several_stacks_wins(detect, files, type_):
    assert detect(files).type == type_


@pytest.mark.parametrize(
    ("file", "stack"),
    [
        ("mix.exs", "an Elixir app"),
        ("Shop.csproj", "a .NET app"),
        ("deno.jsonc", "a Deno app"),
        ("deps.edn", "a Clojure app"),
        ("build.sbt", "a Scala app"),
        ("CMakeLists.txt", "a C or C++ app"),
        ("hello.cbl", "a COBOL app"),
        ("shard.yml", "a Crystal app"),
    ],
)
def test_what_is_only_recognised_is_named_with_the_way_out(detect, file, stack):
    with pytest.raises(ProjectDetectionError) as caught:
        detect({file: ""})
    assert caught.value.message == f"{stack} ({file}), which is not supported yet"
    assert "Dockerfile" in caught.value.hint


def test_a_stack_without_a_start_says_what_was_looked_for(examine):
    config = examine({"Gemfile": GEMFILE, "Rakefile": ""})
    assert config.type == "ruby"
    assert any("config.ru" in reason for reason in config.reasons)


def test_gems_that_lie_in_the_repository_are_installed_from_there(detect):
    files = {"Gemfile": 'gem "rack"\n', "config.ru": ""}
    assert detect(files).install_command is not None
    vendored = detect({**files, "vendor/cache/rack-3.1.0.gem": ""})
    assert vendored.install_command is None
    assert vendored.build_command == "bundle install --local --no-cache"
