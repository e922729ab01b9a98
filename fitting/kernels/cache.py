"""Compiled kernels: one set of functions per (cost, model, padded length), kept and shared.

Each function is compiled ahead of time on first use, with data, constraints and parameters as
arguments; nothing is compiled twice, whoever asks. Compiled code is kept in memory (the most
recently used kernels) and, where a process uses a `KernelFolder`, on disk across restarts.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.monitoring

from fitting.kernels import mappings
from fitting.kernels.compiling import LIGHTLY, THOROUGHLY
from fitting.kernels.functions import OF_ROWS, Function, bound
from fitting.kernels.key import KernelKey

# without it each call pays for a hand-over to another thread: a third of a small kernel
jax.config.update("jax_cpu_enable_async_dispatch", False)

Tier = Literal["memory", "disk", "compiled"]


@dataclass
class Usage:
    """What had to be made for one fit: functions compiled, or loaded from disk, and seconds."""

    compile_s: float = 0.0
    compiled: int = 0
    loaded: int = 0

    def add(self, other: "Usage") -> None:
        """What another fit has taken."""
        self.compile_s += other.compile_s
        self.compiled += other.compiled
        self.loaded += other.loaded

    @property
    def tier(self) -> Tier:
        """The slowest place that a function came from."""
        return "compiled" if self.compiled else "disk" if self.loaded else "memory"


class DiskHits:
    """Counts JAX's own disk cache hits, the only sign by which it tells them."""

    def __init__(self) -> None:
        self.count = 0
        jax.monitoring.register_event_listener(self._listen)

    def _listen(self, event: str, **_: Any) -> None:
        if event == "/jax/compilation_cache/cache_hits":
            self.count += 1


_disk_hits = DiskHits()


class Kernel:
    """The compiled functions of one key; each is made when first asked for."""

    def __init__(self, key: KernelKey):
        self.key = key
        self._compiled: dict[tuple[str, jax.Device | None], Callable[..., Any]] = {}
        self._lock = threading.Lock()

    def function(
        self,
        name: Function,
        arguments: tuple[Any, ...],
        usage: Usage,
        device: jax.Device | None = None,
    ) -> Callable[..., Any]:
        """The compiled function, for `arguments` of the shapes that its key stands for.

        `device`: not the CPU but this one, for which rows may come in blocks of another size.
        """
        place = name, device
        if place not in self._compiled:
            with self._lock, jax.default_device(device):
                if place not in self._compiled:
                    self._compiled[place] = _compile(name, self.key, arguments, usage)
        return self._compiled[place]


class KernelCache:
    """The most recently used kernels, at most `size` of them, and fewer where they crowd memory."""

    def __init__(self, size: int = 256):
        self.size = size
        self._kernels: OrderedDict[KernelKey, Kernel] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: KernelKey) -> Kernel:
        """The kernel of this key, new (and not compiled yet) if there was none."""
        with self._lock:
            if key not in self._kernels:
                most = len(self._kernels) // 2 if mappings.are_crowded() else self.size - 1
                while len(self._kernels) > most:
                    self._kernels.popitem(last=False)
                self._kernels[key] = Kernel(key)
            self._kernels.move_to_end(key)
            return self._kernels[key]


def _compile(
    name: Function, key: KernelKey, arguments: tuple[Any, ...], usage: Usage
) -> Callable[..., Any]:
    began, hits = time.perf_counter(), _disk_hits.count
    options = THOROUGHLY if name in OF_ROWS or key.is_long else LIGHTLY
    compiled = jax.jit(bound(name, key), compiler_options=options).lower(*arguments).compile()
    usage.compile_s += time.perf_counter() - began
    if _disk_hits.count > hits:
        usage.loaded += 1
    else:
        usage.compiled += 1
    return compiled
