"""The name by which a server claims chunks.

It stays the same as long as the data directory does, so that a server that was killed and comes
back knows what it had, and need not wait until its own leases end. A second server in the same
directory gets a name for the time being.
"""

import secrets
from pathlib import Path

from filelock import FileLock, Timeout


class Owner:
    """`name`; `lasting` if it is that of the directory, which no other server can have now."""

    def __init__(self, folder: Path):
        self.name, self.lasting = secrets.token_hex(8), False
        self._lock = FileLock(folder / "owner.lock")
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return
        kept, whole = folder / "owner", folder / "owner.new"
        name = kept.read_text() if kept.exists() else ""
        if not name:  # or its disk was full when it was written
            whole.write_text(self.name)
            whole.replace(kept)
        self.name, self.lasting = name or self.name, True

    def close(self) -> None:
        """Let another server have the name."""
        self._lock.release()
