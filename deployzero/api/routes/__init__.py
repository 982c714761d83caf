"""The routes, one file a noun: parse, call the operation, shape its answer. No logic."""

from fastapi import APIRouter

from deployzero.api.routes import health, projects

ROUTERS: tuple[APIRouter, ...] = (health.router, projects.router)
