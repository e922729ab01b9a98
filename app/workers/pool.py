"""Which worker gets which job.

Jobs wait here, not in the workers, so that the queue is bounded by one number and a waiting job
is forgotten by dropping it. Which of them a worker may take is in `choice`.

A model that a client wrote may take minutes to compile, and nobody knows before. So the first
job of such a kernel goes to the workshop, one more process, of low priority, in front of which
only a few may wait; the workers take over once the kernel is compiled. A kernel on which a
process had to be killed is refused for a while.
"""

import asyncio
import itertools
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from app.errors import Busy, WorkerLost
from app.logs import request_id
from app.workers.choice import HELP_AFTER_S, Choice
from app.workers.kernel_number import kernel_number
from app.workers.process import WorkerSettings
from app.workers.tasks import CANCELLED, SLICE_S, Task
from app.workers.tried import Tried
from app.workers.waiting import Waiting
from app.workers.worker import Job, TimedOut, Worker

logger = logging.getLogger("fit.workers")

TICK_S = 0.002  # by which a timer may be early
WARM_LIMIT_S = 120.0
MOST_LOGGED = 300  # characters
BURIED_AFTER_S = 0.5  # for a killed process to be gone
RESTART_BACKOFF_S = (0.0, 0.1, 0.5, 2.0, 5.0)


