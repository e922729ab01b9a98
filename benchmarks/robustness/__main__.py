"""`python -m benchmarks.robustness [problems a shape]`: measure, write docs/robustness.md."""

import argparse
import tempfile
from pathlib import Path

from benchmarks import report as surroundings
from benchmarks import service
from benchmarks.robustness import nist, report, starts
from fitting.kernels import KernelCache, use_disk_cache
from models.registry import SHAPES


def main() -> None:
    """NIST's problems over HTTP, then the random ones in process; exits 0, goals met or not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("problems", nargs="?", type=int, default=200, help="problems of each shape")
    asked = parser.parse_args()
    machine = surroundings.surroundings()
    with service.served() as client:
        certified = nist.rows(client)
    print(report.nist_table(certified), flush=True)
    rows, kernels = [], KernelCache()
    with tempfile.TemporaryDirectory() as folder:
        use_disk_cache(Path(folder), 2**33)
        for name in SHAPES:
            rows.append(starts.row(name, asked.problems, kernels))
            print(report.start_line(rows[-1]), flush=True)
    print(report.write(certified, rows, asked.problems, machine))


if __name__ == "__main__":
    main()
