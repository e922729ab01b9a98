"""Batches as jobs: taken in as a stream, kept in the store, done chunk by chunk.

lines     NDJSON, as it comes in
intake    rows become chunks in the store
chunk     a chunk, from bytes to a question, and from its result to lines
fit       a chunk's rows through the workers
runner    takes what waits, and sees that it ends
owner     the name by which a server claims chunks
progress  how fast jobs go
bell      tells those who wait that something has changed
news      one look at the store for all who follow a job
follow    progress and results while they come
answer    a job as its clients see it
"""
