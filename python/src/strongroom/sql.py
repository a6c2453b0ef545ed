"""SQL of the caller's, and transactions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any

from strongroom import dbapi
from strongroom.base import Base
from strongroom.rows import Row, stream


class Executed(Row):
    """What a statement did.

    changes: rows that were inserted, updated or deleted
    last_row_id: the number of the row that was inserted last; 0 where none was
    """

    changes: int
    last_row_id: int


class SqlRow(tuple[Any, ...]):
    """A row of a statement: a tuple that has its columns by name, too.

    `row["Name"]`, `row.Name` and `dict(row)` work. Of columns that share a name the first is meant.
    """

    _fields: tuple[str, ...] = ()
    __slots__ = ()

    def keys(self) -> tuple[str, ...]:
        """The names of the columns."""
        return self._fields

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, str):
            return super().__getitem__(key)
        if key not in self._fields:
            raise KeyError(key)
        return super().__getitem__(self._fields.index(key))

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the statement has no column {name!r}") from None

    def __repr__(self) -> str:
        shown = (f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True))
        return f"SqlRow({', '.join(shown)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return sql_row, (self._fields, tuple(self))


@lru_cache(maxsize=256)
def sql_row_type(names: tuple[str, ...]) -> type[SqlRow]:
    """The type of rows with these columns."""
    return type("SqlRow", (SqlRow,), {"_fields": names, "__slots__": ()})


def sql_row(names: tuple[str, ...], values: tuple[Any, ...]) -> SqlRow:
    """A row of these columns."""
    return sql_row_type(names)(values)


class Sql(Base):
    """SQL, and transactions."""

    def sql(self, statement: str, parameters: Sequence[Any] = ()) -> Iterator[SqlRow]:
        """The rows of a statement that reads, as they come.

        Values for its ? go in order. Raises `SqlError` where it does not compile, `ReadOnlyError` or
        `RefusedError` where it is one that writes: that is for `execute`.
        """
        names, cursor = self._raw.query(statement, tuple(parameters))
        return stream(sql_row_type(names), cursor)

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> Executed:
        """Runs a statement that writes. It is committed when this returns, or with `transaction()`.

        Raises `ConstraintError`, `SqlError`, and `RefusedError` for what is dangerous, such as
        dropping a table of the catalog.
        """
        return Executed._make(self._raw.execute(statement, tuple(parameters)))

    def execute_many(self, statement: str, rows: Iterable[Sequence[Any]]) -> Executed:
        """Runs a statement that writes once for each row of values, all or none."""
        return Executed._make(self._raw.execute_many(statement, list(rows)))

    def execute_script(self, script: str) -> None:
        """Runs several statements that write, all or none."""
        self._raw.execute_script(script)

    def connect(self) -> dbapi.Connection:
        """A connection as Python's `sqlite3` has it, for code that wants one (PEP 249)."""
        return dbapi.Connection(self._raw)

    @contextmanager
    def transaction(self, owner: str | None = None) -> Iterator[None]:
        """All calls of this thread inside the `with` are one transaction: all or nothing.

        An exception undoes it, and goes on. One inside another is undone alone. Keep it short: it
        holds the only writer, and others' `BusyError` names its `owner`.
        """
        outermost = not self._raw.in_transaction()
        levels: list[str | None] = []
        undo = partial(self._raw.undo, levels)
        try:
            self._raw.begin(owner, levels)
            yield
            self._raw.commit(levels)
        except BaseException:
            undo()  # In one step with what comes before it: Ctrl-C may come again.
            while outermost and self._raw.in_transaction():
                self._raw.rollback()
            raise

    def in_transaction(self) -> bool:
        """Whether this thread is inside one."""
        return self._raw.in_transaction()
