"""All settings, from the environment with prefix FIT_ (`FIT_PORT=8001 make serve`)."""

import os
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

POSTGRESQL = "postgresql+psycopg://user@host/fits"
SCHEDULER = "tcp://10.0.0.1:8786"
#: As browsers write them: in small letters, without a path.
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(\[[0-9a-f:.]+\]|[^\s/?#@:*A-Z]+)(:[0-9]+)?")
MOST_COMPONENTS = 10_000  # of one sum or product, whatever the limit of a service
MOST = 2**63 - 1  # that databases count to


def limit(default: float, description: str, **bounds: Any) -> Any:
    """A setting that `GET /limits` shows: something that a client can run into.

    It is finite: JSON has no infinity.
    """
    if isinstance(default, float):
        bounds["allow_inf_nan"] = False
    return Field(default, description=description, json_schema_extra={"limit": True}, **bounds)


class Settings(BaseSettings):
    """Settings of one service."""

    # empty is not set, as where a file for containers passes on what its surroundings lack
    model_config = SettingsConfigDict(env_prefix="FIT_", env_ignore_empty=True, frozen=True)

    host: str = Field("127.0.0.1", description="Address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on")
    data_dir: Path = Field(
        Path(".fit-data"), description="Fits, jobs and compiled kernels are kept here"
    )
    kernel_cache_dir: Path | None = Field(
        None,
        description="Compiled kernels, if not under the data directory. Executable code: never "
        "share it with anyone untrusted",
    )
    database_url: str | None = Field(
        None, description="SQLAlchemy URL of the store, if not SQLite in the data directory"
    )
    workers: int = Field(
        default_factory=lambda: max(1, os.cpu_count() or 1),
        ge=1,
        description="Worker processes, one core each",
    )
    dask_scheduler: str | None = Field(
        None,
        description=f"Dask scheduler, as in {SCHEDULER}, whose workers compute batches "
        "instead of our own (docs/scaling.md)",
    )
    platform: Literal["cpu", "auto"] = Field(
        "cpu", description="auto: large batches run on a GPU where JAX finds one"
    )
    warm: bool = Field(True, description="Compile what is usual and was used, in the background")
    warm_library: bool = Field(True, description="Then every shape of the library, if FIT_WARM")
    cors_origins: str = Field(
        "",
        description="Origins whose pages may ask from a browser, separated by commas; * is all",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="DEBUG, INFO, WARNING or ERROR"
    )
    drain_s: int = Field(30, ge=0, description="Seconds that running requests get after SIGTERM")

    max_body_bytes: int = limit(64 * 2**20, "Bytes of a request body", ge=1024)
    max_bodies_bytes: int = limit(
        4 * 64 * 2**20,
        "Bytes of all bodies until they are answered, of jobs of their lines until these are read, "
        "but for the first MiB of each",
        ge=1024,
    )
    max_silence_s: float = limit(
        60.0, "Seconds between two pieces of a request body, or that its head may take", gt=0
    )
    max_bins: int = limit(1_000_000, "Bins of a histogram", ge=1)
    max_points: int = limit(1_000_000, "Points of a fit with errors in x and y", ge=1)
    max_batch_rows: int = limit(100_000, "Rows of a batch", ge=1)
    max_batch_entries: int = limit(
        10_000_000, "Entries of a batch, rows times bins or points; of its covariances, too", ge=1
    )
    max_job_rows: int = limit(10_000_000, "Rows of a job", ge=1)
    max_job_entries: int = limit(1_000_000_000, "Entries of a job, rows times bins or points", ge=1)
    max_line_bytes: int = limit(32 * 2**20, "Bytes of a line of a job's NDJSON", ge=1024)
    max_jobs: int = limit(100, "Jobs that may be unfinished at once", ge=1)
    max_predictors: int = limit(10, "Columns of an x that is an object", ge=1)
    max_components: int = limit(
        150, "Components of sums and products, over all levels", ge=1, le=MOST_COMPONENTS
    )
    max_parameters: int = limit(400, "Parameters of a model", ge=1)
    max_slopes: int = limit(
        100_000_000, "Parameters of a model times bins or points: a worker's memory", ge=1
    )
    max_formula_length: int = limit(2000, "Characters of a formula", ge=1)
    max_formula_nodes: int = limit(300, "Numbers, names and operations of a formula", ge=1)
    deadline_s: float = limit(30.0, "Seconds that a fit may take, waiting included", gt=0)
    kill_grace_s: float = limit(
        5.0, "Seconds past its deadline after which a fit that does not stop is killed", gt=0
    )
    queue_size: int = limit(256, "Fits that may wait for a worker", ge=1)
    workshop_queue_size: int = limit(
        16, "Fits that may wait for a formula to be compiled for the first time", ge=1
    )
    workshop_bytes: int = limit(
        3 * 2**30, "Bytes of memory that compiling a new formula may take", ge=2**29
    )
    retention_max_fits: int = limit(
        100_000, "Fits kept, and jobs; the oldest go first", ge=1, le=MOST
    )
    retention_bytes: int = limit(
        10 * 2**30,
        "Bytes of fits kept, and of finished jobs; the oldest go first",
        ge=2**20,
        le=MOST,
    )
    retention_days: float = limit(30.0, "Days that a fit is kept, and a finished job", gt=0)
    retention_interval_s: float = Field(
        300.0,
        gt=0,
        allow_inf_nan=False,
        description="Seconds between looks for fits and kernels to forget",
    )
    kernels_in_memory: int = limit(256, "Compiled kernels that a worker keeps in memory", ge=1)
    kernel_cache_bytes: int = limit(2 * 2**30, "Bytes of compiled kernels on disk", ge=0)

    @field_validator("log_level", mode="before")
    @classmethod
    def _in_capitals(cls, level: Any) -> Any:
        return level.upper() if isinstance(level, str) else level

    @field_validator("data_dir", "kernel_cache_dir")
    @classmethod
    def _at_home(cls, folder: Path | None) -> Path | None:
        try:
            return folder and folder.expanduser()
        except RuntimeError:
            raise ValueError("must begin with a folder that there is, not ~") from None

    @field_validator("database_url")
    @classmethod
    def _lasts_and_has_its_driver(cls, url: str | None) -> str | None:
        if url is None:
            return None
        try:
            parsed = make_url(url)
            parsed.get_dialect().import_dbapi()
        except ArgumentError:  # not said by SQLAlchemy's words: they have the password
            raise ValueError(f"must be a URL of SQLAlchemy's, as in {POSTGRESQL}") from None
        except ImportError:
            raise ValueError(
                "the driver of this database is not installed; for PostgreSQL install "
                f"requirements-postgresql.lock, and write {POSTGRESQL}"
            ) from None
        if parsed.get_backend_name() == "sqlite" and ":memory:" in (parsed.database or ":memory:"):
            raise ValueError("must name a file, as in sqlite:////data/fits.sqlite")
        return url

    @field_validator("cors_origins")
    @classmethod
    def _as_browsers_say(cls, origins: str) -> str:
        for origin in filter(None, map(str.strip, origins.split(","))):
            if origin != "*" and not ORIGIN.fullmatch(origin):
                raise ValueError(
                    "must be * or origins as browsers write them, without a path, separated by "
                    "commas, as in https://lab.example.org,http://localhost:3000"
                )
        return origins

    @field_validator("dask_scheduler")
    @classmethod
    def _needs_its_library(cls, address: str | None) -> str | None:
        if address is None:
            return None
        try:
            parts = urlsplit(address)
            whole = parts.scheme in ("tcp", "tls") and parts.hostname and parts.port
        except ValueError:  # of a port that is none
            whole = False
        if not whole:
            raise ValueError(f"must be tcp:// or tls:// with host and port, as in {SCHEDULER}")
        if find_spec("distributed") is None:
            raise ValueError("dask.distributed is not installed; install requirements-dask.lock")
        return address

    @property
    def kernels_dir(self) -> Path:
        """Where compiled kernels are kept."""
        return self.kernel_cache_dir or self.data_dir / "kernels"

    @property
    def store_url(self) -> str:
        """Where fits are kept."""
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'fits.sqlite'}"

    def limits(self) -> dict[str, int | float]:
        """Every limit in force, by name."""
        fields = type(self).model_fields
        return {
            name: getattr(self, name)
            for name, field in fields.items()
            if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("limit")
        }
