"""Wherever in a request it is: names that there are not, and more of something than is allowed."""

from collections.abc import Iterable, Sequence
from itertools import islice

from app.errors import InvalidRequest, did_you_mean
from fitting.entries import MOST_REPORTED
from fitting.errors import Path

MOST_NAMED = 20


def refuse_unknown(
    named: Iterable[tuple[Path, str]],
    known: Sequence[str],
    what: str = "the model has no such parameter",
) -> None:
    """InvalidRequest for names that are not known, each with the nearest one that is."""
    there_is = {*known}
    wrong = islice(((path, name) for path, name in named if name not in there_is), MOST_REPORTED)
    listed = ", ".join(known[:MOST_NAMED])
    if errors := [(p, f"{what}{did_you_mean(name, known)}; it has {listed}") for p, name in wrong]:
        raise InvalidRequest(errors)


def refuse_many(path: Path, count: int, most: int, what: str = "entries") -> None:
    """InvalidRequest for more than are allowed; to be asked before they are looked at."""
    if count > most:
        raise InvalidRequest([(path, f"{count} {what}; at most {most} are allowed")])
