"""Cursors of `strongroom.dbapi`: they run statements and hold rows."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from strongroom import _strongroom, errors, pragmas, sessions, statements
from strongroom.sqlite_errors import translated

if TYPE_CHECKING:
    from strongroom.connections import Connection

Parameters = Sequence[Any] | Mapping[str, Any]
RowFactory = Callable[[Any, tuple[Any, ...]], Any]
"""Makes a row from its cursor and a tuple; `sqlite3.Row` is one."""

_FIRST = 100
"""Rows that a SELECT reads at once: a result of fewer holds no reader."""
_CHUNK = 1000
"""Rows read or written at a time after that."""


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
        self._read: list[tuple[Any, ...]] = []
        """Rows that are in memory; `_rows` goes over them."""
        self._rows = iter(self._read)
        self._stream: _strongroom.Cursor | None = None
        self._failure: errors.Error | None = None  # What reading on has ended with.
        self._reading = threading.Lock()
        self._closed = False

    # ---- Running

    def execute(self, sql: str, parameters: Parameters = (), /) -> Cursor:
        """Runs one statement, with values for its ?, :name, @name or $name."""
        self._restart()
        self._run(sql, parameters, self.connection.isolation_level is not None)
        return self

    def executemany(self, sql: str, rows: Iterable[Parameters], /) -> Cursor:
        """Runs a statement that writes once for each of the rows, which are taken as they come.

        Where it begins a transaction, it writes all of them or none. Inside one, those before the
        first that fails stay written, as in `sqlite3`.
        """
        self._restart()
        connection = self.connection
        statement = statements.describe(connection._raw, sql, connection._reader())
        if statement.kind != statements.WRITES:
            raise sqlite3.ProgrammingError("executemany() can only execute DML statements.")
        given = iter(rows)
        session = connection._session
        begun = not session.open
        total = 0
        try:
            if begun:
                session.begin()
            while chunk := list(islice(given, _CHUNK)):
                session.check_writable()  # The rows' own code may have done anything.
                changes, row_id = self._many(sql, statement, chunk)
                total += changes
                if statement.inserts and row_id:
                    connection._last_row_id = row_id
            if begun and connection.isolation_level is None:
                session.commit()
        except BaseException:
            if begun:
                session.undo()
            raise
        self.rowcount = total
        connection._last_changes = total
        connection.total_changes += total
        return self

    def executescript(self, script: str, /) -> Cursor:
        """Commits, and then runs several statements. Their rows are dropped."""
        self._restart()
        if not isinstance(script, str):
            raise TypeError(f"a script is a str, not {type(script).__name__}")
        connection = self.connection
        connection.commit()
        parts = list(statements.split(script))
        if any(statements.controls(part) for part in parts):
            for part in parts:
                self._run(part, (), implicit=False)
        else:
            try:
                connection._session.begin()
                for part in parts:
                    self._run(part, (), implicit=False)
                connection._session.commit()
            except BaseException:
                connection._session.undo()
                raise
        self._forget_rows()
        return self

    def _run(self, sql: str, parameters: Parameters, implicit: bool) -> None:
        connection = self.connection
        statement = statements.describe(connection._raw, sql, connection._reader())
        values = statement.bind(parameters)
        kind = statement.kind
        if kind == statements.READS:
            self._select(sql, values, statement)
        elif kind == statements.WRITES:
            self._write(sql, values, statement, implicit)
        elif kind == statements.DEFINES:
            self._define(sql, values)
        elif kind == statements.PRAGMA:
            self._pragma(sql, values, statement)
        elif kind != statements.NONE:
            connection._control(statement)

    def _select(self, sql: str, values: Sequence[Any], statement: statements.Statement) -> None:
        connection = self.connection
        raw = connection._raw
        if statement.subject is not None and (answer := pragmas.fixed(statement.subject)):
            self._answer(*answer)
            return
        other = connection._is_beside()
        if statement.counters and (other or not raw.in_transaction()):
            self._answer(*connection._counter(statement))
            return
        lease = connection._reader()
        try:
            if other and lease is None:
                lease = raw.lease(connection._session.owner)
            names, rows, stream = raw.select(sql, values, 0 if other else _FIRST, lease)
        except errors.Error as error:
            raise translated(error) from error
        except (TypeError, ValueError) as error:
            raise sqlite3.ProgrammingError(str(error)) from error
        self._describe(names)
        self._hold(rows)
        if stream is not None:
            self._stream = stream
            connection._streams.add(self)
            if lease is None:
                sessions.add_stream(raw, self)

    def _write(
        self, sql: str, values: Sequence[Any], statement: statements.Statement, implicit: bool
    ) -> None:
        connection = self.connection
        session = connection._session
        begun = implicit and not session.open
        try:
            if begun:
                session.begin()
            else:
                session.check_writable()
            if statement.returns:
                changes, row_id = self._raw_execute_fetch(sql, values)
            else:
                changes, row_id = self._raw_execute(sql, values)
        except BaseException:
            if begun:
                session.undo()
            raise
        self.rowcount = changes
        connection._last_changes = changes
        connection.total_changes += changes
        if statement.inserts and row_id:
            self.lastrowid = row_id
            connection._last_row_id = row_id

    def _define(self, sql: str, values: Sequence[Any]) -> None:
        connection = self.connection
        connection._session.check_writable()
        if statements.vacuums(sql) and not connection._raw.in_transaction():
            try:
                connection._raw.optimize()
            except errors.Error as error:
                raise translated(error) from error
            return
        self._raw_execute(sql, values)
        connection._session.has_defined()

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

    def _many(
        self, sql: str, statement: statements.Statement, chunk: list[Parameters]
    ) -> tuple[int, int]:
        bound = [statement.bind(row) for row in chunk]
        try:
            return self.connection._raw.execute_more(sql, bound)
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
        self._hold(rows)

    def _hold(self, rows: list[tuple[Any, ...]]) -> None:
        self._read = rows
        self._rows = iter(rows)

    def _describe(self, names: tuple[str, ...]) -> None:
        self.description = tuple((name, None, None, None, None, None, None) for name in names)

    def _fill(self, most: int, seen: Iterator[tuple[Any, ...]]) -> bool:
        """Reads on (0: to the end), after the rows `seen` were given out. False: there are no more.

        Where another thread has read on meanwhile it does nothing. Where one is reading it raises
        `sqlite3.ProgrammingError`, and that one goes on.
        """
        if self._stream is None and self._failure is None:
            return self._rows is not seen
        self._check_alone()
        with self._reading:
            return self._read_on(most, seen)

    def _check_alone(self) -> None:
        # Waiting would be for ever in a signal's handler, or in a child of the reader's process.
        if self._reading.locked():
            raise sqlite3.ProgrammingError("another thread is reading from this cursor")

    def _read_on(self, most: int, seen: Iterator[tuple[Any, ...]]) -> bool:
        """What `_fill` does, alone."""
        if self._rows is not seen:
            return True
        if self._failure is not None:
            raise translated(self._failure) from self._failure
        stream = self._stream
        if stream is None:
            return False
        try:
            rows = self.connection._raw.more(stream, most)
        except errors.Error as error:
            if self._stream is stream:
                self._failure = error  # What follows is no end.
                self._stream = None
            raise translated(error) from error
        if self._stream is not stream:
            stream.close()
            raise sqlite3.ProgrammingError("another thread has closed this cursor or its rows")
        self._hold(rows)
        if most == 0 or len(rows) < most:
            self._stream = None
        return bool(rows)

    @property
    def streaming(self) -> bool:
        return self._stream is not None

    def drain(self) -> None:
        """Reads all rows that are left into memory, and gives the reader back."""
        if self._stream is None:
            return
        self._check_alone()
        with self._reading:
            rows = list(self._rows)
            try:
                if self._read_on(0, self._rows):
                    rows.extend(self._rows)
            finally:
                self._hold(rows)

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
        rows = self._rows
        row = next(rows, None)
        while row is None:
            if not self._fill(_CHUNK, rows):
                return None
            rows = self._rows
            row = next(rows, None)
        make = self._maker()
        return row if make is None else make(row)

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """The next rows, at most `size` or `arraysize` of them."""
        self._check()
        wanted = self.arraysize if size is None else size
        self._check_alone()
        with self._reading:
            rows = list(islice(self._rows, wanted))
            while len(rows) < wanted and self._read_on(
                max(wanted - len(rows), _CHUNK), self._rows
            ):
                rows.extend(islice(self._rows, wanted - len(rows)))
        make = self._maker()
        return rows if make is None else list(map(make, rows))

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        self._check()
        self._check_alone()
        with self._reading:
            rows = list(self._rows)
            if self._read_on(0, self._rows):
                rows.extend(self._rows)
        make = self._maker()
        return rows if make is None else list(map(make, rows))

    def __iter__(self) -> Iterator[Any]:
        """Goes over the rows that are left."""
        self._check()
        make = self._maker()
        while True:
            rows = self._rows
            for row in rows:
                yield row if make is None else make(row)
            self._check()
            # Whoever has changed the rows meanwhile, those that are there now go on.
            if not self._fill(_CHUNK, rows):
                return

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
        self._failure = None
        self._read.clear()  # Also for who is going over them.
        self.description = None
        if stream is not None:
            # A thread that is reading from it closes it afterwards.
            with suppress(errors.InvalidError):
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
    with _template_lock:
        return _template_connection().execute(f"SELECT {columns or 'NULL'}")


_template_lock = threading.Lock()


@lru_cache(maxsize=1)
def _template_connection() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", check_same_thread=False)
