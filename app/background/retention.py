"""What is forgotten in the background: old fits, old jobs, kernels that nobody uses any more."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from app.service import Service
from app.store.keep import Keep
from fitting.kernels.folder import KernelFolder

logger = logging.getLogger("fit.retention")


async def keep_retention(service: Service) -> None:
    """Look now and then; where one look fails, the others are taken, and all of them again."""
    settings, store = service.settings, service.store
    keep = Keep(
        settings.retention_max_fits, settings.retention_bytes, 86400 * settings.retention_days
    )
    folder = KernelFolder(settings.kernels_dir, settings.kernel_cache_bytes)
    looks: dict[str, Callable[[], Awaitable[object]]] = {
        "fits": partial(store.forget_old, keep),
        "jobs": partial(store.jobs.forget_old, keep),
        "kernels": partial(asyncio.to_thread, folder.trim),
    }
    while True:
        for what, look in looks.items():
            try:
                await look()
            except Exception:  # a full disk, a locked file
                logger.exception("could not forget old %s", what)
        await asyncio.sleep(settings.retention_interval_s)
