"""Known causes of failed builds, from special to general: the first that fits is told.

Each pattern is bound to the words of one tool, so that it fits no other cause; each has a test
on what the tool really printed.
"""

from deployzero.build.causes.files import FILES
from deployzero.build.causes.go import GO
from deployzero.build.causes.java import JAVA
from deployzero.build.causes.libraries import LIBRARIES
from deployzero.build.causes.memory import MEMORY as MEMORY
from deployzero.build.causes.network import NETWORK
from deployzero.build.causes.nodejs import NODEJS
from deployzero.build.causes.php import PHP
from deployzero.build.causes.programs import PROGRAMS
from deployzero.build.causes.python import PYTHON
from deployzero.build.causes.ruby import RUBY
from deployzero.build.causes.rust import RUST
from deployzero.models.cause import Cause

CAUSES: tuple[Cause, ...] = (
    *FILES, *NETWORK, *LIBRARIES, *NODEJS, *PYTHON, *GO, *RUBY, *RUST,
    *JAVA, *PHP, *PROGRAMS,
)  # fmt: skip
