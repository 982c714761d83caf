"""The detection engine: a source tree in, a ProjectConfig with reasons out."""

from deployzero.detection.detector import ProjectDetector, startable
from deployzero.detection.dockerfile import DockerfileDetector
from deployzero.detection.go.detector import GoDetector
from deployzero.detection.nodejs.detector import NodeJSDetector
from deployzero.detection.python.detector import PythonDetector
from deployzero.detection.refusals import no_start
from deployzero.detection.static import StaticDetector
from deployzero.detection.tree import Tree

__all__ = [
    "DockerfileDetector",
    "GoDetector",
    "NodeJSDetector",
    "ProjectDetector",
    "PythonDetector",
    "StaticDetector",
    "Tree",
    "no_start",
    "startable",
]
