"""`python -m benchmarks`: measure, print, and write results/; exits 0, goals met or not."""

from benchmarks import batch, covariance, load, many, peer, report, service, tutorial
from benchmarks.goals import goals
from benchmarks.measure import measure

FIT_ROUNDS = 30
COVARIANCE_ROUNDS = 20


def main() -> None:
    """Everything, on one server of its own."""
    machine = report.surroundings()
    print("starting a server and warming it up", flush=True)
    with service.served() as client, peer.contestants() as variants:
        print(f"fits, {FIT_ROUNDS} rounds", flush=True)
        field = [
            *variants,
            *tutorial.fresh_variants(),
            *service.contestants(client),
        ]
        fits = measure(field, FIT_ROUNDS)
        print(f"covariance matrices, {COVARIANCE_ROUNDS} rounds", flush=True)
        matrices = measure(covariance.contestants(client), COVARIANCE_ROUNDS)
    with service.served() as client:
        print("batches", flush=True)
        batches = batch.write(client, machine)
    with service.served() as client:
        print("load and size", flush=True)
        loads = load.write(client, machine)
    print("many parameters", flush=True)
    parameters = many.write(machine)
    print(f"\n{report.write(fits, matrices, goals(fits), machine)}")
    print(f"\n{batches}")
    print(f"\n{parameters}")
    print(f"\n{loads}")
    print(f"written to {report.RESULTS}")


if __name__ == "__main__":
    main()
