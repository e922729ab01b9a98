"""Unknown query parameters are refused, like unknown fields: a typo must never pass in silence."""

from collections.abc import Callable, Coroutine, Mapping
from inspect import signature
from itertools import islice
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from app.errors import REQUIRED, InvalidRequest, did_you_mean
from app.http.headers import refuse_csv
from fitting.entries import MOST_REPORTED

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class StrictRoute(APIRoute):
    """A route that takes the queries it declares, each once. (A dependency would cost more.)"""

    def get_route_handler(self) -> Handler:
        handle: Handler = super().get_route_handler()
        if self._takes_only_the_request:  # FastAPI would look for a while for what else it takes
            handle = self.endpoint
        known = {f.alias: f.field_info.is_required() for f in self.dependant.query_params}

        async def strict(request: Request) -> Response:
            if request.scope["query_string"]:
                refuse_csv(request)  # of which they would be a part
                refuse_unknown_queries(request, known)
            return await handle(request)

        return strict

    @property
    def _takes_only_the_request(self) -> bool:
        names = [*signature(self.endpoint).parameters]
        return not self.dependencies and names == [self.dependant.request_param_name]


def refuse_unknown_queries(request: Request, known: Mapping[str, bool]) -> None:
    """InvalidRequest for what is not known, or given twice; `known`: whether it is required."""
    sent = request.query_params
    listed = f"; there are {', '.join(known)}" if known else "; this path takes none"
    problems = [
        ((name,), f"unknown query parameter{did_you_mean(name, known) or listed}")
        for name in islice((name for name in sent if name not in known), MOST_REPORTED)
    ]
    if problems:
        missing = (name for name, required in known.items() if required and name not in sent)
        problems += [((name,), REQUIRED) for name in missing]
    problems += [((name,), "given more than once") for name in known if len(sent.getlist(name)) > 1]
    if problems:
        raise InvalidRequest(problems)
