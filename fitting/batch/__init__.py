"""Many data sets, one model.

rows       the data sets, as matrices
question   what is asked of them; `problem(i)` is the question about one row alone
objective  the compiled cost and its derivatives, at one point for each row
starts     starting values of all rows (scoring, surrogate: near the minimum of their mean)
library    other places where rows may have a minimum
search     from where rows start, and from where else it is worth it
descent    Newton's method on all rows at once (stacks: its small linear algebra)
verdict    which rows are certain; the others are fitted one by one, with all means
fit        one after the other, for as long as there is time
result     columns
"""
