"""The Java launcher."""

from deployzero.models.cause import Cause

_COMMAND = "Mend the start command (Procfile, or start_command in deployzero.toml)"

JAVA = (
    Cause(
        r"^Error: Unable to access jarfile (?P<file>\S+)",
        "there is no {file}",
        _COMMAND + ": the build puts jars into target/ (Maven) or build/libs/ (Gradle).",
    ),
    Cause(
        r"^no main manifest attribute, in (?P<file>\S+)",
        "{file} does not say which class to start",
        "Let the build make a jar that runs (spring-boot-maven-plugin, Gradle's `application`, or "
        "Main-Class in the jar plugin's manifest), or start a class: java -cp {file} <package>."
        "<Class>",
    ),
    Cause(
        r"^Error: Could not find or load main class (?P<name>\S+)$",
        "there is no class {name} to start",
        _COMMAND + ": a class has its package before it, and -cp says where it lies.",
    ),
    Cause(
        r"UnsupportedClassVersionError: .* \(class file version (?P<wanted>[\d.]+)\), this version "
        r"of the Java Runtime only recognizes class file versions up to (?P<have>[\d.]+)",
        "it was compiled for a newer Java (class files {wanted}; this one reads up to {have})",
        "Compile for an older one (44 less than the class files' number: 65 is Java 21), or bring "
        "that Java along with a Dockerfile.",
    ),
)
