"""API keys as the API shows them, and what signing in gives."""

import datetime as dt

from pydantic import BaseModel, Field

from deployzero.models import api_key as model
from deployzero.models.access import Scope
from deployzero.models.deployment import User


class APIKey(BaseModel):
    """All but the key itself, which is shown once."""

    id: int
    name: str = Field(examples=["laptop"])
    prefix: str = Field(description="The key's beginning.", examples=["dz_Ab12Cd34"])
    scope: Scope
    project_name: str | None = Field(description="The only app it is for; null: all of yours.")
    created_at: dt.datetime
    expires_at: dt.datetime | None
    last_used_at: dt.datetime | None = Field(description="To the minute; null: never.")


class Credentials(BaseModel):
    """What signing in gives."""

    api_key: str = Field(
        description="Send it in X-API-Key. It is shown once, here.",
        examples=["dz_n7Jx4kq0wX2v5mZ8rT1yB3cD6fG9hL0pQsUuVvWwXxY"],
    )
    username: str = Field(examples=["ada"])
    role: str = Field(examples=["member"])
    key: APIKey


def shown_key(key: model.APIKey) -> APIKey:
    return APIKey(
        id=key.id,
        name=key.name,
        prefix=key.prefix,
        scope=key.scope,
        project_name=key.project_name,
        created_at=key.created_at,
        expires_at=key.expires_at,
        last_used_at=key.last_used_at,
    )


def credentials(user: User, key: model.APIKey, api_key: str) -> Credentials:
    return Credentials(api_key=api_key, username=user.name, role=user.role, key=shown_key(key))
