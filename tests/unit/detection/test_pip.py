"""Python: what pip installs, and what of it before the source is there."""

import pytest

from deployzero.errors import ProjectDetectionError

FLASK = "from flask import Flask\napp = Flask(__name__)\n"
FASTAPI = "import fastapi\napi = fastapi.FastAPI()\n"


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
