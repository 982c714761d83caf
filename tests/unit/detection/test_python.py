"""Python: the web application, what pip installs, versions."""

import pytest

from deployzero.errors import ProjectDetectionError

FLASK = "from flask import Flask\napp = Flask(__name__)\n"
FASTAPI = "import fastapi\napi = fastapi.FastAPI()\n"
BIND = "--bind 0.0.0.0:$PORT --workers ${WEB_CONCURRENCY:-2}"
GUNICORN = f"gunicorn {BIND}"
MANAGE = (
    "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n"
    "from django.core.management import execute_from_command_line\n"
)
MADE = "from shop import create_app\napp = create_app()\n"
IMPORTED = "from shop.site import app\n"
IN_TRY = "try:\n    import x\nfinally:\n    from flask import Flask\n    app = Flask('a')\n"
WAITRESS = "waitress-serve --host=0.0.0.0 --port=$PORT"
FACTORY = "from flask import Flask\ndef create_app(config=None):\n    return Flask('a')\n"


@pytest.mark.parametrize(
    ("files", "requirements", "command"),
    [
        ({"app.py": FLASK}, "flask", f"{GUNICORN} app:app"),
        ({"hello.py": FLASK}, "flask", f"{GUNICORN} hello:app"),
        ({"site.py": "import flask\nweb = flask.Flask('a')"}, "flask", f"{GUNICORN} site:web"),
        ({"shop/__init__.py": FLASK}, "flask", f"{GUNICORN} shop:app"),
        ({"src/app.py": FLASK}, "flask", f"gunicorn --chdir src {BIND} app:app"),
        ({"shop/__init__.py": FACTORY}, "flask", f"{GUNICORN} 'shop:create_app()'"),
        (
            {"shop/__init__.py": FACTORY, "wsgi.py": MADE},
            "flask",
            f"{GUNICORN} wsgi:app",
        ),
        ({"shop/site.py": FLASK, "wsgi.py": IMPORTED}, "flask", f"{GUNICORN} wsgi:app"),
        ({"app.py": IN_TRY}, "flask", f"{GUNICORN} app:app"),
        ({"app.py": FLASK}, "flask\nwaitress", f"{WAITRESS} app:app"),
        ({"main.py": FASTAPI}, "fastapi", "uvicorn main:api --host 0.0.0.0 --port $PORT"),
        ({"app/main.py": FASTAPI}, "fastapi", "uvicorn app.main:api --host 0.0.0.0 --port $PORT"),
        (
            {"main.py": "from starlette.applications import Starlette\napp: object = Starlette()"},
            "starlette",
            "uvicorn main:app --host 0.0.0.0 --port $PORT",
        ),
        ({"main.py": "print(1)", "app.py": "print(2)"}, "requests", "python main.py"),
        ({"bot.py": "", "server.py": ""}, "requests", "python bot.py"),
        ({"src/main.py": ""}, "requests", "python src/main.py"),
        ({"shop/__main__.py": ""}, "requests", "python -m shop"),
        ({"main.py": "def broken(:"}, "flask", "python main.py"),
    ],
)
def test_the_start_command_is_found_without_a_procfile(detect, files, requirements, command):
    config = detect({**files, "requirements.txt": requirements})
    assert (config.type, config.start_command) == ("python", command)


OPEN = "import os\n\n\ndef f():\n    return [\n        1,\n        os.getenv('X'\n"


@pytest.mark.parametrize("name", ["app.py", "main.py", "src/app.py", "bot.py"])
def test_an_entry_that_does_not_parse_is_a_reason(detect, name):
    reasons = detect({name: FLASK + OPEN, "requirements.txt": "flask"}).reasons
    assert f"{name}, line 9: does not parse ('(' was never closed)" in reasons


def test_an_entry_that_only_a_server_would_run_is_named_in_the_refusal(detect):
    with pytest.raises(ProjectDetectionError) as refused:
        detect({"wsgi.py": FLASK + OPEN, "requirements.txt": "flask"})
    assert "wsgi.py, line 9: does not parse ('(' was never closed)" in refused.value.detail


def test_many_large_entries_are_not_all_parsed(detect):
    large = "# Flask\n" + "a+b\n" * 45_000
    config = detect({"main.py": large, "app.py": large + OPEN, "requirements.txt": "requests"})
    assert "does not parse" not in " ".join(config.reasons)


