"""Whether a server may write where it is going to."""

from __future__ import annotations

import os


def problem(database: str, storage: str) -> str | None:
    """What stands in the way, in words; None: nothing."""
    database, storage = os.path.abspath(database), os.path.abspath(storage)
    return _database(database) or _storage(storage)


def _database(path: str) -> str | None:
    folder = os.path.dirname(path)
    if os.path.isdir(path):
        return f"The database {path!r} is a folder"
    if not os.path.isdir(folder):
        return f"There is no folder {folder!r} for the database"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"The database's folder {folder!r} cannot be written"
    if os.path.exists(path) and not os.access(path, os.R_OK | os.W_OK):
        return f"The database {path!r} cannot be read and written"
    return None


def _storage(folder: str) -> str | None:
    if os.path.isdir(folder):
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            return f"The storage folder {folder!r} cannot be read and written"
        return None
    if os.path.lexists(folder):
        return f"The storage folder {folder!r} is no folder"
    above = os.path.dirname(folder)
    while not os.path.lexists(above):
        above = os.path.dirname(above)
    if not os.path.isdir(above) or not os.access(above, os.W_OK | os.X_OK):
        return f"The storage folder {folder!r} cannot be made in {above!r}"
    return None
