"""A repository's own Dockerfile."""

import re

import pytest

from deployzero.errors import ProjectDetectionError


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("FROM a\nEXPOSE 3000\nEXPOSE 4000\n", 3000),
        ("FROM a\nEXPOSE 3001/udp 3000/tcp\nEXPOSE 3003\n", 3000),
        ("FROM a\n# EXPOSE 1\nexpose 5000\n", 5000),
        ("FROM a\r\nEXPOSE 5000\r\n", 5000),
        ("ARG P=7000\nFROM a\nEXPOSE $P\n", 7000),
        ("FROM a\nENV P 7001\nEXPOSE ${P}\n", 7001),
        ("FROM a\nEXPOSE ${NONE:-7002}\n", 7002),
        ("FROM a AS b\nEXPOSE 1\nFROM c\nEXPOSE 2\n", 2),
        ("FROM a AS b\nEXPOSE 1\nFROM b\n", 1),
        ("FROM a AS b\nEXPOSE 1\nFROM c\n", 8000),
        ("FROM a\nRUN echo \\\n  EXPOSE 9\nEXPOSE 10\n", 10),
        ("FROM a\nRUN <<EOF\nEXPOSE 9\nEOF\nEXPOSE 10\n", 10),
        ("FROM a\nEXPOSE 8080-8090\n", 8080),
        ("FROM a\nEXPOSE nonsense 99999\n", 8000),
        ("FROM a\n", 8000),
    ],
)
def test_a_dockerfile_app_gets_its_first_exposed_port(detect, text, port):
    config = detect({"Dockerfile": text})
    assert (config.port, config.dockerfile, config.start_command) == (port, "Dockerfile", None)


def test_a_dockerfile_without_from_is_broken(detect):
    with pytest.raises(ProjectDetectionError, match="no FROM"):
        detect({"Dockerfile": "RUN echo\n"})


def test_a_procfile_beside_a_dockerfile_names_its_processes(detect):
    config = detect({"Dockerfile": "FROM a\n", "Procfile": "release: ./migrate\n"})
    assert (config.start_command, config.processes) == (None, {"release": "./migrate"})


PACKAGE = '{"dependencies": {"express": "5"}, "scripts": {"start": "node server.js"}}'
LOCK = "lockfileVersion: '9.0'\n"
APP = {"package.json": PACKAGE, "server.js": "", "pnpm-lock.yaml": LOCK, "web/yarn.lock": ""}


@pytest.mark.parametrize(
    "line",
    [
        "COPY package.json package-lock.json ./",
        "COPY --chown=1000:1000 ./package.json ./package-lock.json /app/",
        'ADD ["package.json", "package-lock.json", "./"]',
        "copy web/bun.lock ./",
        "RUN --mount=type=cache,target=/root/.npm "
        "--mount=type=bind,source=package-lock.json,target=package-lock.json npm ci",
    ],
)
def test_a_dockerfile_that_takes_a_lock_file_which_is_not_there_gives_way(detect, line):
    config = detect({**APP, "Dockerfile": f"FROM node:24\n{line}\nRUN npm ci\n"})
    assert (config.type, config.package_manager) == ("nodejs", "pnpm")
    said = r"Dockerfile: not used, it takes (package-lock.json|web/bun.lock), which is not in .*"
    assert re.fullmatch(said, config.reasons[0])


@pytest.mark.parametrize(
    "line",
    [
        "COPY package.json pnpm-lock.yaml ./",
        "COPY package.json yarn.lock* package-lock.json* ./",
        "COPY --from=deps /app/package-lock.json ./",
        "RUN --mount=type=bind,from=deps,source=/app/yarn.lock,target=yarn.lock yarn",
        "COPY server.js package-lock.json",
        "COPY settings.ini ./",
        "# COPY package-lock.json ./",
    ],
)
def test_any_other_dockerfile_wins(detect, line):
    assert detect({**APP, "Dockerfile": f"FROM node:24\n{line}\n"}).type == "dockerfile"


TAKES = "COPY package-lock.json ./\n"


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        (f"FROM node:24 AS dev\n{TAKES}FROM node:24\nCOPY pnpm-lock.yaml ./\n", "dockerfile"),
        (f"FROM node:24 AS deps\n{TAKES}FROM node:24\nCOPY --from=deps /app .\n", "nodejs"),
        (f"FROM node:24 as deps\n{TAKES}FROM deps AS b\nFROM a\nCOPY --from=1 /b .\n", "nodejs"),
        (f"FROM a AS Deps\n{TAKES}FROM a\nRUN --mount=type=bind,from=deps ls\n", "nodejs"),
    ],
)
def test_a_lock_file_counts_in_stages_that_are_built_alone(detect, text, type_):
    assert detect({**APP, "Dockerfile": text}).type == type_


def test_a_dockerfile_that_lacks_a_lock_file_stays_where_nothing_else_can_be_started(detect):
    dockerfile = "FROM node:24\nCOPY package-lock.json ./\n"
    assert detect({"Dockerfile": dockerfile}).type == "dockerfile"
    unstartable = {"Dockerfile": dockerfile, "package.json": "{}"}
    assert detect(unstartable).type == "dockerfile"


def test_a_dockerfile_whose_only_lock_file_got_lost_stays_and_its_build_says_so(detect):
    dockerfile = "FROM node:24\nCOPY package.json package-lock.json ./\n"
    lost = {"package.json": PACKAGE, "server.js": "", "Dockerfile": dockerfile}
    assert detect(lost).type == "dockerfile"
    assert detect({**lost, "uv.lock": "version = 1\n"}).type == "dockerfile"


def test_a_dockerfile_that_is_chosen_by_hand_is_not_second_guessed(detect):
    chosen = {"deployzero.toml": 'type = "dockerfile"\n'}
    dockerfile = {"Dockerfile": "FROM node:24\nCOPY package-lock.json ./\n"}
    assert detect({**APP, **dockerfile, **chosen}).type == "dockerfile"
