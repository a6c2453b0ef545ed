"""Connections and cursors that are as near to sqlite3's as old code needs."""

from __future__ import annotations

import contextlib
import datetime
import enum
import gc
import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import strongroom
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


@pytest.mark.parametrize("sql", ["SELECT 1; SELECT 2", "DELETE FROM notes; DELETE FROM notes;"])
def test_two_statements_in_one(connection: dbapi.Connection, sql: str) -> None:
    with pytest.raises(sqlite3.ProgrammingError) as caught:
        connection.execute(sql)
    with pytest.raises(sqlite3.Error) as expected:
        plain = sqlite3.connect(":memory:")
        plain.execute("CREATE TABLE notes (word)")
        plain.execute(sql)
    assert str(caught.value) == str(expected.value).replace("Warning", "")


def test_a_script_that_is_none(connection: dbapi.Connection) -> None:
    connection.execute(ADD, ("a", 1))
    for script in (None, b"SELECT 1", 5):
        with pytest.raises(TypeError):
            connection.executescript(script)  # type: ignore[arg-type]
    assert connection.in_transaction


@pytest.mark.parametrize("value", [[], {}, set(), Ellipsis])
def test_the_type_of_a_value_that_cannot_be_bound(
    connection: dbapi.Connection, value: object
) -> None:
    with pytest.raises(sqlite3.Error) as caught:
        connection.execute("SELECT ?", (value,))
    assert f"Error binding parameter 1: type '{type(value).__name__}' is not supported" in str(
        caught.value
    )


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("INSERT INTO strict VALUES (1, 1, 1, NULL)", "SQLITE_CONSTRAINT_UNIQUE"),
        ("INSERT INTO strict VALUES (2, NULL, 1, NULL)", "SQLITE_CONSTRAINT_NOTNULL"),
        ("INSERT INTO strict VALUES (2, 1, -1, NULL)", "SQLITE_CONSTRAINT_CHECK"),
        ("INSERT INTO strict VALUES (2, 1, 1, 9)", "SQLITE_CONSTRAINT_FOREIGNKEY"),
    ],
)
def test_the_name_of_a_constraint(connection: dbapi.Connection, sql: str, name: str) -> None:
    connection.execute(
        "CREATE TABLE strict (a UNIQUE, b NOT NULL, c CHECK (c > 0), d REFERENCES strict (a))"
    )
    connection.execute("INSERT INTO strict VALUES (1, 1, 1, NULL)")
    with pytest.raises(sqlite3.IntegrityError) as caught:
        connection.execute(sql)
    assert caught.value.sqlite_errorname == name
    assert caught.value.sqlite_errorcode == getattr(sqlite3, name)


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


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("SELECT last_insert_rowid()", "last_insert_rowid()"),
        ("/* the number */ select Last_Insert_RowID ( ) AS id;", "id"),
        ('SELECT last_insert_rowid() "the id" -- done', "the id"),
    ],
)
def test_the_last_row_id_by_sql(
    raw: _strongroom.Catalog, connection: dbapi.Connection, sql: str, name: str
) -> None:
    other = dbapi.Connection(raw)
    assert other.execute(sql).fetchone() == (0,)
    for word in ("a", "b"):
        connection.execute(ADD, (word, 1))
    assert connection.execute(sql).fetchone() == (2,)
    connection.commit()
    cursor = connection.execute(sql)
    assert cursor.description is not None and cursor.description[0][0] == name
    assert cursor.fetchall() == [(2,)]
    assert other.execute(sql).fetchone() == (0,)


def test_numbers_of_changes_by_sql(connection: dbapi.Connection) -> None:
    connection.executemany(ADD, [("a", 1), ("b", 1), ("c", 1)])
    connection.execute("UPDATE notes SET number = 2 WHERE word > 'a'")
    connection.commit()
    assert connection.execute("SELECT changes()").fetchone() == (2,)
    assert connection.execute("SELECT total_changes() AS n").fetchone() == (5,)
    assert connection.execute("SELECT last_insert_rowid()").fetchone() == (3,)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT word FROM notes WHERE rowid = last_insert_rowid()",
        "SELECT changes(), 1",
        "SELECT changes() + 1",
        "SELECT 'a', Total_Changes ()",
        "WITH a AS (SELECT changes()) SELECT * FROM a",
    ],
)
def test_numbers_that_a_reader_does_not_know(connection: dbapi.Connection, sql: str) -> None:
    connection.execute(ADD, ("a", 1))
    assert connection.execute(sql).fetchall()
    connection.commit()
    with pytest.raises(sqlite3.OperationalError, match=r"cursor\.lastrowid, cursor\.rowcount"):
        connection.execute(sql)


