"""A backup under a name that may be taken."""

from __future__ import annotations

import os
import secrets

from strongroom import _strongroom, errors


def write(catalog: _strongroom.Catalog, path: str | None) -> str:
    """Backs the catalog up to the path, in the folder, or beside the database, and says where.

    A file that is there is replaced, when the new one is whole.
    """
    if path is None or os.path.isdir(path):
        return str(catalog.backup(path)[0])
    if not os.path.lexists(path):
        catalog.backup(path)
        return path
    if os.path.exists(path) and os.path.samefile(path, catalog.path):
        raise errors.InvalidError(f"{path} is the database itself")
    written = str(catalog.backup(f"{os.path.abspath(path)}.{secrets.token_hex(8)}")[0])
    try:
        os.replace(written, path)
    except OSError:
        os.unlink(written)
        raise
    return path
