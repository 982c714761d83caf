"""The routes, one file a noun: parse, call the operation, shape its answer. No logic."""

from fastapi import APIRouter

from deployzero.api.routes import (
    access,
    auth,
    checks,
    cli_logins,
    config,
    deployments,
    domains,
    events,
    health,
    invitations,
    keys,
    logs,
    metrics,
    people,
    processes,
    projects,
    releases,
    run,
    runs,
    server,
)

ROUTERS: tuple[APIRouter, ...] = (
    health.router,
    metrics.router,
    auth.router,
    invitations.router,
    keys.router,
    cli_logins.router,
    people.router,
    projects.router,
    config.router,
    deployments.router,
    logs.router,
    domains.router,
    processes.router,
    releases.router,
    access.router,
    events.router,
    checks.router,
    runs.router,
    run.router,
    server.router,
)
