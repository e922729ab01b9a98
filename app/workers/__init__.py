"""Where fits are computed: spawned processes, each with its own warm kernels.

tasks.py    what a worker can be asked
ticket.py   a task on its way through queue and worker
process.py  the loop inside a worker
signals.py  what both of its ends see at once
memory.py   how much of it a task may take
worker.py   the server's end of one worker
wire.py     the messages between the two
kernel_number.py  what kernel a task needs, as a number
pool.py     the workers, the queue, the watchdog
waiting.py  the tickets that wait
choice.py   which of them a worker may take
births.py   whether workers come up at all
warming.py  what workers do while no client asks for anything
turns.py    whose turn it is in a worker, single fits' or parts' of batches
tried.py    what became of kernels so far, and so who compiles them next
paces.py    how many rows of a batch one of them does in a second
cluster.py  the same for the workers of a Dask cluster, which take parts of batches
remote.py   what runs in a worker there
code.py     the code itself, as a number: both ends must have the same
"""
