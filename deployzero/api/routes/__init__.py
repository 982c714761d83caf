"""The routes, one file a noun: parse, call the operation, shape its answer. No logic."""

from fastapi import APIRouter

from deployzero.api.routes import (
    config,
    domains,
    health,
    processes,
    projects,
    releases,
)

ROUTERS: tuple[APIRouter, ...] = (
    health.router,
    projects.router,
    config.router,
    domains.router,
    processes.router,
    releases.router,
)
