"""Where answered fits are kept, and jobs.

tables.py  the schema
writer.py  one thread that writes, many fits to a transaction
store.py   what the routes use
jobs.py    jobs and their chunks
"""
