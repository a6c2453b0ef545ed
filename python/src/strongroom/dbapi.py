"""A catalog as a database of PEP 249, as near to Python's `sqlite3` as old code needs.

    connection = dbapi.Connection(catalog)
    with connection:
        connection.execute("UPDATE files SET Verified = 1 WHERE FileName = ?", ("a.txt",))
    for (name,) in connection.execute("SELECT Name FROM clients"):
        ...

Statements that write begin a transaction, which `commit` and `rollback` end, as in `sqlite3` with
its default `isolation_level`; with None each statement is committed by itself. Errors are the
classes of `sqlite3`, with the library's error as their cause. What differs from `sqlite3`:

 - A transaction takes the catalog's only writer from its first statement on, and belongs to the
   thread that began it; other threads wait. Calls of the library in that thread are part of it.
 - A statement that fails changes nothing, `executemany` and `executescript` included (a script
   without BEGIN or COMMIT of its own is all or nothing). The first one of a transaction leaves
   none open.
 - A name that is not UTF-8 is a str with surrogates (`os.fsdecode`), and bytes in the database.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from types import TracebackType
from typing import Any, Literal

from strongroom import _strongroom, errors, pragmas, sessions, statements
from strongroom.sqlite_errors import translated

apilevel = "2.0"
threadsafety = 1
paramstyle = "qmark"

Parameters = Sequence[Any] | Mapping[str, Any]
RowFactory = Callable[["Cursor", tuple[Any, ...]], Any]

_FIRST = 100
"""Rows that a SELECT reads at once: a result of fewer holds no reader."""
_CHUNK = 1000
"""Rows read or written at a time after that."""


def caller() -> str:
    """Where the program has called this package, for messages: "app.py:12"."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        name = frame.f_globals.get("__name__", "")
        if name.split(".")[0] not in ("strongroom", "contextlib") and not name.endswith("database"):
            break
        frame = frame.f_back
    return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"


