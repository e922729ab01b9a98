"""The service against its peers, side by side in one run: `make bench`.

measure.py     contestants, timed by turns, with what they computed
tutorial.py    iminuit's tutorial on automatic differentiation: its five fits
service.py     the same fit by the service, in process and over HTTP
bare.py        the same over HTTP by the barest service that there can be
covariance.py  the tutorial's covariance matrices, and the service's
batch.py       batches against a loop of iminuit and Numba
jobs.py        a million histograms in a job: pace and memory
many.py        sums of peaks with up to 300 parameters
first_use.py   start, new formulas, and kernels that nobody used yet
load.py        throughput and latency against clients, time against size
goals.py       the ratios that were aimed at, and whether this run met them
report.py      results/: tables (tables.py), JSON, and a bar chart (chart.py)
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as in the workers; read when NumPy is imported
