"""From the words of the API to those of the library, and back.

problem     a request becomes a `FitProblem`
build       a model spec becomes a model
points      x, y and their errors
predictors  several columns of x
refusals    unknown names, too many entries
covariance  a question to a stored fit, and its answer
answer      a `FitResult` becomes an answer
"""
