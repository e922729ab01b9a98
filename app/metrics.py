"""What `GET /metrics` tells Prometheus; one registry a service, so that tests can have many."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from app.workers.pool import WorkerPool
from fitting.kernels import Usage

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)


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
            "fit_seconds", "Seconds of minimising", buckets=SECONDS, registry=registry
        )
        # all tiers exist from the beginning, so that a rate over them does
        for tier in ("memory", "disk", "compiled"):
            self.kernel_cache.labels(tier)

    def watch(self, pool: WorkerPool) -> None:
        """Show the pool's own numbers."""
        for name, text, number in (
            ("fit_queue_length", "Fits waiting", lambda: pool.waiting),
            ("fit_running", "Fits running", lambda: pool.running),
            ("fit_worker_restarts", "Workers replaced", lambda: pool.restarts),
        ):
            Gauge(name, text, registry=self.registry).set_function(number)

    def count_usage(self, usage: Usage, queue_s: float) -> None:
        """Count where an answer's kernels came from."""
        self.kernel_cache.labels(usage.tier).inc()
        self.kernel_compiles.inc(usage.compiled)
        self.kernel_loads.inc(usage.loaded)
        if usage.compile_s:
            self.compile_seconds.observe(usage.compile_s)
        self.queue_seconds.observe(queue_s)
