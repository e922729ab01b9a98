"""Models that clients write as a formula in x: text to tree to JAX, nothing is ever executed.

`formula.Formula` is the model; `tokens` and `parse` read the text, `canonical` makes different
spellings equal, `evaluate` computes, `integrate` does so over bins, which it cuts at `kinks` (where
these are: `crossings`); `linear`, `dimensions` and `starts` find what a fit needs.
"""
