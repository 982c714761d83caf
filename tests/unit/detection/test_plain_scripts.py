"""A script that lies there and listens nowhere loses to a server and to a site."""

import pytest

EXPRESS = '{"scripts": {"start": "node server.js"}, "dependencies": {"express": "5"}}'
NODE = {"package.json": EXPRESS, "server.js": "app.listen(process.env.PORT)\n"}
PANDAS = "import pandas\nprint(pandas.read_csv('a.csv'))\n"
SERVER = "from http.server import HTTPServer\nHTTPServer(('', 8000), None).serve_forever()\n"


@pytest.mark.parametrize("script", ["tools/__main__.py", "main.py", "src/main.py"])
def test_a_script_with_requirements_of_its_own_does_not_beat_a_server(detect, script):
    files = {**NODE, "requirements.txt": "pandas\n", script: PANDAS}
    config = detect(files)
    assert (config.type, config.start_command) == ("nodejs", "node server.js")
    assert any("requirements.txt is there too" in reason for reason in config.reasons)


@pytest.mark.parametrize(
    "files",
    [
        {"main.py": SERVER},
        {"shop/__main__.py": "from .web import main\nmain()\n", "shop/web.py": SERVER},
        {"main.py": PANDAS, "Procfile": "web: python main.py\n"},
    ],
)
def test_a_script_that_serves_or_was_asked_for_wins_as_before(detect, files):
    assert detect({**NODE, "requirements.txt": "pandas\n", **files}).type == "python"


def test_a_script_is_still_what_is_run_where_nothing_else_serves(detect):
    files = {"requirements.txt": "pandas\n", "main.py": PANDAS, "package.json": "{}"}
    assert detect(files).start_command == "python main.py"


HELPERS = {
    "main.py": "print('made')\n",
    "main.rb": "puts 'made'\n",
    "main.go": 'package main\nfunc main() { println("made") }\n',
}


@pytest.mark.parametrize("name", HELPERS)
def test_a_site_beats_a_helper_without_manifest(detect, name):
    config = detect({"index.html": "<p>", name: HELPERS[name]})
    assert (config.type, config.static_dir) == ("static", ".")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("main.py", SERVER),
        ("main.rb", "require 'sinatra'\n"),
        ("main.go", 'package main\nimport "net/http"\nfunc main() { http.Handle("/", nil) }\n'),
        ("Procfile", "web: python main.py\n"),
    ],
)
def test_a_server_or_a_procfile_beats_the_site(detect, name, text):
    assert detect({"index.html": "<p>", "main.py": "", name: text}).type != "static"
