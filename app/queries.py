"""Unknown query parameters are refused, like unknown fields: a typo must never pass in silence."""

import difflib

from fastapi import Request

from app.errors import InvalidRequest, nearest


async def known_queries(request: Request) -> None:
    """A dependency of every route."""
    sent = request.query_params.keys()
    if not sent:
        return
    known = [field.alias for field in request.scope["route"].dependant.query_params]
    wrong = [name for name in sent if name not in known]
    double = [name for name in known if len(request.query_params.getlist(name)) > 1]
    if wrong or double:
        raise InvalidRequest(
            [
                ((name,), f"unknown query{nearest(difflib.get_close_matches(name, known, n=1))}")
                for name in wrong
            ]
            + [((name,), "given more than once") for name in double]
        )
