"""Python: which package manager installs, from which files, and what it needs of Debian."""

import pytest

from deployzero.errors import ProjectDetectionError

APP = {"main.py": "print(1)\n"}
PROJECT = '[project]\nname="shop"\nversion="1"\ndependencies=["requests"]\n'
PACKAGED = PROJECT + '[build-system]\nrequires=["hatchling"]\n'
POETRY = '[tool.poetry]\nname="shop"\n[tool.poetry.dependencies]\npython="^3.11"\nflask="*"\n'
PIPFILE = '[packages]\nrequests="*"\n[requires]\npython_version="3.11"\n'
PIPLOCK = '{"_meta": {"requires": {"python_version": "3.11"}}, "default": {"requests": {}}}'
TOOLS = {"pdm": "pdm[locked]"}
UV = "uv sync --locked --no-dev"
POETRY_INSTALL = "poetry install --only main --no-interaction --no-ansi"


@pytest.mark.parametrize(
    ("files", "manager", "install", "build"),
    [
        ({"uv.lock": "", "pyproject.toml": PROJECT}, "uv", f"{UV} --no-install-workspace", None),
        (
            {"uv.lock": "", "pyproject.toml": PACKAGED},
            "uv",
            f"{UV} --no-install-workspace",
            f"{UV} --inexact",
        ),
        (
            {"uv.lock": "", "pyproject.toml": PROJECT + '[tool.uv.sources]\nx={path="lib/x"}\n'},
            "uv",
            None,
            UV,
        ),
        (
            {"pyproject.toml": PROJECT + '[tool.uv.sources]\nx={git="https://a.example/x"}\n'},
            "uv",
            "uv sync --no-dev --no-install-workspace",
            None,
        ),
        (
            {"poetry.lock": "", "pyproject.toml": POETRY},
            "poetry",
            f"{POETRY_INSTALL} --no-root",
            None,
        ),
        ({"poetry.lock": "", "pyproject.toml": PROJECT}, "poetry", f"{POETRY_INSTALL} --no-root",
         None),
        (
            {
                "poetry.lock": "",
                "pyproject.toml": POETRY + '[build-system]\nrequires=["poetry-core"]\n',
                "shop/__init__.py": "",
            },
            "poetry",
            f"{POETRY_INSTALL} --no-root",
            POETRY_INSTALL,
        ),
        (
            {"pdm.lock": "", "pyproject.toml": PROJECT},
            "pdm",
            "pdm lock --check && pdm sync --prod --no-self",
            None,
        ),
        (
            {"Pipfile": PIPFILE, "Pipfile.lock": PIPLOCK},
            "pipenv",
            "pipenv verify && pipenv sync",
            None,
        ),
        ({"Pipfile": PIPFILE}, "pipenv", "pipenv install --skip-lock", None),
        ({"requirements/prod.txt": "-r base.txt", "requirements/base.txt": "requests"},
         "pip", "pip install -r requirements/prod.txt", None),
        ({"setup.cfg": "[metadata]\nname = shop\n"}, "pip", None, "pip install ."),
        (
            {"environment.yml": "dependencies:\n- python=3.11\n- pip\n- pip:\n  - requests>=2\n"},
            "pip",
            "pip install 'requests>=2'",
            None,
        ),
    ],
)  # fmt: skip
def test_each_manager_installs_what_its_lock_holds(detect, files, manager, install, build):
    config = detect({**APP, **files})
    assert config.package_manager == manager
    assert config.install_command == install
    assert config.build_command == build
    assert config.tools == (() if manager == "pip" else (TOOLS.get(manager, manager),))


def test_requirements_txt_wins_over_locks_and_says_so(detect):
    config = detect(
        {**APP, "requirements.txt": "requests", "uv.lock": "", "pyproject.toml": PROJECT}
    )
    assert config.package_manager == "pip"
    assert any("uv.lock: ignored, requirements.txt comes first" in r for r in config.reasons)


def test_an_empty_requirements_txt_does_not_win(detect):
    config = detect({**APP, "requirements.txt": "# none\n", "pdm.lock": "",
                     "pyproject.toml": PROJECT})  # fmt: skip
    assert config.package_manager == "pdm"


def test_uv_gets_the_manifests_of_its_workspace_and_not_of_what_is_excluded(detect):
    workspace = '[tool.uv.workspace]\nmembers=["packages/*"]\nexclude=["packages/old"]\n'
    config = detect(
        {
            **APP,
            "uv.lock": "",
            "pyproject.toml": PROJECT + workspace,
            "packages/one/pyproject.toml": PROJECT,
            "packages/old/pyproject.toml": PROJECT,
        }
    )
    assert config.install_files == ("pyproject.toml", "uv.lock", "packages/one/pyproject.toml")
    assert config.build_command == f"{UV} --inexact"


