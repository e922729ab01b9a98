"""What is wrong with the settings is said before anything starts, by the name of the variable.

So is a store that cannot be opened, and an address on which nobody can listen.
"""

import errno
import logging
import os
import re
import socket
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from app.errors import in_a_line
from app.settings import Settings
from app.store.store import Store
from models.nearest import nearest

logger = logging.getLogger("fit.settings")

PREFIX = "FIT_"
NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def read_settings() -> Settings:
    """The settings, and the folders that they name; SystemExit with a line for each mistake."""
    try:
        settings = Settings()
    except ValidationError as error:
        sys.exit("\n".join(mistakes(error)))
    if wrong := [*occupied(settings)] or [*unusable(settings)] or [*closed(settings)]:
        sys.exit("\n".join(wrong))
    return settings


def mistakes(error: ValidationError) -> Iterator[str]:
    """Each in a line."""
    for one in error.errors(include_url=False, include_input=False):
        said = one["msg"].removeprefix("Value error, ")
        if one["type"] == "literal_error":
            said = f"must be {one['ctx']['expected'].replace(chr(39), '')}"
        yield f"{variable(str(one['loc'][0]))}: {re.sub('^(Input|String) should', 'must', said)}"


def variable(name: str) -> str:
    """The variable of a setting."""
    return PREFIX + name.upper()


def occupied(settings: Settings) -> Iterator[str]:
    """The address, if it cannot be listened on: another does, or it is not this machine's."""
    host, port = settings.host, settings.port
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        yield f"{variable('host')}: there is no address {host}"
        return
    errors = [error for *how, _, address in found if (error := _bound(how, address))]
    # a name may have an address of a kind that is switched off here
    certain = [error for error in errors if error.errno not in NOT_HERE]
    if certain or len(errors) == len(found):
        error = (certain or errors)[0]
        name = "host" if error.errno in NOT_HERE else "port"
        yield f"{variable(name)}: nobody can listen on {host}, port {port}: {error.strerror}"


def _bound(how: Sequence[int], address: Any) -> OSError | None:
    """What goes wrong with it, if anything, as of the server's own socket."""
    try:
        with socket.socket(*how) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if tried.family == socket.AF_INET6:
                tried.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            tried.bind(address)
    except OSError as error:
        return error
    return None


def unusable(settings: Settings) -> Iterator[str]:
    """Folders in which nothing can be written; they are made if need be."""
    kernels = "data_dir" if settings.kernel_cache_dir is None else "kernel_cache_dir"
    folders = [("data_dir", settings.data_dir, False)]
    if settings.kernel_cache_bytes:
        # workers, whose own it must be, would die one after the other without it
        folders.append((kernels, settings.kernels_dir, True))
    for name, folder, own in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if own:
                folder.chmod(0o700)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            yield f"{variable(name)}: nothing can be written in {folder}: {error.strerror}"
            return


def closed(settings: Settings) -> Iterator[str]:
    """The store, if it cannot be opened: a database that is away, a file that is none."""
    name = "data_dir" if settings.database_url is None else "database_url"
    try:
        Store(settings.store_url).close()
    except (SQLAlchemyError, OSError) as error:
        yield f"{variable(name)}: the store cannot be opened: {in_a_line(error)}"


def warn_of_misspelt(names: Iterable[str] = tuple(os.environ)) -> None:
    """A line in the log for each variable that looks like a setting and is none."""
    known = [variable(name) for name in Settings.model_fields]
    for name in names:
        if name.startswith(PREFIX) and name not in known:
            near = nearest(name.removeprefix(PREFIX), [*map(str.upper, Settings.model_fields)])
            did_you_mean = f', did you mean "{PREFIX}{near}"?' if near else ""
            logger.warning(f"{name} is no setting{did_you_mean}")
