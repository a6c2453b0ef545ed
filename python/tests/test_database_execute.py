"""Statements of callers and transactions, under the interface of old."""

from __future__ import annotations

import os
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from server.database import DatabaseManager, ServerError

INSERT = "INSERT INTO clients (ID, Name, LastSeen) VALUES (?, ?, '2026-01-31T09:30:00Z')"

COUNTING = """WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ?)
SELECT i FROM n"""


def names(db: DatabaseManager) -> list[str]:
    return [name for _, name, _, _ in db.load_clients_from_db()]


# ---- Reading


def test_what_execute_returns(db: DatabaseManager, anna: bytes) -> None:
    assert db.execute("SELECT Name, 1 FROM clients", fetchone=True) == ("anna", 1)
    assert db.execute("SELECT Name FROM clients WHERE Name = ?", ("x",), fetchone=True) is None
    assert db.execute("SELECT Name FROM clients", fetchall=True) == [("anna",)]
    assert db.execute("SELECT Name FROM clients WHERE Name = ?", ["x"], fetchall=True) == []
    assert db.execute("SELECT :a, :b", {"a": 1, "b": "x"}, fetchone=True) == (1, "x")


def test_a_cursor(db: DatabaseManager) -> None:
    for i in range(5):
        db.execute(INSERT, (os.urandom(16), f"c{i}"), commit=True)
    cursor = db.execute("SELECT Name, LastSeen FROM clients ORDER BY Name")
    assert [column[0] for column in cursor.description] == ["Name", "LastSeen"]
    assert next(cursor)[0] == "c0"
    assert cursor.fetchone()[0] == "c1"
    assert [row[0] for row in cursor.fetchmany(2)] == ["c2", "c3"]
    assert [row[0] for row in cursor] == ["c4"]
    assert cursor.fetchall() == [] and cursor.fetchone() is None


def test_a_cursor_of_a_statement_that_writes(db: DatabaseManager, anna: bytes) -> None:
    sql = "INSERT INTO metrics_history (timestamp, metric_name, value) VALUES ('x', 'y', 1)"
    first, second = db.execute(sql, commit=True), db.execute(sql)
    assert second.lastrowid == first.lastrowid + 1
    assert (first.rowcount, first.description, first.fetchall()) == (1, None, [])
    assert db.execute("UPDATE metrics_history SET value = 2").rowcount == 2


def test_the_last_row_id_by_sql(db: DatabaseManager, anna: bytes) -> None:
    sql = "INSERT INTO metrics_history (timestamp, metric_name, value) VALUES ('x', 'y', 1)"
    db.execute(sql, commit=True)
    cursor = db.execute(sql, commit=True)
    row = db.execute("SELECT last_insert_rowid()", fetchone=True)
    assert row == (cursor.lastrowid,) and row[0] > 0
    db.execute("UPDATE metrics_history SET value = 2", commit=True)
    assert db.execute("SELECT changes()", fetchall=True) == [(2,)]
    with pytest.raises(ServerError, match=r"cursor\.lastrowid"):
        db.execute("SELECT * FROM metrics_history WHERE rowid = last_insert_rowid()", fetchone=True)


def test_many_rows_do_not_hold_the_database(db: DatabaseManager, anna: bytes) -> None:
    cursors = [db.execute(COUNTING, (1000,)) for _ in range(3)]
    assert [next(cursor) for cursor in cursors] == [(1,)] * 3
    db.save_client_to_db(os.urandom(16), "bob", None, None)
    assert db.get_total_clients_count() == 2
    assert [len(cursor.fetchall()) for cursor in cursors] == [999] * 3


@pytest.mark.parametrize("query", [
    "SELECT nosuch FROM clients", "  select * from nosuch", "SELEC 1", "SELECT ?",
    "PRAGMA table_info(",
])
@pytest.mark.parametrize("how", [{"fetchone": True}, {"fetchall": True}, {}])
def test_a_failed_read_raises(
    db: DatabaseManager, query: str, how: dict[str, bool], caplog: pytest.LogCaptureFixture
) -> None:
    if query == "SELEC 1" and not how:
        assert db.execute(query) is None
    else:
        with pytest.raises(ServerError) as caught:
            db.execute(query, **how)  # type: ignore[arg-type]
        assert isinstance(caught.value.__cause__, sqlite3.Error)
    assert len(caplog.records) == 1 and caplog.records[0].name == "server.database"


