"""The README as a new user meets it: a clean clone, `make serve`, the lines as printed.

`python -m tests.readme` (`make check-readme`) clones the committed tree, starts the service in
the clone, runs every curl line and the Python lines of the README, those in JavaScript where there
is a Node, and checks the numbers that it promises. Only the port differs, because 8000 may be
taken, and the library of shapes is not compiled beside these lines.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx

from tests.serving import free_port, launch, wait_ready

ROOT = Path(__file__).resolve().parents[1]
PRINTED = "http://127.0.0.1:8000"
READY_S = 900  # installing, and compiling the usual kernels on a slow machine

# 9 digits each; shared facts of the tutorial's two fits
HISTOGRAM = {"amp": 10001.0400, "mu": -0.0110517179, "sigma": 0.999289345}
HISTOGRAM_ERRORS = {"amp": 100.0105, "mu": 0.01000120, "sigma": 0.00711339}
HISTOGRAM_CHI2 = 992.426744
POINTS = {"c2": 1.24894587, "c1": 1.50682293, "c0": 1.60696857}
POINTS_CHI2 = 23.14083066


def blocks(language: str) -> list[str]:
    """The README's code blocks of one language."""
    text = (ROOT / "README.md").read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def run_curl_lines(clone: Path, url: str) -> list[dict[str, Any]]:
    """The answers to all curl lines, in order."""
    lines = "\n".join(block for block in blocks("sh") if "curl" in block)
    # each answer on a line of its own
    script = 'curl() { command curl --fail-with-body -w "\\n" "$@"; }\n' + lines
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script.replace(PRINTED, url)],
        cwd=clone,
        check=True,
        capture_output=True,
        text=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines() if line]


def close(found: dict[str, float], wanted: dict[str, float], digits: int) -> None:
    """To as many significant digits as are printed."""
    for name, value in wanted.items():
        assert abs(found[name] - value) < 0.6 * 10**-digits * abs(value) * 10, (name, found[name])


def check(answers: list[dict[str, Any]]) -> None:
    """The README's promises."""
    fits = [a for a in answers if "fit_id" in a and "values" in a]
    assert len(fits) >= 5, f"{len(fits)} fits"
    assert all(fit["valid"] for fit in fits)
    histogram = next(fit for fit in fits if fit["goodness_of_fit"]["ndof"] == 997)
    close(histogram["values"], HISTOGRAM, 9)
    close(histogram["errors"], HISTOGRAM_ERRORS, 6)
    close({"chi2": histogram["fval"]}, {"chi2": HISTOGRAM_CHI2}, 9)
    points = next(fit for fit in fits if fit["kind"] == "xy-errors")
    close(points["values"], POINTS, 9)
    close({"chi2": points["fval"]}, {"chi2": POINTS_CHI2}, 9)
    batch = next(a for a in answers if "rows" in a)
    assert batch["valid"] == [True, True, True]
    first_row = {name: column[0] for name, column in batch["values"].items()}
    close(first_row, answers[0]["values"], 9)  # that of the first curl line
    close(first_row, {"amp": 89.14, "mu": 2.971}, 4)
    close({"amp": batch["errors"]["amp"][0]}, {"amp": 9.45}, 3)
    rows = {a["row"]: a for a in answers if "row" in a}  # of the job
    assert sorted(rows) == [0, 1, 2]
    for name, column in batch["values"].items():
        for i, value in enumerate(column):
            close({name: rows[i]["values"][name]}, {name: value}, 9)
    methods = [a["method"] for a in answers if "correlation" in a]
    assert methods == ["autodiff", "hesse", "autodiff"], methods


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "fit-service"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        settings = {"FIT_PORT": port, "FIT_WARM_LIBRARY": "false"}
        server = launch(["make", "serve"], clone, settings, None)
        try:
            with httpx.Client(base_url=url, trust_env=False) as client:
                wait_ready(server, client, READY_S, warm=False)
            answers = run_curl_lines(clone, url)
            check(answers)
            for block in blocks("python"):
                subprocess.run([sys.executable, "-c", block.replace(PRINTED, url)], check=True)
            if node := shutil.which("node"):
                for block in blocks("js"):
                    module = [node, "--input-type=module", "-e", block.replace(PRINTED, url)]
                    subprocess.run(module, check=True)
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(60)
    print(f"the README holds: {len(answers)} curl lines answered as printed")


if __name__ == "__main__":
    main()
