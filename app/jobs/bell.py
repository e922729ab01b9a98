"""Tells those who wait that something has changed."""

import asyncio
import contextlib


class Bell:
    """Rings for all who listen at that moment; take `next_ring` before you look at the state."""

    def __init__(self) -> None:
        self.next_ring = asyncio.Event()

    def ring(self) -> None:
        """Wake all."""
        self.next_ring.set()
        self.next_ring = asyncio.Event()


async def rings(event: asyncio.Event, within_s: float) -> bool:
    """Whether it does, before the time is up."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), within_s)
    return event.is_set()
