"""Settings that cannot be are told in a line each, by the name of the variable."""

import logging
import re
import socket
from pathlib import Path

import pytest

from app.operation import starting
from app.operation.starting import read_settings, warn_of_misspelt
from app.settings import Settings


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FIT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("FIT_PORT", "0")
    (tmp_path / "file").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("FIT_LOG_LEVEL", "foo", "must be DEBUG, INFO, WARNING or ERROR"),
        ("FIT_PORT", "abc", "must be a valid integer"),
        ("FIT_PORT", "70000", "must be less than or equal to 65535"),
        ("FIT_MAX_BINS", "1e6", "must be a valid integer"),
        ("FIT_DEADLINE_S", "inf", "must be a finite number"),
        ("FIT_DATABASE_URL", "garbage:secret", "must be a URL of SQLAlchemy's"),
        ("FIT_DATABASE_URL", "nosuch://user:secret@host/x", "must be a URL of SQLAlchemy's"),
        ("FIT_DATABASE_URL", "postgresql+pg8000://a:secret@b/c", "requirements-postgresql.lock"),
        ("FIT_DATABASE_URL", "sqlite://", "must name a file"),
        ("FIT_DATABASE_URL", "sqlite:///:memory:", "must name a file"),
        ("FIT_RETENTION_MAX_FITS", "9223372036854775808", "must be less than or equal to"),
        ("FIT_RETENTION_BYTES", f"1{20 * '0'}", "must be less than or equal to"),
        ("FIT_RETENTION_INTERVAL_S", "inf", "must be a finite number"),
        ("FIT_DASK_SCHEDULER", "here:8786", "as in tcp://10.0.0.1:8786"),
        ("FIT_DASK_SCHEDULER", "tcp://", "as in tcp://10.0.0.1:8786"),
        ("FIT_DASK_SCHEDULER", "tcp://here", "as in tcp://10.0.0.1:8786"),
        ("FIT_DASK_SCHEDULER", "tcp://here:99999", "as in tcp://10.0.0.1:8786"),
        ("FIT_DASK_SCHEDULER", "http://here:8786", "as in tcp://10.0.0.1:8786"),
        ("FIT_CORS_ORIGINS", "notaurl", "as in https://lab.example.org"),
        ("FIT_CORS_ORIGINS", "https://one.org, https://two.org/", "as in https://lab.example.org"),
        ("FIT_CORS_ORIGINS", "https://*.one.org", "as in https://lab.example.org"),
        ("FIT_CORS_ORIGINS", "https://One.org", "as in https://lab.example.org"),
        ("FIT_HOST", "no address at all", "there is no address"),
        ("FIT_HOST", "192.0.2.1", "nobody can listen on 192.0.2.1"),  # of documentation (RFC 5737)
        ("FIT_DATA_DIR", "~no-such-user/fits", "must begin with a folder"),
        ("FIT_DATA_DIR", "file", "nothing can be written in"),
        ("FIT_DATA_DIR", "file/below", "nothing can be written in"),
        ("FIT_KERNEL_CACHE_DIR", "file", "nothing can be written in"),
    ],
)
def test_a_setting_that_cannot_be_is_told_by_its_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, str(folder / value) if value.startswith("file") else value)
    with pytest.raises(SystemExit) as ended:
        read_settings()
    line = str(ended.value)
    assert line.startswith(f"{name}: ")
    assert said in line
    assert "\n" not in line
    assert "secret" not in line


def test_a_port_that_another_listens_on_is_told_by_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        monkeypatch.setenv("FIT_PORT", str(other.getsockname()[1]))
        with pytest.raises(SystemExit) as ended:
            read_settings()
        assert re.fullmatch(r"FIT_PORT: nobody can .*: Address already in use", str(ended.value))
    assert read_settings().host == "127.0.0.1"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FIT_DASK_SCHEDULER", "tls://[::1]:8786"),
        ("FIT_CORS_ORIGINS", "*"),
        ("FIT_CORS_ORIGINS", "http://localhost:3000, http://[::1]:80,chrome-extension://abc"),
        ("FIT_HOST", "0.0.0.0"),
        ("FIT_HOST", "localhost"),
    ],
)
def test_what_can_be_is_taken_as_it_is(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert getattr(read_settings(), name.removeprefix("FIT_").lower()) == value


def test_folders_are_made(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIT_LOG_LEVEL", "debug")
    settings = read_settings()
    assert settings.log_level == "DEBUG"
    assert settings.store_url.startswith("sqlite://")
    assert (folder / "data").is_dir()


@pytest.mark.parametrize(
    ("name", "url"),
    [("FIT_DATA_DIR", None), ("FIT_DATABASE_URL", "sqlite:///{}/data/fits.sqlite")],
)
def test_a_store_that_cannot_be_opened_ends_the_start_in_a_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, url: str | None
) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "fits.sqlite").write_bytes(b"no database" * 1000)
    if url is not None:
        monkeypatch.setenv("FIT_DATABASE_URL", url.format(folder))
    with pytest.raises(SystemExit) as ended:
        read_settings()
    assert str(ended.value) == f"{name}: the store cannot be opened: file is not a database"


@pytest.mark.filterwarnings("ignore:Selection of the SingletonThreadPool")
def test_a_store_in_memory_by_another_name_ends_the_start_in_a_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FIT_DATABASE_URL", "sqlite:///file:foo?mode=memory&uri=true")
    with pytest.raises(SystemExit, match=r"^FIT_DATABASE_URL: the store cannot be opened: .+$"):
        read_settings()


def test_what_is_empty_is_not_set(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.delenv("FIT_PORT")
    usual = {field: getattr(Settings(), field) for field in Settings.model_fields}
    for field in Settings.model_fields:
        monkeypatch.setenv(f"FIT_{field.upper()}", "")
    monkeypatch.setenv("FIT_DATA_DIR", str(folder / "data"))
    monkeypatch.setattr(starting, "occupied", lambda _: ())  # another may have the usual port
    assert {field: getattr(read_settings(), field) for field in usual} == usual


def test_a_folder_may_be_at_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("FIT_DATA_DIR", "~/mine")
    monkeypatch.setenv("FIT_KERNEL_CACHE_DIR", "~/kernels")
    settings = read_settings()
    assert (settings.data_dir, settings.kernels_dir) == (folder / "mine", folder / "kernels")
    assert (folder / "mine" / "fits.sqlite").exists()


def test_a_misspelt_setting_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "fit.settings"):
        warn_of_misspelt(["FIT_WORKER", "FIT_PORT", "FIT_XYZ", "FIT_BOGUS", "HOME"])
    assert caplog.messages == [
        'FIT_WORKER is no setting, did you mean "FIT_WORKERS"?',
        "FIT_XYZ is no setting",
        "FIT_BOGUS is no setting",
    ]
