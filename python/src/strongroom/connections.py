"""Connections of `strongroom.dbapi`, and transactions as blocks."""

from __future__ import annotations

import logging
import os
import sqlite3
import sys
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Literal

from strongroom import _strongroom, sessions, statements
from strongroom.cursors import Cursor, Parameters, RowFactory

_logger = logging.getLogger(__name__)


def caller() -> str:
    """Where the program has called this package, for messages: "app.py:12"."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        name = frame.f_globals.get("__name__", "")
        if name.split(".")[0] not in ("strongroom", "contextlib") and not name.endswith("database"):
            break
        frame = frame.f_back
    return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"


class Connection:
    """A connection to a catalog, which many may have. It takes part in the catalog's pool.

    Each thread may use it as long as it is in no transaction.
    """

    Warning = sqlite3.Warning
    Error = sqlite3.Error
    InterfaceError = sqlite3.InterfaceError
    DatabaseError = sqlite3.DatabaseError
    DataError = sqlite3.DataError
    OperationalError = sqlite3.OperationalError
    IntegrityError = sqlite3.IntegrityError
    InternalError = sqlite3.InternalError
    ProgrammingError = sqlite3.ProgrammingError
    NotSupportedError = sqlite3.NotSupportedError

    def __init__(
        self,
        catalog: _strongroom.Catalog,
        *,
        isolation_level: str | None = "",
        owner: str | None = None,
        shared: bool = False,
        lease: _strongroom.Cursor | None = None,
    ) -> None:
        """`owner` is named in the errors of those who wait for its transaction; else it is the
        place where this was called. In a `shared` one's transaction others of its thread nest.
        With a `lease` it reads by that reader and needs no other.
        """
        self._raw = catalog
        self._lease = lease
        self._streams: weakref.WeakSet[Cursor] = weakref.WeakSet()
        self.made = time.monotonic()
        """When, and when it was used last."""
        self.used = self.made
        self._session = sessions.Session(catalog, owner or caller(), shared)
        self._closed = False
        self._isolation_level: str | None = None
        self.isolation_level = isolation_level
        self.row_factory: RowFactory | None = None
        """Makes each row, from its cursor and a tuple: `sqlite3.Row` for instance."""
        self.text_factory: Callable[[bytes], Any] = str
        """Makes each text, from its bytes; str by default."""
        self.total_changes: int = 0
        """Rows written by it."""
        self._last_changes: int = 0  # Rows of its last statement that wrote.
        self._last_row_id: int = 0

    # ---- Statements

    def cursor(self, factory: Callable[[Connection], Cursor] = Cursor) -> Cursor:
        self._check()
        self.used = time.monotonic()
        return factory(self)

    def execute(self, sql: str, parameters: Parameters = (), /) -> Cursor:
        """A new cursor that has run the statement."""
        return self.cursor().execute(sql, parameters)

    def executemany(self, sql: str, rows: Iterable[Parameters], /) -> Cursor:
        return self.cursor().executemany(sql, rows)

    def executescript(self, script: str, /) -> Cursor:
        return self.cursor().executescript(script)

    # ---- Transactions

    @property
    def isolation_level(self) -> str | None:
        """None: each statement is committed by itself. "", "DEFERRED", "IMMEDIATE" and
        "EXCLUSIVE" are all the same here. Setting None commits.
        """
        return self._isolation_level

    @isolation_level.setter
    def isolation_level(self, level: str | None) -> None:
        if level is None:
            self._session.commit()
        elif not isinstance(level, str):
            raise TypeError("isolation_level must be str or None")
        elif level.upper() not in ("", "DEFERRED", "IMMEDIATE", "EXCLUSIVE"):
            raise ValueError(
                "isolation_level string must be '', 'DEFERRED', 'IMMEDIATE', or 'EXCLUSIVE'"
            )
        self._isolation_level = level

    @property
    def in_transaction(self) -> bool:
        return self._session.open

    def begin(self) -> None:
        """BEGIN. Raises `sqlite3.OperationalError` inside a transaction of its own."""
        self._check()
        if self._session.open:
            raise sqlite3.OperationalError("cannot start a transaction within a transaction")
        self._session.begin()

    def commit(self) -> None:
        """Makes the transaction durable; without one it does nothing."""
        self._check_open()
        self._session.commit()

    def rollback(self) -> None:
        """Undoes the transaction; without one it does nothing."""
        self._check_open()
        self._session.rollback()

    def _control(self, statement: statements.Statement) -> None:
        """BEGIN, COMMIT and the like, given as SQL."""
        session = self._session
        kind = statement.kind
        name = statement.subject or ""
        if kind == statements.BEGINS:
            self.begin()
        elif kind == statements.SAVEPOINT:
            session.savepoint(name)
        elif kind == statements.RELEASES:
            session.release(name)
        elif kind == statements.ROLLS_BACK_TO:
            session.rollback_to(name)
        else:
            verb = "commit" if kind == statements.COMMITS else "rollback"
            if not session.open:
                raise sqlite3.OperationalError(f"cannot {verb} - no transaction is active")
            if kind == statements.COMMITS:
                session.commit()
            else:
                session.rollback()

    def __enter__(self) -> Connection:
        self._check()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> Literal[False]:
        """Commits, or rolls back after an exception. It stays open."""
        if kind is None:
            self.commit()
        else:
            self.rollback()
        return False

    # ---- Ending

    def close(self) -> None:
        """Rolls back what is open, in any thread. Closing it twice is fine."""
        if self._closed:
            return
        if self._session.open:
            self._session.discard()
        self._closed = True
        for cursor in list(self._streams):
            cursor._forget_rows()
        if self._lease is not None:
            self._lease.close()

    def __del__(self) -> None:
        session: sessions.Session | None = getattr(self, "_session", None)
        if session is not None and session.open:
            try:
                session.abandon()
            except sqlite3.Error as error:
                _logger.error("a transaction cannot be rolled back: %s", error)

    def _counter(self, statement: statements.Statement) -> tuple[tuple[str, ...], list[Any]]:
        """The answer to a SELECT of `last_insert_rowid()` and the like outside a transaction: its
        reader has written nothing, and another's number would be wrong.
        """
        function, name = statement.counters or ("", "")
        if function == "":
            raise sqlite3.OperationalError(
                "last_insert_rowid(), changes() and total_changes() inside a larger statement "
                "outside a transaction know nothing of what was written: use cursor.lastrowid, "
                "cursor.rowcount or connection.total_changes"
            )
        values = {
            "last_insert_rowid": self._last_row_id,
            "changes": self._last_changes,
            "total_changes": self.total_changes,
        }
        return (name,), [(values[function],)]

    def _is_beside(self) -> bool:
        """Whether this thread is in a transaction that this connection has no part in."""
        return not self._session.open and sessions.shares(self._raw) is False

    def _reader(self) -> _strongroom.Cursor | None:
        """The lease to read by; None inside a transaction, which sees what it has written."""
        if self._lease is None or self._session.open:
            return None
        if self._raw.in_transaction() and not self._is_beside():
            return None
        return self._lease

    def _check_open(self) -> None:
        if self._closed:
            raise sqlite3.ProgrammingError("Cannot operate on a closed database.")

    def _check(self) -> None:
        self._check_open()
        self._session.check_thread()

    def _text_converter(self) -> Callable[[tuple[Any, ...]], tuple[Any, ...]] | None:
        factory = self.text_factory
        if factory is str:
            return None
        return lambda row: tuple(
            factory(value.encode("utf-8", "surrogateescape")) if isinstance(value, str) else value
            for value in row
        )


@contextmanager
def transaction(catalog: _strongroom.Catalog, owner: str | None = None) -> Iterator[Connection]:
    """A transaction of this thread, from now to the end of the block, where it is committed, or
    rolled back after an exception. Inside another such block it is a part of that.

    Calls of the library in this thread are part of it, and so are other connections' statements.
    """
    connection = Connection(catalog, owner=owner, shared=True)
    try:
        connection.begin()
        yield connection
        connection._session.commit()
    except BaseException:
        connection._session.undo()
        raise
    finally:
        connection.close()
