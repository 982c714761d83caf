"""The routes, one file a noun: parse, call the operation, shape its answer. No logic."""

from fastapi import APIRouter

from deployzero.api.routes import (
    cli_logins,
    config,
    domains,
    health,
    keys,
    people,
    processes,
    projects,
    releases,
)

ROUTERS: tuple[APIRouter, ...] = (
    health.router,
    keys.router,
    cli_logins.router,
    people.router,
    projects.router,
    config.router,
    domains.router,
    processes.router,
    releases.router,
)
