"""What Prometheus is told of numbers that others keep."""

from types import SimpleNamespace
from typing import Any

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from app.operation.metrics import Metrics


def test_what_only_rises_is_a_counter_and_the_rest_a_gauge() -> None:
    metrics = Metrics()
    parts = {"waiting": 1, "running": 2, "restarts": 3, "failures": 4}
    pool: Any = SimpleNamespace(**parts)
    cluster: Any = SimpleNamespace(threads=5, waiting=6, running=7, answered=8, lost=9)
    metrics.watch(pool, pool, cluster)
    pool.restarts, cluster.lost, pool.waiting = 13, 19, 0
    told = {
        family.name: (family.type, [(s.name, s.value) for s in family.samples])
        for family in text_string_to_metric_families(generate_latest(metrics.registry).decode())
    }
    for name, number in (
        ("fit_worker_restarts", 13),
        ("fit_store_failures", 4),
        ("fit_cluster_answered", 8),
        ("fit_cluster_lost", 19),
    ):
        assert told[name] == ("counter", [(f"{name}_total", number)])
    for name, number in (
        ("fit_queue_length", 0),
        ("fit_running", 2),
        ("fit_cluster_threads", 5),
        ("fit_cluster_queue_length", 6),
        ("fit_cluster_running", 7),
    ):
        assert told[name] == ("gauge", [(name, number)])
