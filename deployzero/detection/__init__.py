"""The detection engine: a source tree in, a ProjectConfig with reasons out.

`detector` makes the plan, `languages` says whose it is where there are several; go/, nodejs/ and
python/ hold a stack each, `static`, `dockerfile` and `buildpacks` (stacks that are data) the
others, all of which read a `tree`.
What is chosen by hand goes over it: `choice`, `procfile`, `app_json`. Several parts in one
repository: `workspace`, `nested`, `assets`. Words for the user: `refusals`, `recognised`.
"""

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
