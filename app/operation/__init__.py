"""What the service does beside answering.

starting   wrong settings are told before anything starts
prepared   what follows from the code alone, made once
code       the code itself, as a number
warm       kernels made ready before clients ask
retention  old fits, jobs and kernels are forgotten
leaving    streams are told that the server stops
logs       a JSON object a line
metrics    for Prometheus
"""
