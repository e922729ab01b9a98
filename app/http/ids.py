"""Ids that clients send, wherever in a request they stand."""

from typing import Annotated

from pydantic import AfterValidator

from app.errors import NotFound


def _refuse_nul(sent: str) -> str:
    # for PostgreSQL that is no text, and an error of its own
    if "\0" in sent:
        raise NotFound("There is nothing with this id.")
    return sent


Id = Annotated[str, AfterValidator(_refuse_nul)]
