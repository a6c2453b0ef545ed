"""Connections and cursors that are as near to sqlite3's as old code needs."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from strongroom import _strongroom, dbapi, errors

ADD = "INSERT INTO notes (word, number) VALUES (?, ?)"


@pytest.fixture
def connection(raw: _strongroom.Catalog) -> Iterator[dbapi.Connection]:
    connection = dbapi.Connection(raw)
    connection.execute("CREATE TABLE notes (word TEXT UNIQUE, number INTEGER)")
    yield connection
    connection.close()


def count(raw: _strongroom.Catalog) -> int:
    number: int = raw.fetch("SELECT count(*) FROM notes")[1][0][0]
    return number


# ---- Statements


def test_a_statement_that_writes_begins_a_transaction(
    raw: _strongroom.Catalog, connection: dbapi.Connection
) -> None:
    cursor = connection.execute(ADD, ("a", 1))
    assert (cursor.rowcount, cursor.lastrowid, cursor.description) == (1, 1, None)
    assert connection.in_transaction
    connection.rollback()
    assert not connection.in_transaction
    assert count(raw) == 0
    connection.execute(ADD, ("a", 1))
    connection.commit()
    assert count(raw) == 1
    assert connection.total_changes == 2


def test_without_isolation_each_statement_is_committed(raw: _strongroom.Catalog) -> None:
    connection = dbapi.Connection(raw, isolation_level=None)
    connection.execute("CREATE TABLE notes (word, number)")
    connection.execute(ADD, ("a", 1))
    assert not connection.in_transaction
    connection.close()
    assert count(raw) == 1


def test_the_block_commits_or_rolls_back(
    raw: _strongroom.Catalog, connection: dbapi.Connection
) -> None:
    with connection:
        connection.execute(ADD, ("a", 1))
    with pytest.raises(KeyError), connection:
        connection.execute(ADD, ("b", 1))
        raise KeyError
    assert connection.execute("SELECT word FROM notes").fetchall() == [("a",)]


@pytest.mark.parametrize("mark", [":", "@", "$"])
def test_values_by_name(connection: dbapi.Connection, mark: str) -> None:
    sql = f"SELECT {mark}b, {mark}a, {mark}b"
    assert connection.execute(sql, {"a": 1, "b": 2, "c": 3}).fetchone() == (2, 1, 2)
    with pytest.raises(sqlite3.ProgrammingError, match="binding parameter .a"):
        connection.execute(sql, {"b": 2})


@pytest.mark.parametrize("given", [(), (1,), (1, 2, 3), [1], "x", 5, {"a": 1}])
def test_a_wrong_number_of_values(connection: dbapi.Connection, given: object) -> None:
    with pytest.raises(sqlite3.ProgrammingError):
        connection.execute("SELECT ?, ?", given)  # type: ignore[arg-type]


def test_rows_as_sqlite3_rows(connection: dbapi.Connection) -> None:
    connection.row_factory = sqlite3.Row
    row = connection.execute('SELECT 1 AS a, 2 AS "b ""c"""').fetchone()
    assert isinstance(row, sqlite3.Row)
    assert row.keys() == ["a", 'b "c"']
    assert (row["A"], row[1], dict(row)) == (1, 2, {"a": 1, 'b "c"': 2})


def test_a_row_factory_of_the_callers(connection: dbapi.Connection) -> None:
    def as_dict(cursor: dbapi.Cursor, row: tuple[object, ...]) -> dict[str, object]:
        assert cursor.description is not None
        return {column[0]: value for column, value in zip(cursor.description, row)}

    connection.row_factory = as_dict
    assert connection.execute("SELECT 1 AS a").fetchall() == [{"a": 1}]


