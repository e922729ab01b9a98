"""`python -m app`: serve until SIGTERM, then answer what is running and stop."""

import contextlib
import multiprocessing
import signal
import sys


def serve() -> None:
    """One web process; the fits run in worker processes of its own."""
    import uvicorn

    from app.http.protocol import Protocol
    from app.logs import configure
    from app.main import create_app
    from app.operation.leaving import Server
    from app.operation.starting import read_settings, warn_of_misspelt

    settings = read_settings()
    configure(settings.log_level)
    warn_of_misspelt()
    # uvicorn drains, then raises the signal again: a clean end is no failure
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=Protocol,
        ws="none",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=settings.drain_s,
        server_header=False,
    )
    server = Server(config, app.state)
    try:
        with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C has done its work by then
            server.run()
    finally:
        # who presses Ctrl-C twice leaves workers, which heed no SIGTERM: Python would wait for them
        for worker in multiprocessing.active_children():
            worker.kill()
    if not server.started:
        sys.exit(1)


if __name__ == "__main__":  # spawned workers import this module, too
    serve()
