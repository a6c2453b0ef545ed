"""Settings: the environment's where it has them, else the defaults.

They are read when they are used, so a program may change them at any time:

    from server import config
    config.FILE_STORAGE_DIR = "/srv/backups"
"""

from __future__ import annotations

import os


def _flag(name: str, default: bool) -> bool:
    value = os.environ.get(name, "")
    if value == "":
        return default
    if value.lower() in ("1", "true", "yes", "on"):
        return True
    if value.lower() in ("0", "false", "no", "off"):
        return False
    raise ValueError(f"{name} is {value!r} in the environment: it is true or false")


def _number(name: str, default: float) -> float:
    value = os.environ.get(name, "")
    try:
        number = float(value) if value else default
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise ValueError(f"{name} is {value!r} in the environment: it is a number above 0")
    return number


def _whole(name: str, default: int) -> int:
    number = _number(name, default)
    if number != int(number):
        raise ValueError(f"{name} is {number} in the environment: it is a whole number")
    return int(number)


DATABASE_NAME = os.environ.get("DATABASE_NAME") or "defensive.db"
"""The database's file."""
FILE_STORAGE_DIR = os.environ.get("FILE_STORAGE_DIR") or "received_files"
"""The folder of stored files. Relative to the working folder."""

CONNECTION_POOL_SIZE = _whole("CONNECTION_POOL_SIZE", 5)
"""Connections of a pool."""
CONNECTION_TIMEOUT = _number("CONNECTION_TIMEOUT", 30.0)
"""Seconds to wait for one of them."""

MIGRATION_BACKUP_ENABLED = _flag("MIGRATION_BACKUP_ENABLED", True)
"""A backup before migrations."""
MIGRATION_VALIDATION_ENABLED = _flag("MIGRATION_VALIDATION_ENABLED", True)
"""Checks before and after migrations."""
DANGEROUS_OPERATIONS_BLOCKED = _flag("DANGEROUS_OPERATIONS_BLOCKED", True)
"""No migration may drop or empty the core tables."""