@pytest.mark.parametrize(
    ("files", "tool"),
    [
        ({".tool-versions": "python 3.13\nuv 0.7.22\n"}, "uv==0.7.22"),
        ({"mise.toml": '[tools]\nuv = "0.7"\n'}, "uv==0.7.*"),
        ({"mise.toml": '[tools]\nuv = "latest"\n'}, "uv"),
        ({".tool-versions": "uv ; rm -rf /\n"}, "uv"),
    ],
)
def test_the_version_of_the_tool_is_the_pinned_one(detect, files, tool):
    config = detect({**APP, "uv.lock": "", "pyproject.toml": PROJECT, **files})
    assert config.tools == (tool,)


def test_what_pip_installs_for_conda_is_known_by_name_and_extras(detect):
    lines = 'dependencies:\n- python=3.12\n- pip: ["fastapi[standard]~=0.115", Psycopg2~=2.9]\n'
    app = {"main.py": "import fastapi\napi = fastapi.FastAPI()\n"}
    config = detect({**app, "environment.yaml": lines})
    assert config.install_command == "pip install 'fastapi[standard]~=0.115' 'Psycopg2~=2.9'"
    assert config.run_packages == ("libpq5",)
    assert "environment.yaml: Python 3.12" in config.reasons


def test_conda_is_recognised_and_refused_with_the_lines_to_copy(detect, examine):
    files = {**APP, "environment.yml": "dependencies:\n- python=3.9\n- flask=2.0.2\n"}
    config = examine(files)
    assert (config.type, config.package_manager, config.runtime_version) == (
        "python", "conda", "3.9",
    )  # fmt: skip
    with pytest.raises(ProjectDetectionError, match="Conda") as caught:
        detect(files)
    assert any("flask==2.0.2" in line for line in caught.value.detail)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("git+https://git.example/a/shop.git@v1#egg=shop", "clones it in the build"),
        ("-e git+ssh://git@git.example/a/shop.git#egg=shop", "no SSH key"),
    ],
)
def test_git_requirements_are_explained(detect, line, said):
    config = detect({**APP, "requirements.txt": f"{line}\n"})
    assert any(said in reason for reason in config.reasons)
    assert config.install_command == "pip install -r requirements.txt"


def test_a_token_in_an_address_is_in_no_log(detect):
    line = "git+https://me:t0ken@git.example/a/shop.git#egg=shop"
    said = " ".join(detect({**APP, "requirements.txt": f"{line}\n"}).reasons)
    assert "git+https://git.example/a/shop.git" in said
    assert "t0ken" not in said


def test_debian_packages_follow_the_requirements(detect):
    config = detect({**APP, "requirements.txt": "Psycopg2==2.9\npdf2image\nPillow\n"})
    assert config.build_packages == ("libpq-dev",)
    assert config.run_packages == ("libpq5", "poppler-utils")


def test_debian_packages_follow_what_a_lock_brings_along(detect):
    lock = '[[package]]\nname = "opencv-python"\nversion = "4"\n'
    config = detect({**APP, "uv.lock": lock, "pyproject.toml": PROJECT})
    assert "libgl1" in config.run_packages


@pytest.mark.parametrize(
    ("web", "started"),
    [
        ("uv run gunicorn shop:app", "gunicorn shop:app"),
        ("uv run --no-sync --env-file .env main.py", "python main.py"),
        ("PORT=1 poetry run python -m shop", "PORT=1 python -m shop"),
        ("pipenv run web --fast", "gunicorn shop:app --fast"),
        ("uv run -m shop", "python -m shop"),
        ("python main.py && echo uv running", "python main.py && echo uv running"),
    ],
)
def test_the_managers_run_is_taken_off_since_the_image_has_no_manager(detect, web, started):
    pipfile = PIPFILE + '[scripts]\nweb="gunicorn shop:app"\n'
    config = detect({**APP, "Pipfile": pipfile, "Procfile": f"web: {web}\n"})
    assert config.start_command == started


def test_a_procfile_that_runs_python_is_enough(detect):
    config = detect({"console.py": "", "Procfile": "web: python console.py\n"})
    assert (config.type, config.start_command) == ("python", "python console.py")


def test_a_committed_virtual_environment_is_told(detect):
    config = detect({**APP, "venv/pyvenv.cfg": "home = /usr\n"})
    assert any("committed virtual environment" in reason for reason in config.reasons)


def test_a_requirement_of_conda_that_has_several_lines_is_refused(detect):
    yml = 'dependencies:\n  - pip:\n      - "flask\\nrm -r x"\n      - |\n        gunicorn\n'
    with pytest.raises(ProjectDetectionError, match="requirement of several lines"):
        detect({"environment.yml": yml, "app.py": ""})
    config = detect({"environment.yml": yml.replace("\\nrm -r x", ""), "app.py": ""})
    assert config.install_command == "pip install flask gunicorn"
