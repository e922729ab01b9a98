"""The application: routes, errors and middleware around one `Service`."""

import asyncio
import contextlib
import gc
import logging
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline
from sqlalchemy.exc import SQLAlchemyError
from starlette.routing import Route

from app import VERSION, errors
from app.background.retention import keep_retention
from app.background.warm import warm_up
from app.errors import StoreAway, in_a_line
from app.http import openapi
from app.http.cors import Cors
from app.http.door import Door
from app.http.gone import GONE, ClientGone
from app.http.middleware import RequestContext
from app.jobs.owner import Owner
from app.jobs.runner import Runner
from app.operation.metrics import Metrics
from app.operation.prepared import Prepared
from app.routes import batch, covariance, fit, fits, jobs, models, status
from app.service import Service
from app.settings import Settings
from app.store.store import Store
from app.workers.pool import WorkerPool
from app.workers.process import WorkerSettings

if TYPE_CHECKING:
    from app.workers.cluster import Cluster

logger = logging.getLogger("fit")

ROUTERS = (
    fit.router,
    batch.router,
    jobs.router,
    covariance.router,
    fits.router,
    models.router,
    status.router,
)

PREFIXES = ("", "/v1")

DESCRIPTION = """Maximum-likelihood and least-squares fits over HTTP: post a histogram, or points
with errors in x and y, name a model, and get values, errors and the exact covariance.

A first request is `POST /fit/histogram` with
`{"histogram": {"edges": [0, 1, 2, 3, 4, 5, 6], "counts": [2, 11, 33, 30, 12, 1]}, "model":
"gaussian"}`; every request below has examples that run as they are, by *Try it out*.
`GET /models` lists what can be fitted, shapes, compositions and formulas, and `GET /models/{name}`
tells all about one shape; what a formula may contain is at the field `formula` of `FormulaModel`.
A fit that does not end in a minimum is a 200, too: `valid` is false, and `message` says what to do.
"""


def create_app(settings: Settings) -> FastAPI:
    """A service with these settings; nothing starts before its lifespan does."""
    metrics = Metrics()

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, float]]:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        pool = WorkerPool(
            WorkerSettings(
                settings.kernels_dir.absolute(),
                settings.kernel_cache_bytes,
                settings.kernels_in_memory,
                settings.workshop_bytes,
                settings.platform,
            ),
            workers=settings.workers,
            queue_size=settings.queue_size,
            workshop_queue_size=settings.workshop_queue_size,
            kill_grace_s=settings.kill_grace_s,
        )
        cluster = cluster_of(settings)
        # what fails at the end, or here, keeps nothing else from ending
        async with contextlib.AsyncExitStack() as ending:
            store, prepared = Store(settings.store_url), Prepared(settings.data_dir)
            ending.callback(store.close)
            service = Service(settings, store, pool, metrics, prepared, cluster)
            metrics.watch(pool, store, cluster)
            runner = Runner(service, Owner(settings.data_dir))
            app.state.service, app.state.runner = service, runner
            ending.push_async_callback(pool.close)
            pool.start()
            if cluster is not None:
                ending.push_async_callback(cluster.close)
                cluster.start()
            ending.push_async_callback(leave, runner)
            await runner.start()
            gc.freeze()  # what is there now stays: no use in looking through it again and again
            for work in (warm_up, keep_retention):
                ending.callback(asyncio.create_task(work(service)).cancel)
            yield {"max_silence_s": settings.max_silence_s}  # to `http.protocol`

    # pages that load nothing from elsewhere: many labs have no way out
    app = FastAPIOffline(
        redoc_url=None,
        title="fit-service",
        summary="Fits over HTTP",
        description=DESCRIPTION,
        version=VERSION,
        lifespan=lifespan,
        servers=[{"url": prefix or "/"} for prefix in PREFIXES],
        redirect_slashes=False,  # a redirected post loses its body in many clients
        generate_unique_id_function=lambda route: route.name,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # app.operation has its own
    )
    for router in ROUTERS:
        for prefix in PREFIXES:
            app.include_router(router, prefix=prefix, include_in_schema=not prefix)
    for route in list(app.routes):
        if isinstance(route, Route) and route.path in (app.openapi_url, "/docs"):
            app.add_route(f"/v1{route.path}", route.endpoint, include_in_schema=False)
    app.add_route("/", root, include_in_schema=False)
    errors.install(app)
    openapi.document(app)
    single_fits = [route.path for route in fit.router.routes if isinstance(route, APIRoute)]
    app.add_middleware(Door, paths=[prefix + path for prefix in PREFIXES for path in single_fits])
    app.add_middleware(RequestContext, metrics=metrics)
    if settings.cors_origins:
        app.add_middleware(Cors, metrics=metrics, origins=settings.cors_origins)

    @app.exception_handler(ClientGone)
    async def client_gone(_: Request, __: ClientGone) -> Response:
        return Response(status_code=GONE)  # nobody reads it; the log does

    return app


async def root(request: Request) -> Response:
    """To the documentation, for who looks with a browser what there is."""
    if "text/html" not in request.headers.get("accept", ""):
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return RedirectResponse("docs")


async def leave(runner: Runner) -> None:
    """End the runner; if the store does not answer, its chunks are free a little later."""
    try:
        await runner.close()
    except (SQLAlchemyError, StoreAway) as error:
        logger.error("the chunks in work keep their leases: %s", in_a_line(error))


def cluster_of(settings: Settings) -> "Cluster | None":
    """The cluster that is set; its library, which takes a while to load, only then."""
    if settings.dask_scheduler is None:
        return None
    from app.workers.cluster import Cluster

    return Cluster(settings.dask_scheduler, settings.queue_size, settings.kill_grace_s)
