"""A job as its clients see it."""

from datetime import UTC, datetime

from app.jobs.progress import Progress
from app.schemas.jobs import JobAnswer
from app.store.jobs import StoredJob


def to_answer(job: StoredJob, prefix: str, progress: Progress) -> JobAnswer:
    """The resource; `prefix` is that of the paths, `progress` that of this server's jobs."""
    base = path(job.id, prefix)
    return JobAnswer.model_validate(
        {
            "id": job.id,
            "kind": job.kind,
            "model": job.model,
            "status": job.status,
            "message": job.message,
            "created": moment(job.created),
            "started": moment(job.started),
            "finished": moment(job.finished),
            "estimated_end": moment(progress.estimated_end(job)),
            "rows": job.rows,
            "rows_done": job.rows_done,
            "statuses": dict(job.statuses),
            "chunks": job.chunks,
            "chunks_done": job.chunks_done,
            "links": {"results": f"{base}/results", "events": f"{base}/events"},
        }
    )


def path(job_id: str, prefix: str) -> str:
    """Where it is."""
    return f"{prefix}/jobs/{job_id}"


def moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
