"""Where answered fits are kept.

tables.py  the schema
writer.py  one thread that writes, many fits to a transaction
store.py   what the routes use
"""
