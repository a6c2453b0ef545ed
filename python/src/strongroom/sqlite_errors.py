"""The library's errors as those of Python's `sqlite3`.

Code that was written for `sqlite3` catches its classes. The words are SQLite's own where there are
some, and the library's error is the `__cause__`.
"""

from __future__ import annotations

import re
import sqlite3

from strongroom import errors

_KINDS: dict[type[errors.Error], tuple[type[sqlite3.Error], str]] = {
    errors.NotFoundError: (sqlite3.OperationalError, "SQLITE_CANTOPEN"),
    errors.ExistsError: (sqlite3.IntegrityError, "SQLITE_CONSTRAINT"),
    errors.InvalidError: (sqlite3.ProgrammingError, "SQLITE_MISUSE"),
    errors.QuotaError: (sqlite3.IntegrityError, "SQLITE_CONSTRAINT"),
    errors.BusyError: (sqlite3.OperationalError, "SQLITE_BUSY"),
    errors.TooNewError: (sqlite3.OperationalError, "SQLITE_SCHEMA"),
    errors.TooOldError: (sqlite3.OperationalError, "SQLITE_SCHEMA"),
    errors.CorruptError: (sqlite3.DatabaseError, "SQLITE_CORRUPT"),
    errors.InputOutputError: (sqlite3.OperationalError, "SQLITE_IOERR"),
    errors.NoSpaceError: (sqlite3.OperationalError, "SQLITE_FULL"),
    errors.PermissionDeniedError: (sqlite3.OperationalError, "SQLITE_PERM"),
    errors.ReadOnlyError: (sqlite3.OperationalError, "SQLITE_READONLY"),
    errors.RefusedError: (sqlite3.OperationalError, "SQLITE_AUTH"),
    errors.WrongKeyError: (sqlite3.DatabaseError, "SQLITE_NOTADB"),
    errors.InterruptedByCallerError: (sqlite3.OperationalError, "SQLITE_INTERRUPT"),
    errors.ClosedError: (sqlite3.ProgrammingError, "SQLITE_MISUSE"),
    errors.ForkedError: (sqlite3.ProgrammingError, "SQLITE_MISUSE"),
    errors.ConstraintError: (sqlite3.IntegrityError, "SQLITE_CONSTRAINT"),
    errors.SqlError: (sqlite3.OperationalError, "SQLITE_ERROR"),
    errors.OutcomeUnknownError: (sqlite3.OperationalError, "SQLITE_IOERR"),
}

_CONSTRAINT = re.compile(r"\b(UNIQUE|FOREIGN KEY|NOT NULL|CHECK) constraint failed")
"""SQLite's words. Of a primary key they are those of UNIQUE."""


def named(error: sqlite3.Error, name: str) -> sqlite3.Error:
    """The error with what `sqlite3` tells of it since Python 3.11: a name and its number."""
    error.sqlite_errorname = name
    error.sqlite_errorcode = getattr(sqlite3, name)
    return error


def translated(error: errors.Error) -> Exception:
    """The error of `sqlite3` for one of the library. Out of memory stays what it is, as there.

    raise translated(error) from error
    """
    if isinstance(error, errors.NoMemoryError):
        return error
    words = str(error)
    if isinstance(error, errors.SqlError) and words.startswith("only one statement is expected"):
        return sqlite3.ProgrammingError("You can only execute one statement at a time.")
    kind, name = _KINDS.get(type(error), (sqlite3.DatabaseError, "SQLITE_ERROR"))
    failed = _CONSTRAINT.search(words) if name == "SQLITE_CONSTRAINT" else None
    if failed is not None:
        name += "_" + failed[1].replace(" ", "")
    return named(kind(words), name)


def busy(words: str) -> sqlite3.Error:
    """What `sqlite3` raises where another connection is writing."""
    return named(sqlite3.OperationalError(words), "SQLITE_BUSY")
