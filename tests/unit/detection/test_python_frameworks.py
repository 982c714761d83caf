"""Python: each framework's application and what serves it on $PORT."""

import pytest

BIND = "--bind 0.0.0.0:$PORT --workers ${WEB_CONCURRENCY:-2}"
FASTAPI = "from fastapi import FastAPI\napp = FastAPI()\n"
UVICORN = "--host 0.0.0.0 --port $PORT"
MANAGE = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n"


@pytest.mark.parametrize(
    ("files", "requirements", "framework", "command"),
    [
        ({"main.py": "from litestar import Litestar\napp = Litestar([])\n"}, "litestar",
         "litestar", f"uvicorn main:app {UVICORN}"),
        ({"main.py": "from quart import Quart\napp = Quart('a')\n"}, "quart\nhypercorn",
         "quart", "hypercorn --bind 0.0.0.0:$PORT main:app"),
        ({"main.py": "from fasthtml.common import *\napp, rt = fast_app()\nserve()\n"},
         "python-fasthtml", "fasthtml", f"uvicorn main:app {UVICORN}"),
        ({"main.py": "from sanic import Sanic\napp = Sanic('a')\n"}, "sanic", "sanic",
         "sanic main:app --host=0.0.0.0 --port=$PORT --single-process"),
        ({"main.py": "from aiohttp import web\napp = web.Application()\n"}, "aiohttp", "aiohttp",
         "gunicorn --bind 0.0.0.0:$PORT --worker-class aiohttp.GunicornWebWorker"
         " --workers ${WEB_CONCURRENCY:-2} main:app"),
        ({"main.py": "import falcon\napi = falcon.App()\n"}, "falcon", "falcon",
         f"gunicorn {BIND} main:api"),
        ({"main.py": "import falcon.asgi\napi = falcon.asgi.App()\n"}, "falcon", "asgi",
         f"uvicorn main:api {UVICORN}"),
        ({"main.py": "import bottle\napp = bottle.Bottle()\n"}, "bottle", "bottle",
         f"gunicorn {BIND} main:app"),
        ({"app.py": "from dash import Dash\napp = Dash('a')\nserver = app.server\n"}, "dash",
         "flask", f"gunicorn {BIND} app:server"),
        ({"app.py": "import dash\napp = dash.Dash('a')\n"}, "dash", "dash",
         "waitress-serve --host=0.0.0.0 --port=$PORT app:app.server"),
        ({"app.py": "import streamlit as st\nst.write(1)\n"}, "streamlit", "streamlit",
         "streamlit run app.py --server.address 0.0.0.0 --server.port $PORT"
         " --server.headless true"),
        ({"demo.py": "import gradio as gr\ngr.Interface(f).launch()\n"}, "gradio", "gradio",
         "GRADIO_SERVER_NAME=0.0.0.0 GRADIO_SERVER_PORT=$PORT python demo.py"),
        ({"app.py": "import chainlit as cl\n"}, "chainlit", "chainlit",
         "chainlit run app.py --host 0.0.0.0 --port $PORT --headless"),
        ({"src/shop/web/app.py": "from flask import Flask\napp = Flask('a')\n"}, "flask", "flask",
         f"gunicorn --chdir src {BIND} shop.web.app:app"),
        ({"web-shop/__main__.py": "from flask import Flask\napp = Flask('a')\n"}, "flask", "flask",
         f"gunicorn {BIND} web-shop.__main__:app"),
        ({"api/index.py": "from flask import Flask\napp = Flask('a')\n"}, "flask", "flask",
         f"gunicorn {BIND} api.index:app"),
        ({"back/app/main.py": "from app.db import x\n" + FASTAPI,
          "back/app/db.py": ""}, "fastapi", "fastapi",
         f"uvicorn --app-dir back app.main:app {UVICORN}"),
        ({"back/main.py": "import routes\n" + FASTAPI,
          "back/routes.py": ""}, "fastapi", "fastapi",
         f"uvicorn --app-dir back main:app {UVICORN}"),
        ({"back/main.py": "import back.routes\n" + FASTAPI,
          "back/routes.py": ""}, "fastapi", "fastapi", f"uvicorn back.main:app {UVICORN}"),
        ({"src/shop/__init__.py": "from flask import Flask\ndef create_app():\n"
          "    return Flask('a')\n"}, "flask", "flask",
         f"gunicorn --chdir src {BIND} 'shop:create_app()'"),
        ({"app.py": "from fastapi import FastAPI\ndef make_app() -> FastAPI:\n"
          "    return FastAPI()\n"}, "fastapi", "fastapi",
         f"uvicorn --factory app:make_app {UVICORN}"),
        ({"app.py": "import flask\napp = flask.Flask('a')\n"}, "flask\nflask-socketio", "flask",
         "gunicorn --bind 0.0.0.0:$PORT --workers 1 --threads 100 app:app"),
        ({"app.py": "import flask\napp = flask.Flask('a')\n", "gunicorn.conf.py": "threads = 4"},
         "flask", "flask", "gunicorn --bind 0.0.0.0:$PORT app:app"),
        ({"manage.py": MANAGE, "shop/asgi.py": "",
          "shop/settings.py": "ASGI_APPLICATION = 'shop.asgi.application'\n"}, "django\ndaphne",
         "django", "daphne -b 0.0.0.0 -p $PORT shop.asgi:application"),
        ({"manage.py": MANAGE, "shop/asgi.py": "", "shop/wsgi.py": "",
          "shop/settings.py": "WSGI_APPLICATION = 'shop.wsgi.application'\n"}, "django", "django",
         f"gunicorn {BIND} shop.wsgi:application"),
    ],
)  # fmt: skip
def test_each_framework_is_served_by_a_server_for_production(
    detect, files, requirements, framework, command
):
    config = detect({**files, "requirements.txt": requirements})
    assert (config.framework, config.start_command) == (framework, command)


