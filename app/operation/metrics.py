"""What `GET /metrics` tells Prometheus; one registry a service, so that tests can have many."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from app.store.store import Store
from app.workers.pool import WorkerPool
from fitting.kernels.cache import Tier, Usage

if TYPE_CHECKING:
    from app.workers.cluster import Cluster

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)


class Count(Collector):
    """A counter of what another counts already; Prometheus sees its name with `_total`."""

    def __init__(self, name: str, text: str, number: Callable[[], float]):
        self._name, self._text, self._number = name, text, number

    def collect(self) -> Iterator[CounterMetricFamily]:
        """How many there are now."""
        yield CounterMetricFamily(self._name, self._text, value=self._number())


class Metrics:
    """The counters of one service."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "fit_requests", "Requests", ["method", "route", "status"], registry=registry
        )
        self.request_seconds = Histogram(
            "fit_request_seconds",
            "Seconds a request took",
            ["route"],
            buckets=SECONDS,
            registry=registry,
        )
        self.fits = Counter("fit_fits", "Fits by status", ["kind", "status"], registry=registry)
        self.kernel_cache = Counter(
            "fit_kernel_cache",
            "Answers by where their kernel came from",
            ["tier"],
            registry=registry,
        )
        self.kernel_compiles = Counter(
            "fit_kernel_compiles",
            "Functions compiled for clients",
            registry=registry,
        )
        self.kernel_loads = Counter(
            "fit_kernel_loads", "Compiled functions loaded from disk", registry=registry
        )
        self.compile_seconds = Histogram(
            "fit_compile_seconds",
            "Seconds of compiling in a fit",
            buckets=SECONDS,
            registry=registry,
        )
        self.queue_seconds = Histogram(
            "fit_queue_seconds", "Seconds a fit waited", buckets=SECONDS, registry=registry
        )
        self.fit_seconds = Histogram(
            "fit_seconds",
            "Seconds of minimising, of single fits only",
            buckets=SECONDS,
            registry=registry,
        )
        # all tiers exist from the beginning, so that a rate over them does
        for tier in get_args(Tier):
            self.kernel_cache.labels(tier)

    def watch(self, pool: WorkerPool, store: Store, cluster: "Cluster | None") -> None:
        """Show the numbers of the executors and of the store."""
        self._show("fit_queue_length", "Fits waiting", lambda: pool.waiting)
        self._show("fit_running", "Fits running", lambda: pool.running)
        self._count("fit_worker_restarts", "Workers replaced", lambda: pool.restarts)
        self._count("fit_store_failures", "Failed reads and writes", lambda: store.failures)
        if cluster is not None:
            self._show("fit_cluster_threads", "Threads there are", lambda: cluster.threads)
            self._show("fit_cluster_queue_length", "Parts waiting", lambda: cluster.waiting)
            self._show("fit_cluster_running", "Parts sent", lambda: cluster.running)
            self._count("fit_cluster_answered", "Parts answered", lambda: cluster.answered)
            self._count("fit_cluster_lost", "Parts lost", lambda: cluster.lost)

    def _show(self, name: str, text: str, number: Callable[[], float]) -> None:
        Gauge(name, text, registry=self.registry).set_function(number)

    def _count(self, name: str, text: str, number: Callable[[], float]) -> None:
        self.registry.register(Count(name, text, number))

    def count_usage(self, usage: Usage, queue_s: float) -> None:
        """Count where an answer's kernels came from."""
        self.kernel_cache.labels(usage.tier).inc()
        self.kernel_compiles.inc(usage.compiled)
        self.kernel_loads.inc(usage.loaded)
        if usage.compile_s:
            self.compile_seconds.observe(usage.compile_s)
        self.queue_seconds.observe(queue_s)
