"""Go's build cache begins with the standard library that is compiled in our own image."""

import pytest

from deployzero.build.base_image_names import BaseImage
from deployzero.build.dockerfile import render
from deployzero.models.project import ProjectConfig

GO = ProjectConfig("go", "go build -o bin/web .", "web", 8000, {}, processes={"web": "web"})


@pytest.mark.parametrize(
    ("origin", "mount"),
    [
        ("debian", "id=app/gobuild,target=/root/.cache/go-build,from=IMAGE,source=/root/.cache/"),
        ("official", "id=app/gobuild,target=/root/.cache/go-build "),
    ],
)
def test_an_apps_first_build_compiles_its_own_code_alone(origin, mount):
    text = render(GO, BaseImage("IMAGE", "RUNTIME", origin, "1.24"))
    assert mount in next(line for line in text.splitlines() if "go build" in line)