def test_the_marks_of_a_merge_are_called_that(detect):
    config = detect({"app.py": "<<<<<<< HEAD\na = 1\n=======\n", "requirements.txt": "flask"})
    assert "app.py, line 1: does not parse (an unresolved merge conflict)" in config.reasons


@pytest.mark.parametrize(
    "text",
    [
        FLASK,
        "a = {'b': 1}\nprint(f'{a['b']}')\n",
        "type A = int\n",
        "def f[T](x: T): ...\n",
        "class A[T]: ...\n",
        "try:\n    pass\nexcept OSError, ValueError:\n    pass\n",
        "print(t'{1}')\n",
        "a\0b",
    ],
)
def test_what_parses_or_may_be_for_a_newer_python_is_not_blamed(detect, text):
    config = detect({"app.py": text, "requirements.txt": "flask"})
    assert "does not parse" not in " ".join(config.reasons)


def test_an_entry_after_the_application_that_was_found_is_not_looked_at(detect):
    config = detect({"app.py": FLASK, "main.py": OPEN, "requirements.txt": "flask"})
    assert "does not parse" not in " ".join(config.reasons)


def test_a_flask_object_under_the_main_guard_does_not_count(detect):
    guarded = "from flask import Flask\nif __name__ == '__main__':\n    app = Flask('a')\n"
    config = detect({"main.py": guarded, "requirements.txt": "flask"})
    assert config.start_command == "python main.py"


def test_a_missing_server_is_added_to_the_same_layer(detect):
    config = detect({"app.py": FLASK, "requirements.txt": "flask==3.0.0\n"})
    assert config.install_command == "pip install -r requirements.txt gunicorn"
    assert any("gunicorn is added" in reason for reason in config.reasons)


def test_a_server_among_the_requirements_is_not_added(detect):
    config = detect({"app.py": FLASK, "requirements.txt": "flask\nGunicorn>=22 # server\n"})
    assert config.install_command == "pip install -r requirements.txt"


def test_a_server_beside_hashed_requirements_is_installed_on_its_own(detect):
    config = detect({"app.py": FLASK, "requirements.txt": "flask==3.0.0 --hash=sha256:00\n"})
    assert config.install_command == "pip install -r requirements.txt && pip install gunicorn"


@pytest.mark.parametrize("web", ["gunicorn app:x", "LEVEL=info exec gunicorn app:x"])
def test_the_procfiles_server_is_added_when_requirements_forgot_it(detect, web):
    files = {"app.py": "x = 1", "requirements.txt": "bottle", "Procfile": f"web: {web}"}
    assert detect(files).install_command == "pip install -r requirements.txt gunicorn"


def test_included_requirement_files_are_part_of_the_layer(detect):
    config = detect(
        {
            "app.py": FLASK,
            "requirements.txt": "-r requirements/base.txt\n-c constraints.txt\n",
            "requirements/base.txt": "-r more.txt\nflask\n",
            "requirements/more.txt": "gunicorn\n-r base.txt\n",
            "constraints.txt": "flask<4\n",
        }
    )
    assert config.install_files == (
        "requirements.txt",
        "requirements/base.txt",
        "requirements/more.txt",
        "constraints.txt",
    )
    assert config.install_command == "pip install -r requirements.txt"


def test_an_included_file_that_is_missing_is_named(detect):
    with pytest.raises(ProjectDetectionError, match=r"requirements\.txt includes 'gone\.txt'"):
        detect({"app.py": FLASK, "requirements.txt": "-r gone.txt\n"})


def test_a_requirement_in_the_repository_is_installed_after_the_source(detect):
    config = detect({"app.py": FLASK, "requirements.txt": "flask\ngunicorn\n-e .\n"})
    assert config.install_command == (
        "grep -vxF -e '-e .' requirements.txt >/tmp/requirements.txt"
        " && pip install -r /tmp/requirements.txt"
    )
    assert config.install_files == ("requirements.txt",)
    assert config.build_command == "pip install -r requirements.txt"


