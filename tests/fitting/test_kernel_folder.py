"""The folder of compiled kernels: who finds what there, and what is forgotten."""

import os
import stat
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest

from fitting.kernels.folder import KernelFolder

ROOT = Path(__file__).resolve().parents[2]
DAY = 86400.0

FIT = """
import sys
from pathlib import Path
import numpy as np
from fitting.fit import fit
from fitting.kernels.folder import KernelFolder
from fitting.kernels.cache import KernelCache
from tests.fitting.problems import LINE, PEAK, points, problem, toy
KernelFolder(Path(sys.argv[1]), int(sys.argv[2])).use()
data = toy(PEAK, np.linspace(-4, 4, 20), (480.0, 0.3, 1.1), 1)
lines = points([0, 1, 2, 3], [0, 1, 2, 4])
asked = {"peak": problem(PEAK, data, [400.0, 0.0, 1.0]), "line": problem(LINE, lines)}
for name in sys.argv[3:]:
    result = fit(asked[name], KernelCache())
    print(name, result.usage.tier, result.usage.compiled, *map(float.hex, result.values.tolist()))
"""


def fitted(folder: Path, *names: str, most_bytes: int = 10**8) -> list[list[str]]:
    """Lines of a new process: name, tier, functions compiled, values."""
    command = [sys.executable, "-c", FIT, str(folder), str(most_bytes), *names]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, env={**os.environ}
    )
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()]


def file(folder: Path, name: str, size: int, *, read: float, written: float) -> None:
    """An entry of so many bytes that was last read and written so many seconds ago."""
    path, now = folder / f"{name}-cache", time.time()
    path.write_bytes(b"x" * size)
    os.utime(path, (now - read, now - written))


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def names(folder: Path) -> set[str]:
    return {path.name.removesuffix("-cache") for path in folder.iterdir()}


def test_a_new_process_finds_the_kernels(tmp_path):
    folder = tmp_path / "kernels"
    first = fitted(folder, "peak", "peak")
    second = fitted(folder, "peak", "line")
    assert [row[1] for row in first] == ["compiled", "disk"]
    assert second[0][:3] == ["peak", "disk", "0"]
    assert second[1][1] == "compiled"
    assert first[0][3:] == first[1][3:] == second[0][3:]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_without_room_nothing_is_kept(tmp_path):
    folder = tmp_path / "kernels"
    assert [row[1] for row in fitted(folder, "line", "line", most_bytes=0)] == ["compiled"] * 2
    assert not folder.exists()
    KernelFolder(folder, 0).trim()


def test_what_was_not_used_for_longest_goes_first(tmp_path):
    file(tmp_path, "old but read today", 300, read=0, written=9 * DAY)
    file(tmp_path, "new", 300, read=2 * DAY, written=2 * DAY)
    file(tmp_path, "long forgotten", 300, read=8 * DAY, written=9 * DAY)
    file(tmp_path, "forgotten", 300, read=3 * DAY, written=9 * DAY)
    folder = KernelFolder(tmp_path, 1200)
    folder.trim()
    assert len(names(tmp_path)) == 4
    file(tmp_path, "newest", 1, read=0, written=0)
    folder.trim()
    # 1201 bytes; 901 are a tenth less than the limit
    assert names(tmp_path) == {"old but read today", "new", "forgotten", "newest"}
    file(tmp_path, "large", 700, read=0, written=0)
    folder.trim()
    assert names(tmp_path) == {"old but read today", "newest", "large"}


def test_files_of_others_stay_and_do_not_count(tmp_path):
    """Somebody's folder, named as that of the kernels by mistake."""
    for name in ("thesis.tex", "notes"):
        (tmp_path / name).write_bytes(b"x" * 1000)
        os.utime(tmp_path / name, (1.0, 1.0))
    (tmp_path / "empty").touch()
    os.utime(tmp_path / "empty", (1.0, 1.0))
    file(tmp_path, "kernel", 90, read=DAY, written=DAY)
    KernelFolder(tmp_path, 100).trim()
    assert names(tmp_path) == {"thesis.tex", "notes", "empty", "kernel"}
    file(tmp_path, "another", 20, read=0, written=0)
    KernelFolder(tmp_path, 100).trim()
    assert names(tmp_path) == {"thesis.tex", "notes", "empty", "another"}


def test_a_folder_that_is_as_it_was_is_not_looked_through(tmp_path, monkeypatch):
    file(tmp_path, "one", 10, read=0, written=0)
    folder = KernelFolder(tmp_path, 100)
    folder.trim()
    monkeypatch.setattr(os, "scandir", lambda path: pytest.fail("looked through again"))
    folder.trim()


@pytest.mark.parametrize("content", [b"", half(zlib.compress(bytes(range(256))))])
def test_half_written_files_go_once_nobody_can_be_writing_them(tmp_path, content):
    folder = KernelFolder(tmp_path, 1000)
    for name, age in (("left", DAY), ("being written", 0.0)):
        (tmp_path / f"{name}-cache").write_bytes(content)
        os.utime(tmp_path / f"{name}-cache", (time.time() - age,) * 2)
    folder.trim()
    assert names(tmp_path) == {"being written"}
    os.utime(tmp_path / "being written-cache", (time.time() - DAY,) * 2)
    folder.trim()
    assert names(tmp_path) == set()


def test_looking_whether_a_file_is_whole_is_not_using_it(tmp_path):
    path = tmp_path / "whole-cache"
    path.write_bytes(whole := zlib.compress(bytes(range(256))))
    os.utime(path, ns=(10**18, 10**18 + 5))
    KernelFolder(tmp_path, 10**4).trim()
    found = path.stat()
    assert (found.st_atime_ns, found.st_mtime_ns) == (10**18, 10**18 + 5)
    assert path.read_bytes() == whole


def test_files_that_another_deletes_meanwhile(tmp_path, monkeypatch):
    file(tmp_path, "one", 100, read=0, written=DAY)
    file(tmp_path, "two", 100, read=0, written=0)
    unlink = os.unlink

    def after_another(path: str) -> None:
        unlink(path)
        unlink(path)

    monkeypatch.setattr(os, "unlink", after_another)
    KernelFolder(tmp_path, 120).trim()
    assert names(tmp_path) == {"two"}


@pytest.mark.parametrize("left", [lambda _: b"", half])
def test_what_was_forgotten_or_never_finished_is_compiled_again(tmp_path, left):
    [first] = fitted(tmp_path, "line")
    KernelFolder(tmp_path, 1).trim()
    assert not names(tmp_path)
    assert fitted(tmp_path, "line") == [first]
    for path in tmp_path.iterdir():
        path.write_bytes(left(path.read_bytes()))
        os.utime(path, (1.0, 1.0))
    written = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert fitted(tmp_path, "line") == [first]
    # which is why they must go
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == written
    KernelFolder(tmp_path, 10**8).trim()
    again, found = fitted(tmp_path, "line", "line")
    assert again == first
    assert found[1] == "disk"
