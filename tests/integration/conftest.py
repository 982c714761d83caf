"""What tests of every door share."""

import itertools
from collections.abc import Awaitable, Callable, Sequence

import pytest

from deployzero.deploy.platform import Platform
from deployzero.deploy.release import stored_config
from deployzero.models.deployment import Deployment, Project, State
from deployzero.models.project import ProjectConfig
from deployzero.models.release import Kind
from deployzero.store import containers, deployments

ADDRESSES = (f"10.0.{n >> 8}.{n & 255}" for n in itertools.count(1))


@pytest.fixture
def deployed(platform: Platform) -> Callable[..., Awaitable[Deployment]]:
    """Play the worker: one deployment of an app, live at once, with its containers' rows.

    Each folder's conftest.py gives `platform`.
    """

    async def make(
        project: Project,
        processes: dict[str, int] | None = None,
        kind: Kind = Kind.PUSH,
        message: str = "change",
        image: str | None = "image",
        variables: str | None = None,
        logs: Sequence[str] = (),
    ) -> Deployment:
        counts = {"web": 1} if processes is None else processes
        config = ProjectConfig("python", processes=dict.fromkeys(counts, "run"))
        async with platform.database.begin() as session:
            deployment = await deployments.create(
                session, project.id, project.user_id, "main", "a" * 40, kind=kind, message=message
            )
            assert (await deployments.claim_next(session) or deployment).id == deployment.id
            await deployments.set_plan(
                session, deployment.id, kind=kind, branch="main", commit="a" * 40, image=image,
                config=stored_config(config),
                variables=variables or platform.vault.seal_variables({}, {}),
            )  # fmt: skip
            await deployments.transition(session, deployment.id, State.DEPLOYING)
            live = await deployments.commit_live(session, deployment.id, {"total": 0.5})
            for process, count in counts.items():
                for index in range(1, count + 1):
                    name = f"deployzero-key.{project.name}.{process}.{index}.d{live.id}"
                    await containers.add(
                        session, live.id, process, index, name, next(ADDRESSES), 8000, "healthy"
                    )
        for line in logs:
            platform.logs.append(live.id, line)
        await platform.logs.end(live.id)
        return live

    return make
