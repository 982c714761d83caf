"""Documentation that Python builds: MkDocs and Sphinx, whose pages are then plain files."""

from dataclasses import dataclass

from deployzero.detection.tree import Tree

SERVED = "python -m http.server $PORT --directory site"


@dataclass(frozen=True)
class Docs:
    framework: str
    build: str
    reason: str


def find_docs(tree: Tree, names: set[str]) -> Docs | None:
    """`names`: of the requirements; mkdocs-material and the like bring MkDocs along."""
    settings = tree.first("mkdocs.yml", "mkdocs.yaml")
    if settings and any(name == "mkdocs" or name.startswith("mkdocs-") for name in names):
        return Docs("mkdocs", "mkdocs build --site-dir site", f"{settings}: built by MkDocs")
    if "sphinx" in names:
        for folder in (".", "source", "docs", "docs/source", "doc"):
            if tree.is_file(f"{folder}/conf.py"):
                build = f"sphinx-build -b html {folder} site"
                return Docs("sphinx", build, f"{folder}/conf.py: built by Sphinx")
    return None
