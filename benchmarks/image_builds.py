"""Two ways to an image of a tree: deployzero's builder, and a Dockerfile written by hand."""

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from engine import CA_BUNDLE, LABEL, Engine

from deployzero.build import material, own_dockerfile
from deployzero.build.base_image_names import BaseImage
from deployzero.build.builder import Builder, BuildRequest, OnLine
from deployzero.detection.detector import ProjectDetector
from deployzero.models.project import ProjectConfig
from deployzero.settings import Settings


@dataclass(frozen=True)
class Image:
    tag: str
    seconds: float
    megabytes: float
    """All of it, as `docker images` counts."""
    above_base: float
    """Of the layers above the base image, in megabytes."""


class FreshBases:
    """Each round's base images: the same but for one tiny layer, which no build cache knows."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.round = ""
        self._made: dict[tuple[str, str], str] = {}

    def of(self, base: BaseImage) -> BaseImage:
        return replace(base, build=self._fresh(base.build), runtime=self._fresh(base.runtime))

    def _fresh(self, image: str) -> str:
        key = (image, self.round)
        if key not in self._made:
            number = len(self._made)
            tag = f"deployzero-bench-{self._engine.run}-base:{number}"
            dockerfile = f"FROM {image}\nCOPY round /etc/round\n"
            self._engine.build(tag, {"Dockerfile": dockerfile, "round": f"{tag} {self.round}"})
            self._made[key] = tag
        return self._made[key]


class Ours(Builder):
    """deployzero's builder, on the bases of this round."""

    def __init__(self, folder: Path, engine: Engine, bases: FreshBases) -> None:
        settings = Settings(data_dir=folder / "data", base_images="debian")
        super().__init__(settings, f"bench-{engine.run}", engine.run.encode())
        self._bench = engine  # Builder has an engine of its own
        self._bases = bases

    async def _base(self, config: ProjectConfig, on_line: OnLine) -> BaseImage:
        return self._bases.of(await super()._base(config, on_line))

    async def make(self, name: str, files: Mapping[str, str], scope: str) -> Image:
        """Detect and build; `scope`: whose package caches."""
        with tempfile.TemporaryDirectory(prefix="deployzero-bench-") as made:
            folder = Path(made)
            _write(folder, files)
            lines: list[str] = []
            tag = f"deployzero-bench-{self._bench.run}-ours:{name}"
            begun = time.monotonic()
            config = ProjectDetector().detect(folder)
            request = BuildRequest(name, tag, folder, config, {LABEL: self._bench.run}, owner=scope)
            await self.build(request, lines.append)
            seconds = time.monotonic() - begun
        base = await self._base(config, lines.append)
        return _image(self._bench, tag, seconds, base.runtime)

    async def bases(self, files: Mapping[str, str]) -> BaseImage:
        """Base images for this tree, made ready before the clock runs."""
        with tempfile.TemporaryDirectory(prefix="deployzero-bench-") as folder:
            _write(Path(folder), files)
            return await self.prepare(ProjectDetector().detect(Path(folder)), lambda line: None)


class ByHand:
    """The Engine's own build of a Dockerfile, which gets the same certificates mounted."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._material = f"deployzero-bench-{engine.run}-material:1"
        bundle = CA_BUNDLE.read_bytes() if CA_BUNDLE.is_file() else None
        engine.client.import_image_from_data(
            material.tar(material.files(bundle, {})),
            repository=self._material.partition(":")[0],
            tag="1",
            changes=[f"LABEL {LABEL}={engine.run}"],
        )

    def make(self, name: str, files: Mapping[str, str], scope: str, base: BaseImage) -> Image:
        """`files` with their Dockerfile, whose arguments BUILD and RUNTIME are the base images."""
        text = own_dockerfile.rewrite(files["Dockerfile"], self._material, scope)
        tag = f"deployzero-bench-{self._engine.run}-by-hand:{name}"
        begun = time.monotonic()
        arguments = {"BUILD": base.build, "RUNTIME": base.runtime}
        self._engine.build(tag, {**files, "Dockerfile": text}, arguments)
        return _image(self._engine, tag, time.monotonic() - begun, base.runtime)


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _image(engine: Engine, tag: str, seconds: float, base: str) -> Image:
    size = engine.megabytes(tag)
    return Image(tag, seconds, size, size - engine.megabytes(base))
