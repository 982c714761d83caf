"""The app that is pushed: Flask behind gunicorn with two workers, and a page that changes."""

import subprocess
from pathlib import Path

COMMAND = "gunicorn --workers 2 --bind 0.0.0.0:$PORT app:app"
FILES = {
    "requirements.txt": "flask==3.1.2\ngunicorn==23.0.0\n",
    "Procfile": f"web: {COMMAND}\n",
    ".python-version": "3.13\n",
}
APP = """from flask import Flask

app = Flask(__name__)


@app.get("/")
def page() -> str:
    return "{page}"
"""


def repository(folder: Path, page: str) -> Path:
    """A plain repository of the app with one commit on main."""
    folder.mkdir(parents=True)
    _git(folder, "init", "--quiet", "--initial-branch=main")
    for name, text in FILES.items():
        (folder / name).write_text(text)
    change(folder, page)
    return folder


def change(folder: Path, page: str) -> None:
    """Commit one changed line: what the page says."""
    (folder / "app.py").write_text(APP.format(page=page))
    _git(folder, "add", "--all")
    identity = ("-c", "user.name=bench", "-c", "user.email=bench@example.org")
    _git(folder, *identity, "commit", "--quiet", "--message", page)


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, timeout=60)
