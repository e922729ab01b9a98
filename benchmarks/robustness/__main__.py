"""`python -m benchmarks.robustness [problems a shape]`: measure, write docs/robustness.md."""

import argparse
import multiprocessing
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat

from benchmarks import report as surroundings
from benchmarks import service
from benchmarks.robustness import nist, report, starts
from models.registry import SHAPES

SEED = 20261133  # a new one whenever the search was mended on the problems of the last


def on_all_cores(names: list[str], number: int, folder: str, seed: int) -> Iterator[starts.Row]:
    """A process a core; never forked, with JAX."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(mp_context=spawn) as pool:
        yield from pool.map(starts.row, names, repeat(number), repeat(folder), repeat(seed))


def main() -> None:
    """NIST's problems over HTTP, then the random ones in process; exits 0, goals met or not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("problems", nargs="?", type=int, default=200, help="problems of each shape")
    parser.add_argument(
        "--kernels", help="folder for compiled kernels; a temporary one if left out"
    )
    parser.add_argument("--seed", type=int, default=SEED, help="of the random problems")
    asked = parser.parse_args()
    machine = surroundings.surroundings()
    with service.served() as client:
        certified = nist.rows(client)
    print(report.nist_table(certified), flush=True)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for row in on_all_cores(list(SHAPES), asked.problems, asked.kernels or folder, asked.seed):
            rows.append(row)
            print(report.start_line(row), flush=True)
    print(report.write(certified, rows, asked.problems, asked.seed, machine))


if __name__ == "__main__":
    main()
