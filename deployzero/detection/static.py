"""Sites of plain files: a Staticfile, public/ or index.html at the root."""

import re

from deployzero.detection.tree import Tree, broken
from deployzero.models.project import ProjectConfig, ProjectType

_ROOT = re.compile(r"^\s*(?:root|\"root\")\s*:\s*['\"]?([^'\"#]+?)['\"]?\s*(?:#.*)?$")
_FALLBACK = re.compile(r"^\s*(?:pushstate|index_fallback)\s*:\s*['\"]?(?:enabled|true|on)\b", re.I)


class StaticDetector:
    """Order as Railpack's: Staticfile, public/, index.html."""

    type: ProjectType = "static"
    markers = ("Staticfile", "public/index.html", "index.html")

    def detect(self, tree: Tree) -> ProjectConfig | None:
        text = tree.text("Staticfile")
        lines = text.split("\n") if text is not None else []
        spa = any(_FALLBACK.match(line) for line in lines)
        for number, line in enumerate(lines, 1):
            if match := _ROOT.match(line):
                return _site(tree, match[1].strip(), number, spa)
        if tree.is_file("public/index.html"):
            return _files("public", "public/index.html: its folder is served as files", spa)
        if tree.is_file("index.html"):
            return _files(".", "index.html: the repository is served as files", spa)
        if _has_pages(tree, "public"):
            return _files("public", "public/: the folder is served as files", spa)
        if text is not None:
            return _files(".", "Staticfile: the repository is served as files", spa)
        return None


def _site(tree: Tree, root: str, number: int, spa: bool) -> ProjectConfig:
    folder = root.strip("/").removeprefix("./") or "."
    if ".." in folder.split("/") or not tree.is_dir(folder):
        raise broken("Staticfile", number, f"root '{root}' is no folder of the repository")
    return _files(folder, f"Staticfile: root is {folder}", spa)


def _files(folder: str, reason: str, spa: bool) -> ProjectConfig:
    more = ("Staticfile: unknown paths answer index.html",) if spa else ()
    return ProjectConfig(type="static", static_dir=folder, spa=spa, reasons=(reason, *more))


def _has_pages(tree: Tree, folder: str) -> bool:
    return any(name.endswith((".html", ".htm")) for name in tree.list(folder))
