"""The header `Prefer` (RFC 7240): a client that need not wait for the answer."""

import re

from fastapi import Request

RESPOND_ASYNC = "respond-async"

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')


def prefers_async(request: Request) -> bool:
    """Whether it asks for a job; other preferences are ignored, as the standard wants."""
    for header in request.headers.getlist("prefer"):
        for preference in _QUOTED.sub("", header).split(","):
            if preference.partition(";")[0].strip().lower() == RESPOND_ASYNC:
                return True
    return False
