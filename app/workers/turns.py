"""While both wait, half of a worker's time is for single fits, half for parts of batches."""

from app.workers.tasks import SLICE_S


class Turns:
    """Whose turn it is in one worker; moments are on the event loop's clock.

    Single fits are ahead by at most a turn too much: a long one does not give the turns of many
    others away.
    """

    def __init__(self, ahead_s: float = 0.0):
        self._ahead_s = ahead_s  # what single fits have had more than parts
        self._since: float | None = None  # when the part that runs began, or went on

    def part_runs(self, now: float) -> None:
        """It has begun, or its guest has gone."""
        self._since = now

    def part_rests(self, now: float) -> None:
        """It has ended, or gets a guest."""
        if self._since is not None:
            self._add(self._since - now)
        self._since = None

    def single_ran(self, seconds: float) -> None:
        """As a guest or by itself."""
        self._add(seconds)

    def wait_s(self, now: float) -> float:
        """How long parts go before single fits, if one runs; 0 where single fits go first."""
        ran_s = 0.0 if self._since is None else now - self._since
        return max(self._ahead_s - ran_s - SLICE_S, 0.0)

    def _add(self, seconds: float) -> None:
        self._ahead_s = min(max(self._ahead_s + seconds, 0.0), 2 * SLICE_S)
