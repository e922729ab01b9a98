"""Told to stop, the server waits for what is running: streams that follow a job must know."""

from types import FrameType

import uvicorn
from starlette.datastructures import State


class Server(uvicorn.Server):
    """uvicorn's, but for `state.leaving`, which is true once it has been told to stop."""

    def __init__(self, config: uvicorn.Config, state: State):
        super().__init__(config)
        self._state = state

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._state.leaving = True
        super().handle_exit(sig, frame)
