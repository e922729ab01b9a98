"""What a request's headers say of its body, and of the answer that the client would like."""

import re

from fastapi import Request

from app.errors import NOT_OFFERED, WrongMediaType

JSON = "application/json"
MSGPACK = "application/msgpack"
NDJSON = "application/x-ndjson"
ALSO_NDJSON = {"application/ndjson", "application/jsonl"}
RESPOND_ASYNC = "respond-async"

WEIGHT = re.compile(r"q=[01](\.\d{0,3})?")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')


def media_type_of(request: Request) -> str:
    """The body's; WrongMediaType where it is encoded."""
    if request.headers.get("content-encoding", "").strip().lower() not in ("", "identity"):
        raise WrongMediaType("Send the body without Content-Encoding.")
    if request.headers.get("transfer-encoding", "").strip().lower() not in ("", "chunked"):
        raise WrongMediaType("Send the body without a Transfer-Encoding other than chunked.")
    given = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    return NDJSON if given in ALSO_NDJSON else given


def refuse_csv(request: Request) -> None:
    """WrongMediaType for what the contract has, but nobody has asked for yet."""
    if request.headers.get("content-type", "").lower().startswith("text/csv"):
        raise WrongMediaType(f"text/csv is {NOT_OFFERED}. Send the body as {JSON}.")


def wants_binary(request: Request) -> bool:
    """Whether the client accepts MessagePack by name, and likes it no less than JSON."""
    likes = dict(map(_liked, ",".join(request.headers.getlist("accept")).split(",")))
    least = next((likes[one] for one in (JSON, "application/*", "*/*") if one in likes), 0.0)
    return MSGPACK in likes and likes[MSGPACK] > 0 and likes[MSGPACK] >= least


def _liked(accepted: str) -> tuple[str, float]:
    """One entry of `Accept`: a media type and its weight (RFC 9110, 12.4.2)."""
    media_type, *parameters = accepted.lower().replace(" ", "").split(";")
    weight = next((one[2:] for one in parameters if WEIGHT.fullmatch(one)), "1")
    return media_type, float(weight)


def prefers_async(request: Request) -> bool:
    """Whether `Prefer` (RFC 7240) asks for a job: the client need not wait for the answer.

    Other preferences are ignored, as the standard wants.
    """
    for header in request.headers.getlist("prefer"):
        for preference in _QUOTED.sub("", header).split(","):
            if preference.partition(";")[0].strip().lower() == RESPOND_ASYNC:
                return True
    return False
