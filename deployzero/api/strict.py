"""What a request's body is read into."""

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """A field that is not known is refused: `relase` must not roll back to another release."""

    model_config = ConfigDict(extra="forbid")
