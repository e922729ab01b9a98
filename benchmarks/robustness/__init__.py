"""How often the minimum is found, and to how many digits: `python -m benchmarks.robustness`."""
