"""Batches over HTTP.

kinds      what a batch or a job can be of
translate  the request becomes a question about all rows
dealer     their parts are dealt out to the workers
paces      how many rows one of them does in a second
answer     columns
"""
