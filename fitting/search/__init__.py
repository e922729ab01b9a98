"""The search for the minimum.

strategy     from the starts to the best minimum: what is tried, and when it is enough
starts       starting values, from what the data look like (features; coarse: from fewer data), of
             what each component could be (candidates; ends; rivals)
descent      one descent: levenberg, newton and, if need be, migrad; geodesic along bent valleys
spectrum     the eigenvalues that Newton's steps and the verdict are made of
verdict      what the exact derivatives say of where a descent ended
errors_in_x  the same with errors in x, which are switched on last
"""
