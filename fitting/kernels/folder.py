"""Compiled kernels on disk, where a process finds what another has compiled, or one before it.

JAX writes and reads them. It could keep to a limit, too, but looks at every entry whenever it adds
one, under a lock for which all processes wait, and a process that is killed at the wrong moment
ends this for good. So it is given no limit, and who keeps the folder has it trimmed now and then.
"""

import contextlib
import os
import time
import zlib
from pathlib import Path

import jax

OURS = ("-cache", "-atime")  # how names end that JAX gives; -atime with a limit, as there once was
ZLIB = b"\x78\x9c"  # how begins what zlib writes unless told otherwise
KEPT = 0.9  # of the limit: not something every time
HALF_WRITTEN_S = 60.0  # after which nobody is still writing: a process was killed, or the disk full


class KernelFolder:
    """A folder of executable code: mode 0700, never shared with anyone untrusted."""

    def __init__(self, path: Path, most_bytes: int):
        self._path = path
        self._most_bytes = most_bytes
        self._looked_at: int | None = None
        self._whole: set[tuple[str, int]] = set()  # names, and when they were written

    def use(self) -> None:
        """Have this process keep there what it compiles; nothing, if there is room for nothing."""
        if not self._most_bytes:
            return
        self._path.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.chmod(self._path, 0o700)
        jax.config.update("jax_compilation_cache_dir", str(self._path))
        jax.config.update("jax_compilation_cache_max_size", -1)
        # small kernels compile in under the default second, and would never be stored
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)

    def trim(self) -> None:
        """Forget what nobody has used for longest, once the folder is larger than it may be.

        Used is what was read, which most file systems note once a day, or written. Files that were
        never finished go, too: JAX would not write them again, and every process would compile
        anew. Files that are not JAX's stay, and do not count.
        """
        try:
            changed = self._path.stat().st_mtime_ns
        except FileNotFoundError:  # nothing was compiled yet
            return
        if changed == self._looked_at:
            return
        files, whole, old = [], set(), time.time() - HALF_WRITTEN_S
        with os.scandir(self._path) as entries:
            for entry in entries:
                if not entry.name.endswith(OURS):
                    continue
                with contextlib.suppress(FileNotFoundError):  # another service trims, too
                    found = entry.stat()
                    name = entry.name, found.st_mtime_ns
                    if name in self._whole or is_whole(entry.path, found):
                        whole.add(name)
                    elif found.st_mtime < old:
                        os.unlink(entry.path)
                        continue
                    files.append((max(found.st_atime, found.st_mtime), found.st_size, entry.path))
        total = sum(size for _, size, _ in files)
        if total > self._most_bytes:
            for _, size, path in sorted(files):
                if total <= KEPT * self._most_bytes:
                    break
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
                total -= size
        # what is not whole is looked at again, though the folder stays as it is
        self._looked_at = changed if len(whole) == len(files) else None
        self._whole = whole


def is_whole(path: str, found: os.stat_result) -> bool:
    """Whether an entry was written to its end, which zlib can tell; looking is not using.

    From Python 3.14 on JAX writes in another format; of that only empty files are told.
    """
    content = Path(path).read_bytes()
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    if not content.startswith(ZLIB):
        return len(content) > 0
    stream = zlib.decompressobj()
    try:
        stream.decompress(content)
    except zlib.error:
        return False
    return stream.eof
