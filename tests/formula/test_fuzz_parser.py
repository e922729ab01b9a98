"""A short run of the fuzzer (`fuzz.py`) with every run of the tests; `make fuzz` is a long one."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# the fuzzer looks at its peak of memory, which Linux hands on from who started it: from a shell,
# not from a test process that may hold gigabytes of compiled kernels
FROM_A_SHELL = ("sh", "-c", '"$@"; exit $?', "sh")


# as in pyproject.toml: where there is a wheel it is installed, and to miss it there is a failure
PLATFORM = sys.platform, platform.machine()
HAS_WHEEL = PLATFORM == ("linux", "x86_64") and sys.version_info < (3, 15)


@pytest.mark.skipif(not HAS_WHEEL, reason="the fuzzer has no wheel for this platform")
@pytest.mark.parametrize("runs", [4_000, pytest.param(40_000, marks=pytest.mark.slow)])
def test_some_thousand_texts_that_reach_every_corner_of_the_parser(
    tmp_path: Path, runs: int
) -> None:
    done = subprocess.run(
        [
            *FROM_A_SHELL,
            sys.executable,
            *("-m", "tests.formula.fuzz", f"-runs={runs}"),
            *("-seed=1", f"-artifact_prefix={tmp_path}/"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        errors="replace",
        env=os.environ | {"PYTHONHASHSEED": "0"},  # with the seed: the same texts every time
        timeout=1200,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    assert f"Done {runs} runs" in done.stderr