@pytest.mark.parametrize(
    ("requirements", "files", "command"),
    [
        ("-e .\n", {}, None),
        ("-e . \n", {"setup.py": "setup(install_requires=['flask', 'gunicorn'])"}, None),
        ("-e .\n", {"setup.py": "setup(install_requires=['flask', 'gunicorn'])"},
         "pip install flask gunicorn"),
        ("-e .\n", {"pyproject.toml": "[project]\nname='a'\ndependencies=['flask', 'gunicorn>1']"},
         "pip install flask 'gunicorn>1'"),
        ("-r more.txt\n-e .\n", {"more.txt": "flask\ngunicorn\n"}, None),
        ("-f wheels\nflask\ngunicorn\n", {"wheels/a.whl": ""}, None),
    ],
)  # fmt: skip
def test_what_can_be_installed_before_the_source_is(detect, requirements, files, command):
    config = detect({"Procfile": "web: x", "app.py": FLASK, "requirements.txt": requirements,
                     **files})  # fmt: skip
    assert config.install_command == command
    assert config.build_command == "pip install -r requirements.txt"


def test_a_git_requirement_is_not_taken_for_a_folder(detect):
    config = detect({"app.py": FLASK, "requirements.txt": "flask @ git+https://a.example/b.git\n"})
    assert config.install_files == ("requirements.txt",)


def test_pyproject_dependencies_are_a_layer_of_their_own(detect):
    config = detect(
        {
            "main.py": FASTAPI,
            "pyproject.toml": '[project]\nname="a"\ndependencies=["fastapi>=0.110", "uvicorn"]\n'
            'requires-python=">=3.11"\n',
        }
    )
    assert config.install_command == "pip install 'fastapi>=0.110' uvicorn"
    assert config.install_files == ("pyproject.toml",)
    assert config.build_command is None
    assert config.runtime_version == "3.13"


def test_a_packaged_project_is_installed_and_its_script_started(detect):
    config = detect(
        {
            "pyproject.toml": '[project]\nname="a"\ndependencies=["requests"]\n'
            '[project.scripts]\nserve-a="a:main"\n[build-system]\nrequires=["hatchling"]\n',
            "src/a/__init__.py": "def main(): ...",
        }
    )
    assert config.build_command == "pip install --no-deps ."
    assert config.start_command == "serve-a"


def test_setup_py_alone_is_installed_after_the_source(detect):
    config = detect({"setup.py": "", "app.py": FLASK, "Procfile": "web: python app.py"})
    assert (config.install_command, config.build_command) == (None, "pip install .")


@pytest.mark.parametrize(
    "files",
    [
        {"setup.py": "NEEDS = ['flask>=3', 'gunicorn']\nsetup(install_requires=NEEDS)"},
        {"setup.cfg": "[metadata]\n[options]\ninstall_requires =\n  flask>=3\n  gunicorn\n"},
    ],
)
def test_what_setup_py_plainly_requires_is_a_layer_of_its_own(detect, files):
    config = detect({**files, "app.py": FLASK})
    assert config.install_command == "pip install 'flask>=3' gunicorn"
    assert config.build_command == "pip install ."


def test_what_only_running_setup_py_would_tell_is_installed_after_the_source(detect):
    files = {"setup.py": "setup(install_requires=open('needs').read().split())", "app.py": FLASK}
    assert detect({**files, "Procfile": "web: x"}).install_command is None


def test_django_is_served_by_its_wsgi_application(detect):
    config = detect(
        {
            "manage.py": MANAGE,
            "shop/settings.py": "INSTALLED_APPS = ['django.contrib.staticfiles']\n"
            "WSGI_APPLICATION = 'shop.wsgi.application'\nSTATIC_ROOT = BASE_DIR / 'static'\n",
            "requirements.txt": "django\n",
        }
    )
    assert config.start_command == f"{GUNICORN} shop.wsgi:application"
    assert "python manage.py collectstatic --noinput" in config.build_command
    assert any("migrations do not run" in reason for reason in config.reasons)
    assert config.framework == "django"


INSTALLED = "INSTALLED_APPS = ['django.contrib.admin', 'django.contrib.staticfiles']\n"
HOSTS, STATIC = "ALLOWED_HOSTS is empty: other names", "STATIC_ROOT is not set: collectstatic"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (INSTALLED + "ALLOWED_HOSTS = []\n", [HOSTS, STATIC]),
        ("ALLOWED_HOSTS: list[str] = []\n", [HOSTS]),
        ("ALLOWED_HOSTS = []\nif x:\n    ALLOWED_HOSTS = ['*']\n", []),
        ("ALLOWED_HOSTS = []\nALLOWED_HOSTS += hosts()\n", []),
        ("if DEBUG:\n    ALLOWED_HOSTS = []\n", []),
        ("ALLOWED_HOSTS = ['*']\n", []),
        (INSTALLED + "STATIC_ROOT = 'static'\n", []),
        (INSTALLED + "ALLOWED_HOSTS = []\nfrom .local import *\n", []),
        (INSTALLED + "ALLOWED_HOSTS = []\ndjango_heroku.settings(locals())\n", []),
        ("ALLOWED_HOSTS = [\n", []),
    ],
)
def test_what_django_settings_leave_undone_is_said(detect, settings, said):
    files = {"manage.py": MANAGE, "shop/wsgi.py": "", "requirements.txt": "django\n"}
    reasons = detect({**files, "shop/settings.py": settings}).reasons
    assert [r for r in reasons if r.startswith(("ALLOWED_HOSTS", "STATIC_ROOT is not"))] == [
        reason for reason in reasons if any(reason.startswith(each) for each in said)
    ]
    assert all(any(reason.startswith(each) for reason in reasons) for each in said)


