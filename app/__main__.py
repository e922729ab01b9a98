"""`python -m app`: serve until SIGTERM, then answer what is running and stop."""


def serve() -> None:
    """One web process; the fits run in worker processes of its own."""
    import uvicorn

    from app.logs import configure
    from app.main import create_app
    from app.settings import Settings

    settings = Settings()
    configure(settings.log_level)
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=settings.drain_s,
        server_header=False,
    )


if __name__ == "__main__":  # spawned workers import this module, too
    serve()
