"""Where answered fits are kept, and jobs.

tables.py  the schema
line.py    work that waits for the store's threads, but not for ever
writer.py  one thread that writes, many fits to a transaction
reader.py  a few threads that read
keep.py    how much is kept of what is over
store.py   what the routes use
jobs.py    jobs and their chunks
complaint.py  its failures, in the log
"""