def test_words_of_old(db: DatabaseManager, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ServerError, match="Database operational error: no such column: FileCat"):
        db.execute("SELECT FileCat FROM files", fetchall=True)
    assert "Database operational error: no such column: FileCat" in caplog.text


@pytest.mark.parametrize("query", [None, 5, "SELECT '\udcff'", "SELECT 1; SELECT 2"])
def test_what_is_no_statement(
    db: DatabaseManager, query: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ServerError):
        db.execute(query, fetchall=True)
    assert db.execute_many(query, [()]) is False
    assert len(caplog.records) == 2


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, "\ud800"])
def test_values_that_are_none(
    db: DatabaseManager, value: object, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ServerError):
        db.execute("SELECT ?", (value,))
    sql = "INSERT INTO metrics_history (timestamp, metric_name, value) VALUES ('x', 'y', ?)"
    assert db.execute(sql, (value,)) is None
    assert db.execute_many(sql, [(1,), (value,)]) is False
    assert len(caplog.records) == 3
    assert db.execute("SELECT count(*) FROM metrics_history", fetchone=True) == (0,)


@pytest.mark.parametrize("query", [None, 5, b"DELETE FROM files", "DELETE FROM \ud800"])
def test_what_cannot_be_a_statement_that_writes(
    db: DatabaseManager, query: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert db.execute(query, commit=True) is None
    assert db.execute_many(query, [()]) is False
    assert len(caplog.records) == 2


def test_an_empty_statement(db: DatabaseManager) -> None:
    assert db.execute("", fetchall=True) == [] and db.execute("-- nothing").fetchone() is None


# ---- Writing


def test_a_failed_write_is_logged(
    db: DatabaseManager, anna: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    assert db.execute(INSERT, (anna, "x"), commit=True) is None
    assert db.execute(INSERT, (os.urandom(16), "anna")) is None
    assert db.execute("INSERT INTO nosuch VALUES (1)", commit=True) is None
    assert db.execute("UPDATE clients SET nosuch = 1") is None
    assert db.execute("DELETE FROM files WHERE", commit=True) is None
    assert db.execute(INSERT, (1,), commit=True) is None
    assert len(caplog.records) == 6
    assert "UNIQUE constraint failed: clients.ID" in caplog.text
    assert names(db) == ["anna"]


@pytest.mark.parametrize("commit", [True, False])
def test_what_is_written_is_committed(db: DatabaseManager, commit: bool) -> None:
    db.execute(INSERT, (os.urandom(16), "anna"), commit=commit)
    with closing(sqlite3.connect("defensive.db")) as other:
        assert other.execute("SELECT Name FROM clients").fetchall() == [("anna",)]


def test_old_programs_define_and_delete_as_they_like(db: DatabaseManager, anna: bytes) -> None:
    db.execute("CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT)", commit=True)
    db.execute("INSERT INTO notes (text) VALUES ('x')", commit=True)
    assert db.execute("SELECT text FROM notes", fetchall=True) == [("x",)]
    db.execute("DROP TABLE notes", commit=True)
    assert "notes" not in db.get_table_names()
    db.execute("DELETE FROM clients", commit=True)
    assert db.get_total_clients_count() == 0


def test_a_trigger_of_ones_own_on_the_core_tables(
    db: DatabaseManager, anna: bytes, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trigger = "CREATE TRIGGER mine AFTER INSERT ON files BEGIN DELETE FROM metrics_history; END"
    assert db.execute(trigger, commit=True) is None
    assert "TRUST_FOREIGN_TRIGGERS" in caplog.text
    db.save_file_info_to_db(anna, "a", "received_files/a", True, 1, None)
    assert db.get_total_files_count() == 1
    db.cleanup_connection_pool()
    monkeypatch.setenv("TRUST_FOREIGN_TRIGGERS", "true")
    db.record_metric("load", 1.0)
    assert db.execute(trigger, commit=True) is not None
    db.save_file_info_to_db(anna, "b", "received_files/b", True, 1, None)
    assert db.get_total_files_count() == 2 and db.get_metrics_history("load") == []


def test_pragmas_that_old_programs_send(db: DatabaseManager) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "cache_size=10000",
                   "temp_store=MEMORY", "foreign_keys=ON", "busy_timeout=5000"):
        db.execute(f"PRAGMA {pragma}")
    assert db.execute("PRAGMA foreign_keys", fetchone=True) == (1,)
    assert db.execute("PRAGMA journal_mode", fetchone=True) == ("wal",)
    assert db.execute("PRAGMA integrity_check", fetchone=True) == ("ok",)


def test_many(db: DatabaseManager, anna: bytes, caplog: pytest.LogCaptureFixture) -> None:
    assert db.execute_many(INSERT, [(os.urandom(16), f"c{i}") for i in range(2500)]) is True
    assert db.get_total_clients_count() == 2501
    assert db.execute_many(INSERT, [], commit=False) is True
    assert db.execute_many(INSERT, ((os.urandom(16), name) for name in "xy"), commit=False) is True
    with closing(sqlite3.connect("defensive.db")) as other:
        assert other.execute("SELECT count(*) FROM clients").fetchone() == (2503,)
    assert caplog.records == []


def test_many_are_all_or_none(
    db: DatabaseManager, anna: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    several: list[list[tuple[object, ...]]] = [
        [(os.urandom(16), "x"), (os.urandom(16), "anna")],
        [(os.urandom(16), "x"), (1,)],
        [(os.urandom(16), object())],
    ]
    for rows in several:
        assert db.execute_many(INSERT, rows) is False
    assert db.execute_many("SELECT ?", [(1,)]) is False
    assert names(db) == ["anna"] and len(caplog.records) == 4


# ---- Transactions


def test_a_transaction(db: DatabaseManager) -> None:
    with db.transaction() as connection:
        assert connection.in_transaction
        connection.execute(INSERT, (os.urandom(16), "a"))
        cursor = connection.cursor()
        cursor.execute(INSERT, (os.urandom(16), "b"))
        connection.executemany(INSERT, [(os.urandom(16), "c"), (os.urandom(16), "d")])
        assert cursor.execute("SELECT count(*) FROM clients").fetchone() == (4,)
        with closing(sqlite3.connect("defensive.db")) as other:
            assert other.execute("SELECT count(*) FROM clients").fetchone() == (0,)
    assert names(db) == ["a", "b", "c", "d"]


def test_an_exception_rolls_back(db: DatabaseManager, anna: bytes) -> None:
    with pytest.raises(ZeroDivisionError), db.transaction() as connection:
        connection.execute("DELETE FROM clients")
        1 // 0
    assert names(db) == ["anna"]


def test_errors_inside_are_those_of_sqlite3(db: DatabaseManager, anna: bytes) -> None:
    with pytest.raises(sqlite3.IntegrityError), db.transaction() as connection:
        connection.execute(INSERT, (os.urandom(16), "x"))
        connection.execute(INSERT, (os.urandom(16), "anna"))
    assert names(db) == ["anna"]
    with db.transaction() as connection:
        connection.execute(INSERT, (os.urandom(16), "x"))
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(INSERT, (os.urandom(16), "anna"))
        with pytest.raises(sqlite3.OperationalError):
            connection.execute("SELECT nosuch FROM clients")
    assert names(db) == ["anna", "x"]


def test_commit_and_rollback_inside(db: DatabaseManager) -> None:
    with db.transaction() as connection:
        connection.execute(INSERT, (os.urandom(16), "a"))
        connection.commit()
        connection.execute(INSERT, (os.urandom(16), "b"))
        connection.rollback()
        connection.execute(INSERT, (os.urandom(16), "c"))
    assert names(db) == ["a", "c"]


def test_calls_of_the_thread_join(db: DatabaseManager, anna: bytes) -> None:
    with pytest.raises(ZeroDivisionError), db.transaction():
        db.save_client_to_db(os.urandom(16), "bob", None, None)
        db.save_file_info_to_db(anna, "a", "received_files/a", True, 1, None)
        assert db.execute(INSERT, (os.urandom(16), "c"), commit=True) is not None
        assert db.execute_many(INSERT, [(os.urandom(16), "d")]) is True
        assert db.bulk_insert_clients([{"id": os.urandom(16), "name": "e"}])["success"]
        db.record_metric("load", 1.0)
        assert db.get_total_clients_count() == 5 and db.get_total_files_count() == 1
        assert db.execute("SELECT count(*) FROM clients", fetchone=True) == (5,)
        1 // 0
    assert names(db) == ["anna"] and db.get_total_files_count() == 0
    assert db.get_metrics_history("load") == []


def test_a_failure_inside_leaves_the_rest(
    db: DatabaseManager, anna: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with db.transaction():
        db.save_client_to_db(os.urandom(16), "bob", None, None)
        assert db.execute(INSERT, (os.urandom(16), "anna")) is None
        db.save_client_to_db(os.urandom(16), "anna", None, None)
    assert names(db) == ["anna", "bob"]
    assert len(caplog.records) == 2


def test_begin_and_commit_as_statements(db: DatabaseManager) -> None:
    db.execute("BEGIN")
    db.execute(INSERT, (os.urandom(16), "lost"))
    db.save_client_to_db(os.urandom(16), "lost too", None, None)
    db.execute("ROLLBACK")
    db.execute("BEGIN")
    db.execute(INSERT, (os.urandom(16), "kept"))
    db.save_client_to_db(os.urandom(16), "kept too", None, None)
    db.execute("UPDATE clients SET LastSeen = 'y'", commit=True)
    with closing(sqlite3.connect("defensive.db")) as other:
        assert other.execute("SELECT count(*) FROM clients").fetchone() == (2,)
    assert names(db) == ["kept", "kept too"]


def test_nesting(db: DatabaseManager) -> None:
    with db.transaction() as outer:
        outer.execute(INSERT, (os.urandom(16), "outer"))
        with pytest.raises(ZeroDivisionError), db.transaction() as inner:
            inner.execute(INSERT, (os.urandom(16), "inner"))
            1 // 0
        with db.transaction() as inner:
            inner.execute(INSERT, (os.urandom(16), "second"))
    assert names(db) == ["outer", "second"]
    with pytest.raises(ZeroDivisionError), db.transaction():
        with db.transaction() as inner:
            inner.execute(INSERT, (os.urandom(16), "lost"))
        1 // 0
    assert names(db) == ["outer", "second"]


def test_threads_have_transactions_of_their_own(db: DatabaseManager) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        with db.transaction() as connection:
            connection.execute(INSERT, (os.urandom(16), "held"))
            inside.set()
            assert go_on.wait(30)

    with ThreadPoolExecutor(2) as pool:
        held = pool.submit(hold)
        assert inside.wait(30)
        assert names(db) == []
        waiting = pool.submit(db.save_client_to_db, os.urandom(16), "waited", None, None)
        go_on.set()
        held.result()
        waiting.result()
    assert sorted(names(db)) == ["held", "waited"]


def test_sixteen_threads(db: DatabaseManager, anna: bytes) -> None:
    def work(thread: int) -> None:
        for i in range(8):
            name = f"{thread}-{i}"
            db.save_client_to_db(os.urandom(16), name, None, None)
            db.save_file_info_to_db(anna, name, f"received_files/{name}", False, 1, None)
            assert db.get_file_info(anna.hex(), name) is not None
            with db.transaction() as connection:
                connection.execute("UPDATE clients SET LastSeen = 'now' WHERE Name = ?", (name,))
                db.update_file_verification(anna.hex(), name, True, 1)
            if i == 4:
                with pytest.raises(ZeroDivisionError), db.transaction():
                    db.delete_client(anna)
                    1 // 0

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(16)))
    assert db.get_database_stats()["total_clients"] == 129
    assert db.get_database_stats()["verified_files"] == 128
    seen = db.execute("SELECT count(*) FROM clients WHERE LastSeen = 'now'", fetchone=True)
    assert seen == (128,)
