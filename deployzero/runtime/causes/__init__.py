"""Known causes of apps that do not come up, from special to general: the first that fits is told.

Each pattern is bound to the words of one program, so that it fits no other cause; each has a
test on what that program really printed.
"""

from deployzero.models.cause import Cause
from deployzero.runtime.causes.configuration import CONFIGURATION
from deployzero.runtime.causes.java import JAVA
from deployzero.runtime.causes.libraries import LIBRARIES
from deployzero.runtime.causes.nodejs import NODEJS
from deployzero.runtime.causes.php import PHP
from deployzero.runtime.causes.programs import PROGRAMS
from deployzero.runtime.causes.python import PYTHON
from deployzero.runtime.causes.ruby import RUBY

CAUSES: tuple[Cause, ...] = (
    *PROGRAMS, *LIBRARIES, *CONFIGURATION, *NODEJS, *PYTHON, *RUBY, *JAVA, *PHP,
)  # fmt: skip
