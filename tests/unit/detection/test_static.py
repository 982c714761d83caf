"""Sites of plain files: which folder, and what is said about the rest."""

import pytest

from deployzero.errors import ProjectDetectionError


@pytest.mark.parametrize(
    ("files", "folder"),
    [
        ({"index.html": ""}, "."),
        ({"public/index.html": ""}, "public"),
        ({"public/about.html": ""}, "public"),
        ({"index.html": "", "public/logo.svg": ""}, "."),
        ({"Staticfile": "# site\nroot: site/html\n", "site/html/a.txt": ""}, "site/html"),
        ({"Staticfile": '"root": "./out/" # built\n', "out/a.txt": ""}, "out"),
        ({"Staticfile": ""}, "."),
        ({"static.json": '{"root": "www"}', "www/a.html": ""}, "www"),
        ({"htdocs/index.html": "", "httpd.conf": ""}, "htdocs"),
        ({"_site/index.html": ""}, "_site"),
        ({"index.html": "", "download.jar": ""}, "."),
    ],
    ids=str,
)
def test_plain_sites(detect, files, folder):
    config = detect(files)
    assert (config.type, config.static_dir, config.start_command) == ("static", folder, None)
    assert not config.spa


@pytest.mark.parametrize(
    "files",
    [
        {"Staticfile": "index_fallback: true\n"},
        {"Staticfile": "pushstate: enabled\n"},
        {"static.json": '{"routes": {"/**": "index.html"}}'},
    ],
    ids=str,
)
def test_the_index_everywhere_only_where_it_is_asked_for(detect, files):
    assert detect({"index.html": "", **files}).spa


def test_the_index_everywhere_may_be_turned_off(detect):
    assert not detect({"index.html": "", "Staticfile": "pushstate: disabled\n"}).spa


@pytest.mark.parametrize("root", ["gone", "../..", "/etc/../.."])
def test_a_staticfile_root_outside_is_refused(detect, root):
    with pytest.raises(ProjectDetectionError, match="Staticfile, line 2"):
        detect({"Staticfile": f"# a\nroot: {root}\n", "index.html": ""})


@pytest.mark.parametrize(
    "files",
    [
        {"deployzero.toml": 'type = "static"\nstatic_dir = "pages"', "pages/a.html": ""},
        {"package.json": '{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "5"}}'},
    ],
)
def test_a_password_file_counts_however_the_files_came_about(detect, files):
    assert detect({**files, "Staticfile.auth": "a:$apr1$x\n"}).password_file == "Staticfile.auth"


def test_a_password_file_is_no_decoration(detect):
    config = detect({"index.html": "", "Staticfile.auth": "a:$apr1$x\n"})
    assert config.password_file == "Staticfile.auth"
    assert any("name and password" in reason for reason in config.reasons)


@pytest.mark.parametrize("name", ["_redirects", "_headers", "netlify.toml", "nginx.conf"])
def test_what_is_not_read_is_said(detect, name):
    reasons = detect({"index.html": "", name: ""}).reasons
    assert any(reason.startswith(f"{name}: ") and "not read" in reason for reason in reasons)


def test_keys_of_a_staticfile_that_are_not_read_are_named(detect):
    config = detect({"index.html": "", "Staticfile": "directory: visible\nroot: .\n"})
    assert any("directory not read" in reason for reason in config.reasons)


def test_index_html_in_an_unusual_folder_is_no_site(detect):
    with pytest.raises(ProjectDetectionError):
        detect({"reports/index.html": "", "data.csv": ""})