def test_django_without_wsgi_application_uses_its_wsgi_file(detect):
    config = detect(
        {
            "manage.py": MANAGE,
            "shop/settings.py": "DEBUG = False\n",
            "shop/wsgi.py": "",
            "requirements.txt": "django\n",
        }
    )
    assert config.start_command == f"{GUNICORN} shop.wsgi:application"
    assert config.build_command is None


def test_django_without_any_wsgi_says_what_to_do(detect):
    with pytest.raises(ProjectDetectionError) as caught:
        detect({"manage.py": MANAGE, "shop/settings.py": "", "requirements.txt": "django\n"})
    assert any("no WSGI_APPLICATION" in line for line in caught.value.detail)


def test_django_below_the_root_is_started_there(detect):
    config = detect(
        {
            "site/manage.py": MANAGE,
            "site/shop/settings/base.py": "WSGI_APPLICATION = 'shop.wsgi.application'\n",
            "requirements.txt": "django\ngunicorn\n",
        }
    )
    assert config.start_command == f"gunicorn --chdir site {BIND} shop.wsgi:application"


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({".python-version": "# ours\n3.11\n"}, "3.11"),
        ({".python-version": "3.11.9"}, "3.11.9"),
        ({"runtime.txt": "python-3.12.1\n"}, "3.12.1"),
        ({"runtime.txt": "python-3.11.x"}, "3.11"),
        ({"runtime.txt": "python-3.13", ".python-version": "3.9"}, "3.13"),
        ({".tool-versions": "nodejs 20.1.0\npython 3.9.23\n"}, "3.9.23"),
        ({"pyproject.toml": '[project]\nrequires-python = ">=3.8,<3.12"\n'}, "3.11"),
        ({"pyproject.toml": '[project]\nrequires-python = "==3.10.*"\n'}, "3.10"),
        ({"pyproject.toml": '[project]\nrequires-python = ">=3.14"\n'}, "3.14"),
        ({}, None),
    ],
)
def test_the_python_version_is_read_from_its_pins(detect, files, version):
    assert detect({"main.py": "", **files}).runtime_version == version


@pytest.mark.parametrize(
    "files",
    [
        {".python-version": "3.12", "runtime.txt": "python-3.11"},
        {
            ".tool-versions": "python 3.9.23",
            "pyproject.toml": '[project]\nrequires-python=">=3.11"',
        },
    ],
)
def test_contradictory_pins_are_said(detect, files):
    config = detect({"main.py": "", **files})
    assert any("contradicts" in reason for reason in config.reasons)


def test_pins_of_different_precision_do_not_contradict(detect):
    config = detect({"main.py": "", ".python-version": "3.11", "runtime.txt": "python-3.11.9"})
    assert not any("contradicts" in reason for reason in config.reasons)


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        (".python-version", "3.12\n2.7\n", ".python-version, line 2"),
        (".python-version", "three\n", ".python-version, line 1"),
        (".python-version", "3.999\n", ".python-version, line 1"),
        ("runtime.txt", "# a\n\u200bpython-3.12\x1b\n", "runtime.txt, line 2"),
        ("pyproject.toml", '[project]\nrequires-python = "??"\n', "bad requires-python"),
    ],
)
def test_bad_pins_are_errors_that_name_the_place(detect, name, text, place):
    with pytest.raises(ProjectDetectionError) as caught:
        detect({"main.py": "", name: text})
    assert place in caught.value.message
    assert caught.value.message.isprintable()


def test_a_misspelt_version_file_is_noticed(detect):
    config = detect({"main.py": "", ".python_version": "3.11"})
    assert any(".python-version" in reason for reason in config.reasons)