def test_words_that_are_no_call_of_a_counter(connection: dbapi.Connection) -> None:
    connection.commit()
    sql = "SELECT 'changes()', 1 AS \"total_changes()\" /* changes() */ -- last_insert_rowid()"
    assert connection.execute(sql).fetchall() == [("changes()", 1)]


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


def test_returning(raw: _strongroom.Catalog, connection: dbapi.Connection) -> None:
    cursor = connection.execute(ADD + " RETURNING number * 2 AS twice, word", ("a", 21))
    assert [column[0] for column in cursor.description or ()] == ["twice", "word"]
    assert cursor.fetchall() == [(42, "a")]
    assert (cursor.rowcount, cursor.lastrowid) == (1, 1)
    connection.commit()
    assert count(raw) == 1


def test_values_are_adapted_as_by_sqlite3(connection: dbapi.Connection) -> None:
    class Point:
        def __init__(self, x: int, y: int) -> None:
            self.x, self.y = x, y

        def __conform__(self, protocol: object) -> str | None:
            return f"{self.x};{self.y}" if protocol is sqlite3.PrepareProtocol else None

    class Level(enum.IntEnum):
        HIGH = 3

    moment = datetime.datetime(2026, 1, 31, 9, 30)
    plain = sqlite3.connect(":memory:")
    given = (moment, moment.date(), Point(1, 2), Level.HIGH, True, bytearray(b"x"), memoryview(b""))
    sql = "SELECT " + ", ".join("?" * len(given))
    assert connection.execute(sql, given).fetchone() == plain.execute(sql, given).fetchone()
    with pytest.raises(sqlite3.ProgrammingError, match="parameter 2: type 'object' is not"):
        connection.execute("SELECT ?, ?", (1, object()))
    with pytest.raises(OverflowError):
        connection.execute("SELECT ?", (2**63,))


def test_texts_of_another_kind(connection: dbapi.Connection) -> None:
    connection.text_factory = bytes
    assert connection.execute("SELECT '\u00e4', 1, x'00'").fetchone() == (b"\xc3\xa4", 1, b"\0")
    connection.text_factory = lambda text: text.decode().upper()
    assert connection.execute("SELECT 'ab'").fetchall() == [("AB",)]


def test_a_name_that_is_not_utf8(raw: _strongroom.Catalog, connection: dbapi.Connection) -> None:
    name = os.fsdecode(b"a\xff\nb")
    connection.execute(ADD, (name, 1))
    assert connection.execute("SELECT word FROM notes").fetchone() == (b"a\xff\nb",)


def test_nothing_to_run(connection: dbapi.Connection) -> None:
    for sql in ("", " ; ", "-- nothing"):
        assert connection.execute(sql).fetchall() == []
    with pytest.raises(sqlite3.ProgrammingError, match="null character"):
        connection.execute("SELECT 1\0")
    with pytest.raises(TypeError):
        connection.execute(b"SELECT 1")  # type: ignore[arg-type]


def test_running_anew_inside_a_loop_drops_the_old_rows(connection: dbapi.Connection) -> None:
    cursor = connection.execute("SELECT 1 UNION SELECT 2 UNION SELECT 3")
    seen = []
    for (number,) in cursor:
        seen.append(number)
        if number == 1:
            cursor.execute("SELECT 10 UNION SELECT 20")
    assert seen == [1, 10, 20]


@pytest.mark.parametrize("isolation_level", ["", None])
def test_many_rows_are_taken_as_they_come(
    raw: _strongroom.Catalog, connection: dbapi.Connection, isolation_level: str | None
) -> None:
    connection.isolation_level = isolation_level
    cursor = connection.cursor().executemany(ADD, ((str(i), i) for i in range(2500)))
    assert cursor.rowcount == 2500
    connection.commit()
    by_name = ({"w": str(i), "n": i} for i in range(2500, 5000))
    connection.executemany("INSERT INTO notes VALUES (:w, :n)", by_name)
    connection.commit()
    assert raw.fetch("SELECT count(*), sum(number) FROM notes")[1] == [(5000, 12497500)]
    with pytest.raises(sqlite3.IntegrityError):
        connection.executemany(ADD, ((str(4000 - i), i) for i in range(-1500, 1500)))
    assert not connection.in_transaction
    assert count(raw) == 5000
    for wrong in ([(1,)], [("x", 1), ("y",)], [5], [{"w": 1}]):
        with pytest.raises(sqlite3.ProgrammingError):
            connection.executemany(ADD, wrong)  # type: ignore[arg-type]
    with pytest.raises(sqlite3.ProgrammingError, match="DML"):
        connection.executemany("SELECT ?", [(1,)])
    assert count(raw) == 5000


