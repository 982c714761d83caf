"""What a Node.js app's build runs, once dependencies and source are there."""

from deployzero.detection.nodejs.command import Start, step
from deployzero.detection.nodejs.manifest import Package
from deployzero.detection.nodejs.packages import Manager
from deployzero.detection.nodejs.workspaces import build_steps


def build(
    root: Package, app: Package, manager: Manager, begun: Start, reasons: list[str]
) -> tuple[str, ...]:
    """Prisma's client, the build, and what the start command needs of it."""
    steps: list[str] = []
    if {"prisma", "@prisma/client"} <= root.dependencies | app.dependencies and not any(
        "prisma generate" in script for script in (*root.run_scripts, *app.run_scripts)
    ):
        steps.append(step(app, manager.execute("prisma generate")))
        reasons.append("prisma: its client is generated before the build")
    steps += _scripts(root, app, manager, begun, reasons)
    return (*steps, *begun.before)


def _scripts(
    root: Package, app: Package, manager: Manager, begun: Start, reasons: list[str]
) -> list[str]:
    """Heroku's own script in the place of `build`; a framework's build where there is none."""
    if root.script("heroku-postbuild"):
        reasons.append(f"{root.file}: heroku-postbuild in the place of build")
        return [manager.run("heroku-postbuild")]
    if root.script("build"):
        reasons.append(f"{root.file}: {manager.run('build')}")
        return [begun.build_prefix + manager.run("build")]
    steps = [] if app is root else build_steps(root, app, manager)
    if app is not root and not steps and "next" in app.dependencies:
        return [step(app, manager.execute("next build"))]
    own = "next" in app.dependencies and not root.script("start")  # a server of its, or around it
    if app is root and begun.command and (own or "next start" in begun.command):
        return [manager.execute("next build")]
    return steps
