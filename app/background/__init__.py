"""What goes on beside the requests.

warm        workers load what is used most, and then all shapes
retention   old fits, jobs and kernels are forgotten
"""
