"""What the service does beside answering.

starting   wrong settings are told before anything starts
prepared   what follows from the code alone, made once
room       all bodies that are being read share so many bytes of memory
leaving    streams are told that the server stops
metrics    for Prometheus
"""
