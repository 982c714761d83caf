"""javac, as Maven and Gradle repeat it."""

from deployzero.models.cause import Cause

JAVA = (
    Cause(
        r"error: (?:release version|invalid (?:source|target) release:) (?P<wanted>\d{2,})",
        "this Java is older than {wanted}, which the build asks for",
        "Lower java.version or maven.compiler.release in pom.xml (in Gradle: the toolchain), or "
        "bring that Java along with a Dockerfile (FROM eclipse-temurin:{wanted} AS build).",
    ),
)
