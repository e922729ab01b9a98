"""`python -m benchmarks`: measure, print, and write results/; exits 0, goals met or not."""

from collections.abc import Iterator

from benchmarks import (
    bare,
    batch,
    covariance,
    first_use,
    jobs,
    load,
    many,
    peer,
    report,
    service,
    tutorial,
)
from benchmarks.goals import Found, goals_table, tutorial_goals
from benchmarks.measure import measure
from benchmarks.tables import table

FIT_ROUNDS = 30
COVARIANCE_ROUNDS = 20


def parts(machine: dict[str, str]) -> Iterator[Found]:
    """One after the other, each on a server of its own."""
    print("starting a server and warming it up", flush=True)
    with service.served() as client, bare.contestant() as barest, peer.contestants() as variants:
        print(f"fits, {FIT_ROUNDS} rounds", flush=True)
        field = [
            *variants,
            *tutorial.fresh_variants(),
            *service.contestants(client),
            barest,
        ]
        fits = measure(field, FIT_ROUNDS)
        evaluations_ms = service.evaluations_ms()
        print(f"covariance matrices, {COVARIANCE_ROUNDS} rounds", flush=True)
        matrices = measure(covariance.contestants(client), COVARIANCE_ROUNDS)
    yield report.write(fits, matrices, tutorial_goals(fits, evaluations_ms), machine)
    print("batches", flush=True)
    with service.served() as client:
        yield batch.write(client, machine)
    print("a job of a million", flush=True)
    yield jobs.write(machine)
    print("many parameters", flush=True)
    yield many.write(machine)
    print("start and first use", flush=True)
    yield first_use.write(machine)
    print("load and size", flush=True)
    with service.served() as client:
        yield load.write(client, machine)


def main() -> None:
    """Everything, and all goals at the end."""
    machine = report.surroundings()
    report.RESULTS.mkdir(exist_ok=True)
    found = list(parts(machine))
    goals = goals_table(goal for part in found for goal in part.goals)
    text = "\n\n".join(["# Goals", goals, table(["the machine", ""], [*machine.items()])])
    (report.RESULTS / "goals.md").write_text(text + "\n")
    print("\n\n".join([*(part.text for part in found), text]))
    print(f"written to {report.RESULTS}")


if __name__ == "__main__":
    main()