def test_many_rows_inside_a_transaction(
    raw: _strongroom.Catalog, connection: dbapi.Connection
) -> None:
    connection.execute(ADD, ("before", 0))
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        connection.executemany(ADD, [("a", 1), ("before", 1), ("b", 1)])
    assert connection.in_transaction
    connection.commit()
    assert connection.execute("SELECT word FROM notes ORDER BY number").fetchall() == [
        ("before",), ("a",)
    ]


def test_rows_that_are_left_survive_the_end_of_their_transaction(
    raw: _strongroom.Catalog, connection: dbapi.Connection
) -> None:
    for end in (connection.commit, connection.rollback):
        connection.execute("DELETE FROM notes")
        connection.executemany(ADD, ((str(i), i) for i in range(300)))
        cursor = connection.execute("SELECT number FROM notes ORDER BY number")
        assert cursor.fetchone() == (0,)
        end()
        raw.client_count()
        assert cursor.fetchall() == [(i,) for i in range(1, 300)]


def test_rows_go_on_while_their_table_is_written(
    raw: _strongroom.Catalog, connection: dbapi.Connection
) -> None:
    connection.executemany(ADD, ((str(i), 0) for i in range(1500)))
    seen = 0
    for (word,) in connection.execute("SELECT word FROM notes"):
        connection.execute("UPDATE notes SET number = 1 WHERE word = ?", (word,))
        seen += 1
    connection.commit()
    assert seen == 1500
    assert raw.fetch("SELECT sum(number) FROM notes")[1] == [(1500,)]


def test_vacuum(raw: _strongroom.Catalog, connection: dbapi.Connection) -> None:
    connection.executemany(ADD, (("x" * 500 + str(i), 0) for i in range(2000)))
    connection.execute("DELETE FROM notes")
    with pytest.raises(sqlite3.OperationalError, match="from within a transaction"):
        connection.execute("VACUUM")
    connection.commit()
    before = raw.fetch("PRAGMA page_count")[1][0][0]
    connection.execute("VACUUM;")
    assert raw.fetch("PRAGMA page_count")[1][0][0] < before / 2
    with pytest.raises(sqlite3.OperationalError):
        connection.execute("VACUUM INTO '/tmp/copy.db'")


def test_only_long_results_hold_a_reader(
    raw: _strongroom.Catalog, connection: dbapi.Connection
) -> None:
    active = _strongroom.POOL_FIELDS.index("active")
    many = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {}) SELECT i FROM n"
    )
    small = connection.execute(many.format(99))
    assert raw.pool_statistics()[active] == 0
    large = connection.execute(many.format(5000))
    assert raw.pool_statistics()[active] == 1
    assert len(small.fetchall()) == 99
    large.fetchall()
    assert raw.pool_statistics()[active] == 0
    connection.execute(many.format(5000))
    gc.collect()
    assert raw.pool_statistics()[active] == 0


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


def test_reading_beside_and_within(raw: _strongroom.Catalog, connection: dbapi.Connection) -> None:
    counting = "SELECT count(*) FROM notes"
    beside = dbapi.Connection(raw)
    connection.execute(ADD, ("a", 1))
    assert beside.execute(counting).fetchone() == (0,)
    connection.rollback()
    with dbapi.transaction(raw) as outer:
        outer.execute(ADD, ("a", 1))
        assert beside.execute(counting).fetchone() == (1,)
        inner = dbapi.Connection(raw)
        inner.execute(ADD, ("b", 1))
        assert beside.execute(counting).fetchone() == (2,)
        with pytest.raises(sqlite3.OperationalError, match="database is locked"):
            outer.execute(ADD, ("c", 1))
        with pytest.raises(sqlite3.OperationalError, match="database is locked"):
            beside.execute(ADD, ("c", 1))
        inner.commit()
    assert count(raw) == 2