def test_fetching(connection: dbapi.Connection) -> None:
    connection.executemany(ADD, ((str(i), i) for i in range(2500)))
    numbers = "SELECT number FROM notes ORDER BY number"
    cursor = connection.execute(numbers)
    assert cursor.fetchone() == (0,)
    assert cursor.fetchmany() == [(1,)]
    assert cursor.fetchmany(2000) == [(i,) for i in range(2, 2002)]
    assert next(cursor) == (2002,)
    assert cursor.fetchall() == [(i,) for i in range(2003, 2500)]
    assert (cursor.fetchone(), cursor.fetchall(), cursor.fetchmany(5)) == (None, [], [])
    assert sum(1 for _ in connection.execute(numbers)) == 2500


def test_a_failed_statement_leaves_no_transaction(
    raw: _strongroom.Catalog, connection: dbapi.Connection
) -> None:
    with connection:
        connection.execute(ADD, ("a", 1))
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE constraint failed: notes.word"):
        connection.execute(ADD, ("a", 2))
    assert not connection.in_transaction
    with pytest.raises(sqlite3.IntegrityError):
        connection.executemany(ADD, [("b", 1), ("a", 1)])
    assert not connection.in_transaction
    assert count(raw) == 1


# ---- Transactions as SQL


def test_control_as_sql(raw: _strongroom.Catalog, connection: dbapi.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    assert connection.in_transaction
    with pytest.raises(sqlite3.OperationalError, match="within a transaction"):
        connection.execute("BEGIN")
    connection.execute(ADD, ("a", 1))
    connection.execute('SAVEPOINT "one"')
    connection.execute(ADD, ("b", 1))
    connection.execute("SAVEPOINT two")
    connection.execute(ADD, ("c", 1))
    connection.execute("ROLLBACK TO ONE")
    connection.execute(ADD, ("d", 1))
    connection.execute("RELEASE one")
    with pytest.raises(sqlite3.OperationalError, match="no such savepoint: two"):
        connection.execute("RELEASE two")
    connection.execute("COMMIT")
    assert connection.execute("SELECT word FROM notes").fetchall() == [("a",), ("d",)]
    for verb in ("COMMIT", "END", "ROLLBACK"):
        with pytest.raises(sqlite3.OperationalError, match="no transaction is active"):
            connection.execute(verb)


def test_a_savepoint_alone_is_a_transaction(
    raw: _strongroom.Catalog, connection: dbapi.Connection
) -> None:
    connection.execute("SAVEPOINT one")
    connection.execute(ADD, ("a", 1))
    connection.execute("RELEASE one")
    assert not connection.in_transaction
    assert count(raw) == 1


def test_a_script_is_all_or_nothing(
    raw: _strongroom.Catalog, connection: dbapi.Connection
) -> None:
    connection.execute(ADD, ("before", 0))
    with pytest.raises(sqlite3.IntegrityError):
        connection.executescript(
            "INSERT INTO notes VALUES ('a;b', 1); SELECT 1; INSERT INTO notes VALUES ('a;b', 2)"
        )
    assert connection.execute("SELECT word FROM notes").fetchall() == [("before",)]
    connection.executescript("BEGIN; INSERT INTO notes VALUES ('c', 1); ROLLBACK; -- end\n")
    assert count(raw) == 1


# ---- Several in one thread


def test_two_connections_of_a_thread_do_not_mix(
    raw: _strongroom.Catalog, connection: dbapi.Connection
) -> None:
    other = dbapi.Connection(raw, owner="the other")
    connection.execute(ADD, ("a", 1))
    with pytest.raises(sqlite3.OperationalError, match="database is locked.*another connection"):
        other.execute(ADD, ("b", 1))
    connection.commit()
    other.execute(ADD, ("b", 1))
    other.commit()
    assert count(raw) == 2


def test_nesting(raw: _strongroom.Catalog, connection: dbapi.Connection) -> None:
    with pytest.raises(ZeroDivisionError), dbapi.transaction(raw):
        with dbapi.Connection(raw) as inner:
            inner.execute(ADD, ("a", 1))
        assert count(raw) == 1
        raise ZeroDivisionError
    assert count(raw) == 0
    with dbapi.transaction(raw) as outer:
        outer.execute(ADD, ("a", 1))
        with pytest.raises(ZeroDivisionError), dbapi.transaction(raw) as inner:
            inner.execute(ADD, ("b", 1))
            raise ZeroDivisionError
        raw.client_save([(os.urandom(16), "anna", None, None, None)])
    assert count(raw) == 1
    assert raw.client_count() == 1


# ---- Pragmas


@pytest.mark.parametrize(
    "sql",
    [
        "PRAGMA foreign_keys = ON", "PRAGMA foreign_keys=1;", "PRAGMA synchronous = NORMAL",
        "pragma main.journal_mode = WAL", "PRAGMA cache_size(-2000)", "PRAGMA temp_store=MEMORY",
        "PRAGMA mmap_size=268435456", "PRAGMA busy_timeout = 5000", "PRAGMA encoding = 'UTF-8'",
        "PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA optimize", "PRAGMA locking_mode = normal",
    ],
)
def test_pragmas_that_old_code_sends(connection: dbapi.Connection, sql: str) -> None:
    connection.execute(sql).fetchall()


@pytest.mark.parametrize(
    "sql",
    [
        "PRAGMA foreign_keys = OFF", "PRAGMA foreign_keys(0)", "PRAGMA journal_mode = DELETE",
        "PRAGMA locking_mode=EXCLUSIVE", "PRAGMA writable_schema = 1", "PRAGMA query_only = on",
        "PRAGMA recursive_triggers=yes", "PRAGMA secure_delete = 5",
    ],
)
def test_pragmas_that_are_refused(connection: dbapi.Connection, sql: str) -> None:
    with pytest.raises(sqlite3.OperationalError, match="refused"):
        connection.execute(sql)


def test_pragmas_that_tell(connection: dbapi.Connection) -> None:
    assert connection.execute("PRAGMA foreign_keys").fetchone() == (1,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    names = [row[1] for row in connection.execute("PRAGMA table_info(notes)")]
    assert names == ["word", "number"]


# ---- Errors


@pytest.mark.parametrize(
    ("sql", "kind", "words", "cause"),
    [
        ("SELEC 1", sqlite3.OperationalError, 'near "SELEC": syntax error', errors.SqlError),
        ("SELECT * FROM nope", sqlite3.OperationalError, "no such table: nope", errors.SqlError),
        ("SELECT nope FROM notes", sqlite3.OperationalError, "no such column", errors.SqlError),
        ("DROP TABLE clients", sqlite3.OperationalError, "dangerous", errors.RefusedError),
        ("ATTACH 'x' AS y", sqlite3.OperationalError, "", errors.RefusedError),
        ("SELECT 1; SELECT 2", sqlite3.OperationalError, "one statement", errors.SqlError),
    ],
)
def test_errors_have_sqlites_classes_and_words(
    connection: dbapi.Connection,
    sql: str,
    kind: type[Exception],
    words: str,
    cause: type[Exception],
) -> None:
    with pytest.raises(kind, match=words) as caught:
        connection.execute(sql)
    assert isinstance(caught.value.__cause__, cause)


def test_use_after_close(connection: dbapi.Connection) -> None:
    cursor = connection.cursor()
    connection.close()
    connection.close()
    calls: list[Callable[[], object]] = [
        connection.cursor, connection.commit, connection.rollback, cursor.fetchone
    ]
    for call in calls:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            call()


def test_closing_rolls_back(raw: _strongroom.Catalog, connection: dbapi.Connection) -> None:
    connection.execute(ADD, ("a", 1))
    connection.close()
    assert count(raw) == 0
    dbapi.Connection(raw).execute("DROP TABLE notes")


def test_every_status_has_an_error_of_sqlite3(tmp_path: Path) -> None:
    from strongroom.sqlite_errors import translated

    for kind in errors.BY_STATUS.values():
        error = translated(kind("words"))
        assert str(error) == "words"
        assert isinstance(error, (sqlite3.Error, MemoryError))
        assert kind is errors.NoMemoryError or type(error) is not sqlite3.Error
