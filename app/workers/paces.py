"""How fast batches of late were, by what they needed compiled."""

from collections import OrderedDict
from collections.abc import Hashable

REMEMBERED = 256


class Paces:
    """Rows a second that one worker does, of the kernels that were asked for last."""

    def __init__(self) -> None:
        self._paces: OrderedDict[Hashable, float] = OrderedDict()

    def of(self, key: Hashable) -> float | None:
        """What the last turn showed, if there was any."""
        return self._paces.get(key)

    def learn(self, key: Hashable, pace: float) -> None:
        """Remember it in place of what was known."""
        self._paces[key] = pace
        self._paces.move_to_end(key)
        if len(self._paces) > REMEMBERED:
            self._paces.popitem(last=False)
