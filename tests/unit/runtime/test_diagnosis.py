"""What is said about a container that is not well; the runtime is a stand-in."""

import dataclasses
from typing import cast

import pytest

from deployzero.errors import ResourceLimitError
from deployzero.models.cause import Subject
from deployzero.runtime.causes.advice import answer_advice, development_server
from deployzero.runtime.causes.listeners import listen_hint
from deployzero.runtime.container import ContainerStatus
from deployzero.runtime.diagnosis import exited, port_setting, unhealthy
from deployzero.runtime.runtime import Runtime
from deployzero.runtime.sockets import Listener

SUBJECT = Subject("shop", "python", "gunicorn app:app")
ENDED = ContainerStatus(
    name="web",
    running=False,
    exit_code=1,
    oom_killed=False,
    pid=0,
    started_at=None,
    finished_at=None,
    restarts=0,
    address="",
    memory_bytes=512 << 20,
)
RUNNING = dataclasses.replace(ENDED, running=True, exit_code=0)


def runtime(status: ContainerStatus, *said: str) -> Runtime:
    class Stub:
        async def status(self, name: str) -> ContainerStatus:
            return status

        async def logs_tail(self, name: str, lines: int = 50) -> list[str]:
            return list(said)

    return cast(Runtime, Stub())


async def test_an_app_that_ends_is_told_with_the_cause_and_the_fix() -> None:
    said = ('  File "<frozen os>", line 717, in __getitem__', "KeyError: 'STRIPE_KEY'")
    error = await exited(runtime(ENDED, *said), "web", ENDED, SUBJECT)
    assert error.message == (
        "the app exited with code 1 after 0.0s: the variable STRIPE_KEY is not set"
    )
    assert error.hint == "Set it, then push again: config:set shop STRIPE_KEY=<value>"
    assert error.detail == said


async def test_an_unknown_end_is_left_to_the_apps_own_lines() -> None:
    error = await exited(runtime(ENDED, "ValueError: no"), "web", ENDED, SUBJECT)
    assert error.message == "the app exited with code 1 after 0.0s"
    assert error.hint == "See the app's last lines above."


async def test_an_app_out_of_memory_is_given_more_by_a_command_as_it_is_typed() -> None:
    status = dataclasses.replace(ENDED, oom_killed=True, exit_code=137)
    error = await exited(runtime(status), "web", status, SUBJECT)
    assert isinstance(error, ResourceLimitError)
    assert error.message == "out of memory: killed at the limit of 512 MB"
    assert error.hint.endswith("resource:limit shop --memory 1024m")


async def test_a_failing_answer_is_told_with_what_the_app_logged() -> None:
    said = "django.core.exceptions.DisallowedHost: Invalid HTTP_HOST header: 'shop.example.com'."
    error = await unhealthy(
        runtime(RUNNING, said), "web", 8000, "GET / answered 400", 8.0, "Mend it.", SUBJECT
    )
    assert error.message == (
        "the app is not healthy after 8s: GET / answered 400: Django refuses the host "
        "shop.example.com"
    )
    assert error.hint == 'In the settings: ALLOWED_HOSTS = ["shop.example.com"]'


@pytest.mark.parametrize(
    ("stack", "command", "hint"),
    [
        ("python", "flask --app shop run --port 5000", "flask … run --host 0.0.0.0 --port $PORT"),
        ("python", "python manage.py runserver", "manage.py runserver 0.0.0.0:$PORT"),
        ("python", "gunicorn app:app", "gunicorn --bind 0.0.0.0:$PORT"),
        ("python", "uvicorn main:app", "uvicorn --host 0.0.0.0 --port $PORT"),
        ("python", "python app.py", 'app.run(host="0.0.0.0", port=int(os.environ["PORT"]))'),
        ("nodejs", "npm start", 'app.listen(process.env.PORT, "0.0.0.0")'),
        ("nodejs", "npx vite preview", "vite preview --host 0.0.0.0 --port $PORT"),
        ("go", "./app", 'http.ListenAndServe(":"+os.Getenv("PORT"), nil)'),
        ("elixir", "./run", "0.0.0.0:$PORT"),
    ],
)
def test_where_to_listen_is_said_as_the_framework_has_it(
    stack: str, command: str, hint: str
) -> None:
    said = listen_hint(Subject("shop", stack, command), 8000)
    assert hint in said
    assert "PORT is 8000" in said


def test_one_wrong_port_can_be_named_in_the_settings() -> None:
    assert port_setting([Listener("0.0.0.0", 5000)]).endswith("deployzero.toml: port = 5000")
    assert port_setting([Listener("127.0.0.1", 5000)]) == ""
    assert port_setting([Listener("0.0.0.0", 5000), Listener("::", 6000)]) == ""


@pytest.mark.parametrize(
    "command",
    ["flask run --host 0.0.0.0", "python manage.py runserver 0.0.0.0:8000", "npx nodemon a.js",
     "next dev", "vite --host", "uvicorn main:app --reload"],
)  # fmt: skip
def test_a_development_server_is_named(command: str) -> None:
    assert "is a development server" in development_server(Subject(command=command))


@pytest.mark.parametrize(
    "command", ["gunicorn app:app", "npx vite preview --host", "next start", "uvicorn main:app"]
)
def test_a_server_for_production_is_not(command: str) -> None:
    assert development_server(Subject(command=command)) == ""


def test_a_bad_request_that_passes_the_check_gets_a_word() -> None:
    assert "ALLOWED_HOSTS" in answer_advice(400, "shop.example.com", SUBJECT)
    assert answer_advice(404, "shop.example.com", SUBJECT) == ""
    assert answer_advice(400, "shop.example.com", Subject("shop", "nodejs")) == ""
