"""What cannot be run here is at least consistent: image, proxy, lock files, README."""

import importlib.util
import re
import tomllib
from pathlib import Path

import yaml

from app import VERSION
from app.settings import Settings
from fitting.message import MESSAGES
from fitting.status import Status

ROOT = Path(__file__).resolve().parents[1]
LOCKS = tuple(f"requirements{extra}.lock" for extra in ("", "-dask", "-dev", "-postgresql"))


def pinned(lock: str) -> dict[str, str]:
    text = (ROOT / lock).read_text()
    return dict(re.findall(r"^([A-Za-z0-9_.-]+)==([^ ;\\]+)", text, re.MULTILINE))


def test_the_service_tells_the_version_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION


def test_locks_have_hashes_and_no_address():
    for lock in LOCKS:
        text = (ROOT / lock).read_text()
        assert "://" not in text
        entries = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
        assert len(entries) > 20
        assert all("--hash=sha256:" in entry for entry in entries)


def test_the_locks_agree_and_hold_what_the_project_declares():
    serve, dask, dev, postgresql = (pinned(lock) for lock in LOCKS)
    assert serve.items() <= dask.items() <= dev.items()
    assert serve.items() <= postgresql.items()
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = declared["optional-dependencies"]
    for requirement, lock in [
        *((r, serve) for r in declared["dependencies"]),
        (extras["dask"][0], dask),
        (extras["postgresql"][0], postgresql),
    ]:
        name = re.match(r"[A-Za-z0-9_-]+", requirement)
        assert name
        assert name[0] in lock
    assert "distributed" not in serve


def test_every_setting_is_in_the_readme():
    readme = (ROOT / "README.md").read_text()
    documented = set(re.findall(r"^\| `(FIT_[A-Z_]+)`", readme, re.MULTILINE))
    assert documented == {f"FIT_{name.upper()}" for name in Settings.model_fields}


def test_the_readme_has_the_goals_as_the_benchmark_wrote_them():
    readme = (ROOT / "README.md").read_text()
    goals, _machine = (ROOT / "benchmarks/results/goals.md").read_text().split("| the machine")
    rows = [line for line in goals.splitlines() if line.startswith("|")]
    assert len(rows) > 20
    assert "\n".join(rows) in readme


def test_every_status_is_in_the_readme():
    readme = (ROOT / "README.md").read_text()
    rows = re.findall(r"^\| (`[a-z-]+`(?:, `[a-z-]+`)*) \|", readme, re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"[a-z-]+", row)}
    assert {status.value for status in Status} <= documented
    assert set(MESSAGES) == set(Status)


def test_every_route_is_in_the_readme():
    from app.main import create_app

    readme = (ROOT / "README.md").read_text()
    for path in create_app(Settings(warm=False)).openapi()["paths"]:
        assert path in readme, path


def test_the_image_installs_and_starts_as_the_makefile_does():
    image = (ROOT / "Dockerfile").read_text()
    makefile = (ROOT / "Makefile").read_text()
    for step in ("--require-hashes -r requirements.lock", "python -m app"):
        assert step in makefile
        # the image is that of a cluster's workers, too
        step = step.replace("requirements.lock", "requirements-dask.lock")
        assert step in image.replace('", "', " ").replace('", \\\n', " ")
    kept = (ROOT / ".dockerignore").read_text()
    for lock in ("requirements-dask.lock", "requirements-postgresql.lock"):
        assert f"-r {lock}" in image
        assert f"!{lock}" in kept
    assert image.index("USER fit") < image.index("CMD [")
    _, check = image.split("HEALTHCHECK")
    asked, _ = check.split("STOPSIGNAL")
    assert "FIT_PORT" in asked
    assert "'/livez'" in asked
    assert "readyz" not in asked
    copied = set(re.findall(r"^COPY (\w+) \w+$", image, re.MULTILINE))
    assert copied == {"app", "fitting", "models"}
    assert not re.search(r"^FROM .*:latest", image, re.MULTILINE)


def test_the_proxy_has_the_time_outs_that_the_service_lacks():
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    proxy = compose["configs"]["proxy"]["content"]
    for line in ("client_header_timeout", "client_body_timeout", "proxy_read_timeout"):
        assert line in proxy
    size = re.search(r"client_max_body_size (\d+)m;", proxy)
    assert size
    assert int(size[1]) * 2**20 == Settings().max_body_bytes
    read = re.search(r"proxy_read_timeout (\d+)s;", proxy)
    assert read
    # the proxy must outlast the slowest answer of the service
    assert int(read[1]) > Settings().deadline_s + Settings().kill_grace_s
    assert set(re.findall(r"proxy_pass (\S+);", proxy)) == {f"http://fit:{Settings().port}"}
    grace = re.fullmatch(r"(\d+)s", compose["services"]["fit"]["stop_grace_period"])
    assert grace
    assert int(grace[1]) > Settings().drain_s
    assert "/data" in str(compose["services"]["fit"]["volumes"])
    assert set(compose["services"]) == {"fit", "proxy", "scheduler", "worker"}


def test_settings_of_a_file_reach_service_and_cluster_and_what_they_need_is_told():
    text = (ROOT / "docker-compose.yml").read_text()
    services = yaml.safe_load(text)["services"]
    files = [services[name]["env_file"] for name in ("fit", "worker")]
    assert files == [[{"path": "fit.env", "required": False}]] * 2
    told, _ = text.split("env_file:", 1)
    for setting, line in (
        ("FIT_PORT", "proxy_pass"),
        ("FIT_MAX_BODY_BYTES", "client_max_body_size"),
        ("FIT_DEADLINE_S", "proxy_read_timeout"),
        ("FIT_KILL_GRACE_S", "proxy_read_timeout"),
        ("FIT_DRAIN_S", "stop_grace_period"),
    ):
        assert setting.removeprefix("FIT_").lower() in Settings.model_fields
        assert setting in told
        assert line in told
        assert line in yaml.safe_dump(yaml.safe_load(text))


def test_the_cluster_is_a_profile_of_the_same_image_that_nobody_else_reaches():
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    fit, scheduler, worker = (compose["services"][s] for s in ("fit", "scheduler", "worker"))
    assert {"FIT_DASK_SCHEDULER", "FIT_DATABASE_URL"} < fit["environment"].keys()
    assert "profiles" not in fit
    for service in (scheduler, worker):
        assert service["profiles"] == ["cluster"]
        assert service["image"] == fit["image"]
        assert "ports" not in service
        assert service["command"][:3] == ["/opt/venv/bin/python", "-m", "dask"]
    assert "tcp://scheduler:8786" in worker["command"]
    assert importlib.util.find_spec(worker["command"][-1]) is not None