class Cursor:
    """Runs statements of its connection, and holds the rows of the last one."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.arraysize = 1
        """Rows that `fetchmany` gives by default."""
        self.row_factory: RowFactory | None = connection.row_factory
        self.description: tuple[tuple[str, None, None, None, None, None, None], ...] | None = None
        """A tuple of 7 for each column of the rows, the first its name; None without rows."""
        self.rowcount = -1
        """Rows that the last statement has written; -1 where it was of another kind."""
        self.lastrowid: int | None = None
        """The number of the row that was inserted last."""
        self._rows: Iterator[tuple[Any, ...]] = iter(())
        self._stream: _strongroom.Cursor | None = None
        self._closed = False

    # ---- Running

    def execute(self, sql: str, parameters: Parameters = (), /) -> Cursor:
        """Runs one statement, with values for its ?, :name, @name or $name."""
        self._restart()
        self._run(sql, parameters, self.connection.isolation_level is not None)
        return self

    def executemany(self, sql: str, rows: Iterable[Parameters], /) -> Cursor:
        """Runs a statement that writes once for each of the rows, all or none of them.

        The rows are taken as they come, a thousand at a time.
        """
        self._restart()
        connection = self.connection
        statement = statements.describe(connection._raw, sql)
        if statement.kind != statements.WRITES:
            raise sqlite3.ProgrammingError("executemany() can only execute DML statements.")
        given = iter(rows)
        session = connection._session
        begun = not session.open
        session.begin()
        total = 0
        try:
            while chunk := list(islice(given, _CHUNK)):
                total += self._many(sql, statement, chunk)
        except BaseException:
            session.end_level(commit=False)
            raise
        if not begun or connection.isolation_level is None:
            session.end_level(commit=True)
        self.rowcount = total
        connection.total_changes += total
        return self

    def executescript(self, script: str, /) -> Cursor:
        """Commits, and then runs several statements. Their rows are dropped."""
        self._restart()
        connection = self.connection
        connection.commit()
        parts = list(statements.split(script))
        if any(statements.controls(part) for part in parts):
            for part in parts:
                self._run(part, (), implicit=False)
        else:
            connection._session.begin()
            try:
                for part in parts:
                    self._run(part, (), implicit=False)
            except BaseException:
                connection._session.end_level(commit=False)
                raise
            connection._session.end_level(commit=True)
        self._forget_rows()
        return self

    def _run(self, sql: str, parameters: Parameters, implicit: bool) -> None:
        connection = self.connection
        statement = statements.describe(connection._raw, sql)
        values = statement.bind(parameters)
        kind = statement.kind
        if kind == statements.READS:
            self._select(sql, values, statement)
        elif kind == statements.WRITES:
            self._write(sql, values, statement, implicit)
        elif kind == statements.DEFINES:
            connection._session.check_writable()
            self._raw_execute(sql, values)
        elif kind == statements.PRAGMA:
            self._pragma(sql, values, statement)
        elif kind != statements.NONE:
            connection._control(statement)

    def _select(self, sql: str, values: Sequence[Any], statement: statements.Statement) -> None:
        raw = self.connection._raw
        if statement.subject is not None and (answer := pragmas.fixed(statement.subject)):
            self._answer(*answer)
            return
        try:
            names, stream = raw.query(sql, values)
            rows = list(islice(stream, _FIRST))
        except errors.Error as error:
            raise translated(error) from error
        except (TypeError, ValueError) as error:
            raise sqlite3.ProgrammingError(str(error)) from error
        self._describe(names)
        self._rows = iter(rows)
        if len(rows) == _FIRST:
            self._stream = stream
            sessions.add_stream(raw, self)

    def _write(
        self, sql: str, values: Sequence[Any], statement: statements.Statement, implicit: bool
    ) -> None:
        connection = self.connection
        session = connection._session
        begun = implicit and not session.open
        if begun:
            session.begin()
        else:
            session.check_writable()
        try:
            if statement.returns:
                changes, row_id = self._raw_execute_fetch(sql, values)
            else:
                changes, row_id = self._raw_execute(sql, values)
        except BaseException:
            if begun:
                session.rollback()
            raise
        self.rowcount = changes
        connection.total_changes += changes
        if statement.inserts and row_id:
            self.lastrowid = row_id

    def _raw_execute(self, sql: str, values: Sequence[Any]) -> tuple[int, int]:
        try:
            return self.connection._raw.execute(sql, values)
        except errors.Error as error:
            raise translated(error) from error
        except (TypeError, ValueError) as error:
            raise sqlite3.ProgrammingError(str(error)) from error

    def _raw_execute_fetch(self, sql: str, values: Sequence[Any]) -> tuple[int, int]:
        try:
            changes, row_id, names, rows = self.connection._raw.execute_fetch(sql, values)
        except errors.Error as error:
            raise translated(error) from error
        except (TypeError, ValueError) as error:
            raise sqlite3.ProgrammingError(str(error)) from error
        self._answer(names, rows)
        return changes, row_id

    def _many(self, sql: str, statement: statements.Statement, chunk: list[Parameters]) -> int:
        bound = [statement.bind(row) for row in chunk]
        try:
            return self.connection._raw.execute_many(sql, bound)[0]
        except errors.Error as error:
            raise translated(error) from error
        except (TypeError, ValueError) as error:
            raise sqlite3.ProgrammingError(str(error)) from error

    def _pragma(self, sql: str, values: Sequence[Any], statement: statements.Statement) -> None:
        connection = self.connection
        answer = pragmas.setting(connection._raw, statement.subject or "", sql)
        if answer is not None:
            self._answer(*answer)
            return
        connection._session.check_writable()
        self._raw_execute(sql, values)

    # ---- Rows

    def _answer(self, names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
        if names:
            self._describe(names)
        self._rows = iter(rows)

    def _describe(self, names: tuple[str, ...]) -> None:
        self.description = tuple((name, None, None, None, None, None, None) for name in names)

    def _fill(self, most: int) -> bool:
        """Reads on, after the rows that are there were given out. False: there are no more."""
        stream = self._stream
        if stream is None:
            return False
        try:
            rows = list(islice(stream, most))
        except errors.Error as error:
            self._stream = None
            raise translated(error) from error
        if len(rows) < most:
            self._stream = None
        self._rows = iter(rows)
        return bool(rows)

    def drain(self) -> None:
        """Reads all rows that are left into memory, and gives the reader back."""
        if self._stream is not None:
            rows = list(self._rows)
            if self._fill(sys.maxsize):
                rows.extend(self._rows)
            self._rows = iter(rows)

    def _maker(self) -> Callable[[tuple[Any, ...]], Any] | None:
        """What makes of a tuple the row that the caller wants."""
        convert = self.connection._text_converter()
        factory = self.row_factory
        if factory is None:
            return convert
        make: Callable[[tuple[Any, ...]], Any]
        if isinstance(factory, type) and issubclass(factory, sqlite3.Row):
            kind = factory
            template = _template(tuple(column[0] for column in self.description or ()))
            make = lambda row: kind(template, row)  # noqa: E731
        else:
            given = factory
            make = lambda row: given(self, row)  # noqa: E731
        if convert is None:
            return make
        first = convert
        return lambda row: make(first(row))

    def fetchone(self) -> Any:
        """The next row, or None after the last one."""
        self._check()
        row = next(self._rows, None)
        if row is None and self._fill(_CHUNK):
            row = next(self._rows, None)
        if row is None:
            return None
        make = self._maker()
        return row if make is None else make(row)

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """The next rows, at most `size` or `arraysize` of them."""
        self._check()
        wanted = self.arraysize if size is None else size
        rows = list(islice(self._rows, wanted))
        while len(rows) < wanted and self._fill(max(wanted - len(rows), _CHUNK)):
            rows.extend(islice(self._rows, wanted - len(rows)))
        make = self._maker()
        return rows if make is None else list(map(make, rows))

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        self._check()
        rows = list(self._rows)
        if self._fill(sys.maxsize):
            rows.extend(self._rows)
            self._rows = iter(())
        make = self._maker()
        return rows if make is None else list(map(make, rows))

    def __iter__(self) -> Cursor:
        return self

    def __next__(self) -> Any:
        row = self.fetchone()
        if row is None:
            raise StopIteration
        return row

    # ---- Ending

    def close(self) -> None:
        """Gives back what it holds. It is of no use any more then."""
        self._forget_rows()
        self._closed = True

    def setinputsizes(self, sizes: object, /) -> None:
        """Does nothing, as PEP 249 allows."""

    def setoutputsize(self, size: object, column: object = None, /) -> None:
        """Does nothing, as PEP 249 allows."""

    def _forget_rows(self) -> None:
        stream = self._stream
        self._stream = None
        self._rows = iter(())
        self.description = None
        if stream is not None:
            stream.close()

    def _check(self) -> None:
        if self._closed:
            raise sqlite3.ProgrammingError("Cannot operate on a closed cursor.")
        self.connection._check()

    def _restart(self) -> None:
        self._check()
        self._forget_rows()
        self.rowcount = -1


@lru_cache(maxsize=256)
def _template(names: tuple[str, ...]) -> sqlite3.Cursor:
    """A cursor of `sqlite3` with these columns: what its Row takes their names from."""
    columns = ", ".join(
        'NULL AS "' + name.encode("utf-8", "replace").decode().replace('"', '""') + '"'
        for name in names
    )
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    return connection.execute(f"SELECT {columns or 'NULL'}")


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
    ) -> None:
        """`owner` is named in the errors of those who wait for its transaction; else it is the
        place where this was called. In a `shared` one's transaction others of its thread nest.
        """
        self._raw = catalog
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

    # ---- Statements

    def cursor(self, factory: Callable[[Connection], Cursor] = Cursor) -> Cursor:
        self._check()
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
        self._check()
        self._session.commit()

    def rollback(self) -> None:
        """Undoes the transaction; without one it does nothing."""
        self._check()
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
        """Rolls back what is open. Closing it twice is fine."""
        if not self._closed:
            self._session.rollback()
            self._closed = True

    def _check(self) -> None:
        if self._closed:
            raise sqlite3.ProgrammingError("Cannot operate on a closed database.")
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
    connection.begin()
    try:
        yield connection
    except BaseException:
        connection._session.rollback()
        raise
    else:
        connection._session.commit()
    finally:
        connection.close()
