"""Batches over HTTP.

translate  the request becomes a question about all rows
dealer     their parts are dealt out to the workers
answer     columns
"""
