"""What both ends of a worker see at once, in memory that they share."""

import ctypes

NOBODY = -1


class Signals(ctypes.Structure):
    """Numbers of tasks that are to stop; and whether a single fit waits for a break."""

    _fields_ = (
        ("cancelled", ctypes.c_int64),
        ("cancelled_guest", ctypes.c_int64),
        ("asked", ctypes.c_bool),
    )
