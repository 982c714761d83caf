"""Commands of projects that are no packages, servers of agents, and Pixi's packages."""

import pytest

POETRY = """
[tool.poetry]
package-mode = false
[tool.poetry.dependencies]
python = "^3.11"
[tool.poetry.scripts]
start = "shop.web:serve"
seed = "shop.db:seed"
"""


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({"shop/web.py": ""}, "python -c 'from shop.web import serve; serve()'"),
        (
            {"src/shop/web/__init__.py": ""},
            "PYTHONPATH=src python -c 'from shop.web import serve; serve()'",
        ),
        ({"shop/web.py": "", "main.py": ""}, "python main.py"),
        ({"shop/db.py": ""}, None),
    ],
)
def test_a_command_of_a_project_that_is_no_package_is_called(examine, files, command):
    assert examine({"pyproject.toml": POETRY, **files}).start_command == command


@pytest.mark.parametrize(
    ("name", "source", "started"),
    [("shop", "print('hello')", False), ("shop", "make_server", True), ("serve", "print()", True)],
)
def test_a_command_for_a_terminal_alone_is_not_called(examine, name, source, started):
    text = POETRY.replace("start =", f"{name} =").replace("seed =", "#")
    found = examine({"pyproject.toml": text, "shop/web.py": source})
    assert bool(found.start_command) is started


@pytest.mark.parametrize("target", ["shop.web", "shop web:serve", "shop.web:a.b", ""])
def test_a_command_that_names_no_function_is_none(examine, target):
    text = POETRY.replace("shop.web:serve", target)
    assert examine({"pyproject.toml": text, "shop/web.py": ""}).start_command is None


@pytest.mark.parametrize("file", ["shop/web.py", "shop/__main__.py"])
def test_the_port_of_what_is_called_as_a_function_or_module_is_read(detect, file):
    script = "[project.scripts]\nshop = 'shop.web:run'\n" if "web" in file else ""
    server = (
        "import http.server as s\ndef run():\n    s.HTTPServer(('', 5000), H).serve_forever()\n"
    )
    found = detect({"pyproject.toml": f"[project]\nname = 'shop'\n{script}", file: server})
    assert (found.start_command.startswith("python -"), found.port) == (True, 5000)


def test_an_agent_is_served_by_adk(detect):
    found = detect(
        {
            "requirements.txt": "google-adk",
            "weather/__init__.py": "from . import agent",
            "weather/agent.py": "from google.adk.agents import Agent\nroot_agent = Agent(name='a')",
        }
    )
    assert found.start_command == "adk api_server --host 0.0.0.0 --port $PORT"


def test_an_entry_file_that_serves_its_agents_itself_is_started(detect):
    serves = (
        "import uvicorn\nfrom google.adk.cli.fast_api import get_fast_api_app\n"
        "app = get_fast_api_app(agents_dir='.')\nuvicorn.run(app, host='0.0.0.0', port=8080)\n"
    )
    agent = {"requirements.txt": "google-adk", "weather/agent.py": "root_agent = 1"}
    assert detect({**agent, "main.py": serves}).start_command == "python main.py"
    assert detect({**agent, "main.py": "print('hello')"}).start_command.startswith("adk ")


def test_adk_without_an_agent_starts_nothing(examine):
    assert examine({"requirements.txt": "google-adk", "lib/a.py": ""}).start_command is None


PIXI = '[workspace]\nname = "shop"\n[dependencies]\npython = "3.12.*"\nflask = ">=3"\n'


def test_a_pixi_project_is_refused_with_the_way_out(examine):
    found = examine({"pixi.toml": PIXI, "app.py": "import flask\napp = flask.Flask('a')\n"})
    assert (found.type, found.package_manager) == ("python", "pixi")
    assert found.refusal == "pixi.toml: a Pixi project, which is not supported yet"
    assert any("requirements.txt" in reason and "flask" in reason for reason in found.reasons)


@pytest.mark.parametrize(
    "files",
    [{"pixi.toml": PIXI, "requirements.txt": "flask"}, {"pixi.toml": "[dependencies]\npython='*'"}],
)
def test_pixis_file_is_no_hindrance_where_pip_has_all(detect, files):
    assert detect({"app.py": "print('listening')", **files}).package_manager == "pip"