def test_what_is_left_inside_a_block_is_undone(
    raw: _strongroom.Catalog, connection: dbapi.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    with dbapi.transaction(raw) as outer:
        outer.execute(ADD, ("a", 1))
        left = dbapi.Connection(raw, owner="left.py:1")
        left.execute(ADD, ("b", 1))
    assert "left.py:1" in caplog.text
    assert not left.in_transaction
    assert count(raw) == 1


def test_closing_the_catalog_rolls_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with strongroom.Catalog(tmp_path / "c.db", create=True) as catalog:
        connection = catalog.connect()
        connection.execute("DELETE FROM clients WHERE Name = ''")
    assert "rolled back" in caplog.text
    assert not connection.in_transaction


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
        ("SELECT 1; SELECT 2", sqlite3.ProgrammingError, "one statement", errors.SqlError),
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


def test_another_program_holds_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    raw = _strongroom.Catalog(path, create=True, migrate=True, timeout=0.2)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    connection = dbapi.Connection(raw)
    with pytest.raises(sqlite3.OperationalError, match="is locked") as caught:
        connection.execute("DELETE FROM clients WHERE Name = ''")
    assert isinstance(caught.value.__cause__, errors.BusyError)
    assert caught.value.sqlite_errorname == "SQLITE_BUSY"
    assert not connection.in_transaction
    assert connection.execute("SELECT count(*) FROM clients").fetchone() == (0,)
    other.execute("ROLLBACK")
    connection.execute("DELETE FROM clients WHERE Name = ''")
    connection.commit()
    other.close()
    raw.close()


def test_a_catalog_that_only_reads(tmp_path: Path) -> None:
    _strongroom.Catalog(tmp_path / "c.db", create=True, migrate=True).close()
    raw = _strongroom.Catalog(tmp_path / "c.db", read_only=True)
    connection = dbapi.Connection(raw)
    with pytest.raises(sqlite3.OperationalError, match="read") as caught:
        connection.execute("DELETE FROM clients WHERE Name = ''")
    assert isinstance(caught.value.__cause__, errors.ReadOnlyError)
    assert connection.execute("SELECT count(*) FROM clients").fetchone() == (0,)
    raw.close()


def test_a_damaged_database(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    raw = _strongroom.Catalog(path, create=True, migrate=True)
    with dbapi.Connection(raw) as connection:
        connection.execute("CREATE TABLE notes (word)")
        connection.executemany("INSERT INTO notes VALUES (?)", [("x" * 1000,)] * 500)
        root = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'notes'"
        ).fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    raw.close()
    with open(path, "r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)
    raw = _strongroom.Catalog(path)
    with pytest.raises(sqlite3.DatabaseError, match="damaged") as caught:
        dbapi.Connection(raw).execute("SELECT count(word) FROM notes").fetchall()
    assert type(caught.value) is sqlite3.DatabaseError
    assert isinstance(caught.value.__cause__, errors.CorruptError)
    raw.close()


def test_a_closed_catalog(raw: _strongroom.Catalog) -> None:
    connection = dbapi.Connection(raw)
    cursor = connection.execute("SELECT 1")
    raw.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed") as caught:
        connection.execute("SELECT 2")
    assert isinstance(caught.value.__cause__, errors.ClosedError)
    assert cursor.fetchone() == (1,)
    connection.close()


def test_ctrl_c(connection: dbapi.Connection) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT 1 FROM n) SELECT count(*) FROM n"
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        connection.execute(endless)
    timer.join()
    assert connection.execute("SELECT 1").fetchone() == (1,)


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


# ---- Leaks


def use_all(connection: dbapi.Connection) -> None:
    """One of each thing, those that fail among them."""
    connection.executemany(ADD, [(f"{i}", i) for i in range(300)])
    connection.execute("SELECT * FROM notes").fetchmany(3)
    connection.rollback()
    list(connection.execute("SELECT word, ?, x'00', 1.5, NULL FROM notes", ("ä" * 50,)))
    connection.execute(ADD + " RETURNING word", ("a", bytearray(b"x"))).fetchall()
    connection.executescript("DELETE FROM notes; SELECT 1")
    connection.execute("PRAGMA journal_mode=WAL")
    for sql, values in [
        ("SELEC", ()),
        ("SELECT ?", ()),
        ("SELECT ?, ?", (1, object())),
        ("INSERT INTO nope VALUES (1)", ()),
        ("INSERT INTO notes VALUES ('a', 1), ('a', 1)", ()),
    ]:
        with contextlib.suppress(sqlite3.Error):
            connection.execute(sql, values)
    with contextlib.suppress(sqlite3.Error):
        connection.executemany(ADD, [("b", 1), ("c", object())])
    connection.rollback()


def test_nothing_leaks(raw: _strongroom.Catalog, connection: dbapi.Connection) -> None:
    def used() -> tuple[int, int]:
        """Objects of Python's, and blocks of its memory."""
        gc.collect()
        return len(gc.get_objects()), sys.getallocatedblocks()

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

    for _ in range(130):  # Until what is kept for next time has its size.
        use_all(connection)
    before, resident_before = used(), resident()
    for _ in range(100):
        use_all(connection)
    after = used()
    assert after[0] - before[0] < 50
    assert after[1] - before[1] < 90  # Less than one each time.
    # The sanitizers keep what is freed for a while.
    if "libasan" not in Path("/proc/self/maps").read_text():
        assert resident() - resident_before < 16 << 20
