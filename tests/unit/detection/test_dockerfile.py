"""A repository's own Dockerfile."""

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