class WorkerPool:
    """A fixed number of workers and the queue in front of them."""

    slice_s = SLICE_S

    def __init__(
        self,
        settings: WorkerSettings,
        workers: int,
        queue_size: int,
        workshop_queue_size: int,
        kill_grace_s: float,
    ):
        self._settings = settings
        self._size = workers
        self._queue_size = queue_size
        self._workshop_queue_size = workshop_queue_size
        self._kill_grace_s = kill_grace_s
        self._warm_up: Sequence[Task] | None = None
        self._after: Sequence[Task] = ()  # what is loaded by all once the workshop has compiled it
        self._waiting = Waiting()
        self._tried = Tried()
        self._workers: list[Worker] = []
        self._choice = Choice(self._waiting, self._tried, self._workers)
        self._numbers = itertools.count()
        self._deaths_in_a_row = 0
        self._mean_s = 0.01  # running mean of a job's time, for Retry-After
        self._closing = False
        self._started = False
        self.restarts = 0

    @property
    def waiting(self) -> int:
        """Jobs that no worker has taken yet."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """Jobs in a worker."""
        return sum(not job.background for w in self._workers for job in (w.job, w.guest) if job)

    @property
    def is_ready(self) -> bool:
        """Whether all workers have come up; from then on, whether there is one at all."""
        return self._started and any(w.up for w in self._workers if not w.is_workshop)

    @property
    def is_warm(self) -> bool:
        """Whether each worker has what `warm` was told."""
        own = (w for w in self._workers if not w.is_workshop)
        return (
            self._warm_up is not None
            and not any(w.to_warm or (w.job and w.job.background) for w in own)
            and not any(task.is_custom for task in self._after)
        )

    def hands(self, task: Task) -> int:
        """How many workers may share a batch of such tasks."""
        return 1 if self.is_untried(task) else self._size

    def is_untried(self, task: Task) -> bool:
        """Whether it is of a client's making, and may take long to compile for all we know."""
        return self._tried.is_for_workshop(task, kernel_number(task.key))

    def start(self) -> None:
        """Start the workers."""
        for _ in range(self._size):
            self._start_worker()
        self._start_workshop()

    def warm(self, tasks: Sequence[Task]) -> None:
        """What every worker does while no client asks for anything, now and after a restart.

        What clients wrote is compiled by the workshop first, as when they asked for it.
        """
        self._warm_up = own = [task for task in tasks if not task.is_custom]
        for number, worker in enumerate(w for w in self._workers if not w.is_workshop):
            # each begins elsewhere: what one compiles, the others find on disk
            first = number * len(own) // self._size
            worker.to_warm = [*own[first:], *own[:first]]
        self.warm_after([task for task in tasks if task.is_custom])

    def warm_after(self, tasks: Sequence[Task]) -> None:
        """What the workshop compiles while nobody needs it, and then every worker loads."""
        self._after = [*self._after, *tasks]
        for worker in self._workers:
            if worker.is_workshop:
                worker.to_warm += tasks
        self._dispatch()

    def _start_worker(self) -> None:
        worker = self._worker(self._settings)
        worker.to_warm = [*(self._warm_up or ())]
        self._workers.append(worker)

    def _start_workshop(self, to_warm: Sequence[Task] = ()) -> None:
        worker = self._worker(replace(self._settings, workshop=True))
        worker.to_warm = [*to_warm]
        # first, because it has the kernels that it has just compiled
        self._workers.insert(0, worker)

    def _worker(self, settings: WorkerSettings) -> Worker:
        return Worker(settings, self._upped, self._breaking, self._answered, self._died)

    def _upped(self) -> None:
        self._started |= sum(w.up for w in self._workers if not w.is_workshop) == self._size
        self._dispatch()

    def submit(self, task: Task, deadline: float) -> Job:
        """Queue a task; its job's `outcome` may raise WorkerLost, TimedOut or InvalidRequest."""
        kernel, loop = kernel_number(task.key), asyncio.get_running_loop()
        self._tried.refuse_failed(kernel, loop.time())
        if not self._tried.is_for_workshop(task, kernel):
            self.refuse_if_full()
        elif self._waiting_for_workshop >= self._workshop_queue_size:
            raise Busy("Too many new formulas are waiting to be compiled. Try again later.", 5.0)
        job = Job(
            number=next(self._numbers),
            task=task,
            kernel=kernel,
            hard_deadline=deadline + self._kill_grace_s,
            outcome=loop.create_future(),
            accepted=loop.time(),
            asked_by=request_id.get(),
        )
        self._wait(job)
        self._dispatch()
        self._make_way(job)
        if job in self._waiting:
            self._look_in(HELP_AFTER_S)
        return job

    def _wait(self, job: Job) -> None:
        deadline = job.hard_deadline - self._kill_grace_s
        job.watchdog = asyncio.get_running_loop().call_at(deadline, self._expire, job)
        self._waiting.add(job)

    def refuse_if_full(self) -> None:
        """Busy, if no more may wait."""
        if self.is_full:
            raise self.busy()

    @property
    def is_full(self) -> bool:
        """Whether no more may wait; those for the workshop are counted apart."""
        most = self._queue_size
        return self.waiting >= most and self._waiting_for_workers >= most

    def busy(self) -> Busy:
        """How many wait, and when it may be worth trying again."""
        waiting = self._waiting_for_workers
        seconds = self._mean_s * (waiting + self.running) / self._size
        return Busy(f"Fits waiting already: {waiting}. Try again later.", seconds)

    def _expire(self, job: Job) -> None:
        self._take(job)
        job.fail(TimedOut(waiting=True))

    def cancel(self, job: Job) -> None:
        """Stop a job wherever it is; one that has ended stays as it is."""
        if job in self._waiting:
            self._take(job)
        for worker in self._workers:
            if job in (worker.job, worker.guest):
                worker.cancel(job, self._kill_grace_s)

    async def close(self) -> None:
        """Hang up on the workers; the server has drained before."""
        self._closing = True
        processes = [w.process for w in self._workers]
        for worker in self._workers:
            if worker.alive:
                worker.close()
        for process in processes:
            await asyncio.to_thread(process.join, 1.0)
            if process.is_alive():
                process.kill()

    def _make_way(self, job: Job) -> None:
        """Stop warming up, to be taken up again, where it keeps a client waiting.

        That is in the worker that may take the job, or for the workshop, of low priority, anywhere.
        """
        custom = self._tried.is_for_workshop(job.task, job.kernel)
        if not custom and job not in self._waiting:
            return
        for worker in self._workers:
            warming = worker.job
            if warming and warming.background and (custom or self._choice.may_take(worker, job)):
                worker.interrupt(warming)

    @property
    def _is_compiling(self) -> bool:
        """Whether the workshop has something to do for a client."""
        return self._waiting_for_workshop > 0 or any(
            w.is_workshop and w.job and not w.job.background for w in self._workers
        )

    @property
    def _waiting_for_workshop(self) -> int:
        return self._waiting.count(lambda job: self._tried.is_for_workshop(job.task, job.kernel))

    @property
    def _waiting_for_workers(self) -> int:
        return self.waiting - self._waiting_for_workshop

    def _dispatch(self) -> None:
        """Give workers something to do: clients first, warming up otherwise; then ask for breaks.

        It is called after all that lets somebody take a job that waits; where only time must pass
        for that, `_look_in` calls it.
        """
        for worker in tuple(self._workers):  # of which one leaves that has died unnoticed
            if not worker.idle:
                continue
            job = self._choice.job_for(worker)
            if job is not None:
                worker.send(self._take(job))
                if job.task.spreads:
                    self._part_runs(worker)
            elif worker.to_warm and not self._is_compiling:
                worker.send(self._warming(worker.to_warm.pop(0)))
        for worker in self._workers:
            if self._choice.guest_for(worker) is not None:
                worker.ask_for_break()

    def _look_in(self, seconds: float) -> None:
        asyncio.get_running_loop().call_later(seconds + TICK_S, self._dispatch)

    def _part_runs(self, worker: Worker) -> None:
        """From now on, without a guest; at the end of its turn somebody looks who waits."""
        now = asyncio.get_running_loop().time()
        worker.turns.part_runs(now)
        if wait_s := worker.turns.wait_s(now):
            self._look_in(wait_s)

    def _take(self, job: Job) -> Job:
        if job.watchdog is not None:
            job.watchdog.cancel()
        self._waiting.remove(job)
        return job

    def _breaking(self, worker: Worker) -> None:
        """A single fit for a worker that has a break, if there still is one."""
        guest = self._choice.guest_for(worker)
        if guest is None:
            worker.end_break()
        else:
            worker.turns.part_rests(asyncio.get_running_loop().time())
            worker.send(self._take(guest))

    def _warming(self, task: Task) -> Job:
        loop = asyncio.get_running_loop()
        now, outcome = loop.time(), loop.create_future()
        # nobody waits for it, and asyncio complains of errors that nobody has seen
        outcome.add_done_callback(lambda done: done.cancelled() or done.exception())
        return Job(
            number=next(self._numbers),
            task=task,
            kernel=kernel_number(task.key),
            hard_deadline=now + WARM_LIMIT_S,
            outcome=outcome,
            accepted=now,
            background=True,
        )

    def _answered(self, worker: Worker, job: Job, how: str, what: object, seconds: float) -> None:
        self._deaths_in_a_row = 0
        self._tried.answered(job, how, what)
        if not job.background:
            self._mean_s += 0.1 * (seconds - self._mean_s)
            if job.task.spreads:
                worker.turns.part_rests(asyncio.get_running_loop().time())
            else:
                worker.turns.single_ran(seconds)
            if worker.job is not None:  # whose guest it was
                self._part_runs(worker)
        job.settle(how, what)
        if job.background and how == CANCELLED:
            worker.to_warm.insert(0, job.task)
        if self._after and worker.is_workshop and not worker.to_warm:
            compiled = [task for task in self._after if not self.is_untried(task)]
            self._after = ()
            for other in self._workers:
                if not other.is_workshop:
                    other.to_warm += compiled
        if worker.full:
            self._retire(worker)
        self._dispatch()

    def _retire(self, worker: Worker) -> None:
        """Another goes on with what this one was to do: it has answered, and ends by itself."""
        logger.info("a worker has used up its memory", extra={"pid": worker.process.pid})
        self._workers.remove(worker)
        worker.close()
        asyncio.get_running_loop().call_later(BURIED_AFTER_S, worker.process.join, 0)
        self._restart(worker)

    def _died(self, worker: Worker, jobs: Sequence[Job], late: Job | None) -> None:
        self._workers.remove(worker)
        if self._closing:
            return
        if worker.is_workshop:
            self._after = ()  # what it was to compile is compiled when somebody asks for it
            worker.to_warm.clear()
        self.restarts += 1
        loop = asyncio.get_running_loop()
        read = [job for job in jobs if job.started is not None]
        loop.call_later(BURIED_AFTER_S, bury, worker, read[-1] if read else None, late)
        for job in jobs:
            was_running = bool(read) and job is read[-1]
            if was_running:
                self._tried.failed(job, loop.time())
            if job is late:
                compiling = not self._tried.is_compiled(job.kernel)
                job.fail(TimedOut(waiting=False, compiling=compiling))
            elif job in read or job.cancelled or job.background:
                job.fail(
                    WorkerLost(
                        "The process that worked on this died and was replaced. Try again; if it "
                        "happens again, these data with this model may need more memory than there "
                        "is.",
                        1.0,
                        workers=int(was_running),
                    )
                )
            else:
                self._wait(job)
        backoff = RESTART_BACKOFF_S[min(self._deaths_in_a_row, len(RESTART_BACKOFF_S) - 1)]
        self._deaths_in_a_row += 1
        loop.call_later(backoff, self._restart, worker)
        loop.call_soon(self._dispatch)  # others may take now what was for this one

    def _restart(self, old: Worker) -> None:
        if self._closing:
            return
        try:
            if old.is_workshop:
                self._start_workshop(old.to_warm)
            else:
                self._start_worker()
        except OSError:  # no memory, no process, no file left
            logger.exception("no worker can be started")
            asyncio.get_running_loop().call_later(RESTART_BACKOFF_S[-1], self._restart, old)


def bury(worker: Worker, job: Job | None, late: Job | None) -> None:
    """Log of what a worker died; whoever asks a process for its exit code takes it off the list."""
    facts: dict[str, Any] = {
        "pid": worker.process.pid,
        "exit_code": worker.process.exitcode,  # less than 0: that signal
        "timed_out": late is not None,
        "workshop": worker.is_workshop,
    }
    if job is not None:
        facts |= {
            "task": type(job.task).__name__,
            "kernel": str(job.task.key)[:MOST_LOGGED],
            "background": job.background,
            "asked_by": job.asked_by,
        }
    logger.warning("a worker died", extra=facts)
