"""The code itself: what was computed by another version of it is computed again."""

import hashlib
from importlib.metadata import version
from pathlib import Path
from types import ModuleType


def digest(*packages: ModuleType) -> str:
    """Of JAX's version and all modules of these packages."""
    found = hashlib.sha256(version("jax").encode())
    for package in packages:
        for path in sorted(Path(package.__path__[0]).rglob("*.py")):
            found.update(path.read_bytes())
    return found.hexdigest()
