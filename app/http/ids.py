"""Ids that clients send, wherever in a request they stand, and those of requests."""

import secrets
from typing import Annotated

from pydantic import AfterValidator

from app.errors import NotFound


def _refuse_nul(sent: str) -> str:
    # for PostgreSQL that is no text, and an error of its own
    if "\0" in sent:
        raise NotFound("There is nothing with this id.")
    return sent


def new_id() -> bytes:
    """For a request whose client gave it none."""
    return secrets.token_hex(8).encode()


Id = Annotated[str, AfterValidator(_refuse_nul)]