def test_a_server_that_an_extra_brings_is_not_added(detect):
    app = "from fastapi import FastAPI\napp = FastAPI()\n"
    config = detect({"main.py": app, "requirements.txt": "fastapi[standard]\n"})
    assert config.install_command == "pip install -r requirements.txt"


@pytest.mark.parametrize(
    ("source", "port"),
    [
        ("from http.server import HTTPServer\nHTTPServer(('', 8080), H).serve_forever()\n", 8080),
        ("P = 9001\nimport socketserver\nsocketserver.TCPServer(('', P), H)\n", 9001),
        ("import x\nx.run(host='0.0.0.0', port=5000)\n", 5000),
        ("import os, x\nx.run(port=int(os.environ.get('PORT', 5000)))\n", 8000),
        ("import socket\ns.bind(('', 80))\n", 80),
        ("print('no server')\n", 8000),
    ],
)
def test_a_script_that_reads_no_port_gets_requests_where_it_listens(detect, source, port):
    assert detect({"server.py": source}).port == port


def test_a_script_on_the_loopback_address_is_told(detect):
    config = detect({"server.py": "import x\nx.run(host='127.0.0.1', port=5000)\n"})
    assert any("listens on 127.0.0.1" in reason for reason in config.reasons)


def test_what_secret_key_needs_is_stood_in_for_while_static_files_are_collected(detect):
    settings = (
        "import os\nSECRET_KEY = os.environ['SHOP_KEY']\nSTATIC_ROOT = 'out'\n"
        "INSTALLED_APPS = ['django.contrib.staticfiles']\n"
        "WSGI_APPLICATION = 'shop.wsgi.application'\n"
    )
    config = detect(
        {"manage.py": MANAGE, "shop/settings.py": settings, "requirements.txt": "django"}
    )
    assert "SHOP_KEY=${SHOP_KEY:-only-in-the-build} python manage.py" in config.build_command
    assert "DISABLE_COLLECTSTATIC" in config.build_command


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({"mise.toml": '[tools]\npython = "3.12"\n'}, "3.12"),
        ({"mise.toml": '[tools]\npython = "latest"\n'}, None),
        ({"Pipfile": '[requires]\npython_full_version = "3.11.9"\n'}, "3.11.9"),
        ({".python-version": "cpython-3.12.1-linux-x86_64-gnu\n"}, "3.12.1"),
        ({".python-version": ">=3.12\n"}, "3.13"),
        ({".python-version": "3.13t\n"}, "3.13"),
        ({"pyproject.toml": '[tool.poetry.dependencies]\npython = "^3.9"\n'}, "3.13"),
        ({"pyproject.toml": '[tool.poetry.dependencies]\npython = "~3.11"\n'}, "3.11"),
        ({"pyproject.toml": '[project]\nrequires-python = "3.12.*"\n'}, "3.12"),
        ({"pyproject.toml": '[tool.poetry.dependencies]\npython = ">=3.9 <3.12"\n'}, "3.11"),
    ],
)
def test_pins_of_every_tool_are_read(examine, files, version):
    assert examine({"main.py": "", **files}).runtime_version == version


@pytest.mark.parametrize(
    ("files", "requirement", "build"),
    [
        ({"mkdocs.yml": "site_name: a"}, "mkdocs", "mkdocs build --site-dir site"),
        ({"mkdocs.yml": "site_name: a"}, "mkdocs-material", "mkdocs build --site-dir site"),
        ({"docs/conf.py": ""}, "sphinx", "sphinx-build -b html docs site"),
    ],
)
def test_documentation_is_built_and_served_as_files(detect, files, requirement, build):
    config = detect({**files, "requirements.txt": requirement})
    assert config.build_command == build
    assert config.start_command == "python -m http.server $PORT --directory site"


def test_an_app_with_documentation_is_the_app(detect):
    app = {"app.py": "from flask import Flask\napp = Flask('a')\n", "mkdocs.yml": ""}
    assert detect({**app, "requirements.txt": "flask\nmkdocs"}).framework == "flask"


RUN = "from flask import Flask\ndef main():\n    app = Flask(__name__)\n    app.run({})\nmain()\n"


@pytest.mark.parametrize(
    ("given", "loopback"),
    [
        ("port=5000", True),
        ("port=int(os.environ['PORT'])", True),
        ("host='127.0.0.1', port=5000", True),
        ("host='0.0.0.0', port=5000", False),
        ("'0.0.0.0', 5000", False),
        ("host=address, port=5000", False),
        ("**settings", False),
    ],
)
def test_a_run_without_a_host_is_said_to_listen_on_this_machine_alone(detect, given, loopback):
    config = detect({"requirements.txt": "flask\n", "main.py": RUN.format(given)})
    assert config.start_command == "python main.py"
    assert any("listens on 127.0.0.1" in reason for reason in config.reasons) is loopback
