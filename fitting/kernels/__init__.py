"""The cost of a model and its derivatives, as compiled code.

costs        what is minimised, for bins and for points
additive     a sum over entries and its derivatives, by terms; whole: one that is not such a sum
functions    what is compiled: value and gradient, Hessian, residuals, predictions, ...
packing      data and constraints as one vector
key          what tells kernels apart
cache        compiled when first asked for, kept in memory (mappings: not too many)
compiling    how thoroughly; devices: for what; folder: kept on disk
"""
