"""What a starting service does again of what it has in its store, and what never."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic_core import to_json

from app.background.warm import LATEST, LONGEST, SLOWEST_MS, used, warm_up
from app.settings import Settings
from app.store.store import Store, StoredFit

EDGES = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


def stored(
    model: object, *, number: int = 0, valid: bool = True, ms: float = 2.0, spaces: int = 0
) -> StoredFit:
    request = {"histogram": {"edges": EDGES, "counts": [2, 11, 33, 30, 12, 1]}, "model": model}
    answer = {"valid": valid, "timing_ms": {"minimize": ms}}
    body = to_json(request) + b" " * spaces
    return StoredFit(f"fit{number}", float(number), "histogram", body, to_json(answer))


def names(fits: list[StoredFit]) -> list[str]:
    return [type(problem.model).__name__ for problem in used(fits, Settings())]


def test_each_kernel_once_and_the_most_frequent_first() -> None:
    fits = [stored("lorentzian"), stored("gaussian"), stored("voigt"), stored("gaussian")]
    assert names(fits) == ["Gaussian", "Lorentzian", "Voigt"]


@pytest.mark.parametrize(
    "again", [{"valid": False}, {"ms": 2 * SLOWEST_MS}], ids=["failed", "slow"]
)
def test_what_failed_or_was_slow_is_not_done_again(again: dict[str, object]) -> None:
    bomb = {"formula": "a*exp(-x/b)"}
    assert names([stored(bomb, **again), stored("gaussian")]) == ["Gaussian"]  # type: ignore[arg-type]
    assert names([stored(bomb)]) == ["Formula"]


def test_what_today_is_beyond_a_limit_is_left_out() -> None:
    found = used([stored("gaussian"), stored("voigt")], Settings(max_parameters=3))
    assert [type(problem.model).__name__ for problem in found] == ["Gaussian"]


def test_large_requests_are_not_even_read(tmp_path: Path) -> None:
    async def found() -> list[str]:
        store = Store(f"sqlite:///{tmp_path / 'fits.sqlite'}")
        for number, spaces in enumerate((0, LONGEST, 0, 0)):
            await store.save(stored("gaussian", number=number, spaces=spaces))
        latest = await store.latest(2, LONGEST)
        assert len(await store.latest(LATEST, LONGEST)) == 3
        store.close()
        return [fit.id for fit in latest]

    assert asyncio.run(found()) == ["fit3", "fit2"]


def test_what_cannot_be_made_ready_keeps_nothing_from_being_warm() -> None:
    class Failing:
        settings, store = Settings(), None
        told: Any = None

        @property
        def pool(self) -> Any:
            return SimpleNamespace(warm=lambda tasks: setattr(self, "told", tasks))

    service: Any = Failing()
    asyncio.run(warm_up(service))
    assert service.told == ()
