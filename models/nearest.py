"""The known name that a mistyped one is nearest to: for 'did you mean'."""

import difflib
from collections.abc import Collection

#: Letters of the name times those of all that are known; difflib compares each with each.
MOST_COMPARED = 200_000


def nearest(name: str, known: Collection[str], alike: float = 0.6) -> str | None:
    """The nearest, if it is near; None, too, where the names are so long that to look takes long.

    `alike` is the least likeness, from 0 to 1. With the longest names that a client may give, four
    hundred of them, it would take seconds.
    """
    if len(name) * sum(map(len, known)) > MOST_COMPARED:
        return None
    return next(iter(difflib.get_close_matches(name, known, n=1, cutoff=alike)), None)
