"""The pool, its figures, closing and forking, under the interface of old."""

from __future__ import annotations

import gc
import json
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

import server.config
from server.database import DatabaseConnectionPool, DatabaseManager, ServerError

STATUS = {
    "pool_size", "total_connections", "active_connections", "available_connections",
    "connections_created", "connections_closed", "pool_exhaustion_events", "cleanup_operations",
    "peak_active_connections", "average_connection_age_seconds", "stale_connections_cleaned",
    "last_cleanup_time", "connection_details", "monitoring_enabled", "cleanup_thread_alive",
}
DETAILS = {
    "connection_count", "avg_age_seconds", "max_age_seconds", "avg_idle_seconds", "max_idle_seconds"
}
INSERT = "INSERT INTO clients (ID, Name, LastSeen) VALUES (?, ?, 'x')"


@pytest.fixture
def pool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: Path
) -> Iterator[DatabaseConnectionPool]:
    monkeypatch.chdir(tmp_path)
    shutil.copy(empty_database, tmp_path)
    pool = DatabaseConnectionPool("defensive.db", pool_size=2, timeout=0.2)
    yield pool
    pool.close_all()


def active(pool: DatabaseConnectionPool) -> int:
    return int(pool.get_pool_status()["active_connections"])


# ---- Lending


def test_a_connection(pool: DatabaseConnectionPool) -> None:
    connection = pool.get_connection()
    connection.execute(INSERT, (os.urandom(16), "anna"))
    assert connection.in_transaction
    connection.commit()
    cursor = connection.cursor()
    cursor.execute("SELECT Name FROM clients")
    assert cursor.fetchall() == [("anna",)]
    assert active(pool) == 1
    pool.return_connection(connection)
    assert active(pool) == 0


def test_the_status(pool: DatabaseConnectionPool) -> None:
    first, second = pool.get_connection(), pool.get_connection()
    status = pool.get_pool_status()
    assert set(status) == STATUS and set(status["connection_details"]) == DETAILS
    assert status["pool_size"] == 2
    assert (status["active_connections"], status["available_connections"]) == (2, 0)
    assert status["total_connections"] == 2
    assert status["connections_created"] - status["connections_closed"] >= 2
    assert status["peak_active_connections"] == 2
    details = status["connection_details"]
    assert details["connection_count"] == 2
    assert details["max_age_seconds"] >= details["avg_age_seconds"] >= 0
    assert status["monitoring_enabled"] is True and status["cleanup_thread_alive"] is True
    pool.return_connection(first)
    pool.return_connection(second)
    status = pool.get_pool_status()
    assert (status["active_connections"], status["available_connections"]) == (0, 2)
    json.dumps(status)


def test_one_more_where_all_are_out(
    pool: DatabaseConnectionPool, caplog: pytest.LogCaptureFixture
) -> None:
    lent = [pool.get_connection() for _ in range(2)]
    extra = pool.get_connection()
    assert "Connection pool exhausted, creating new connection" in caplog.text
    assert pool.emergency_connections == {extra}
    status = pool.get_pool_status()
    assert status["pool_exhaustion_events"] == 1
    assert (status["active_connections"], status["available_connections"]) == (3, 0)
    assert (status["total_connections"], status["peak_active_connections"]) == (3, 3)
    extra.execute(INSERT, (os.urandom(16), "anna"))
    extra.commit()
    extra.execute(INSERT, (os.urandom(16), "forgotten"))
    pool.return_connection(extra)
    assert "mid-transaction" in caplog.text
    assert pool.emergency_connections == set()
    with pytest.raises(sqlite3.ProgrammingError):
        extra.execute("SELECT 1")
    assert lent[0].execute("SELECT Name FROM clients").fetchall() == [("anna",)]
    for connection in lent:
        pool.return_connection(connection)
    assert active(pool) == 0


def test_what_is_set_on_the_pool_of_a_manager(
    pool: DatabaseConnectionPool,  # It leaves a database in the working folder.
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    db = DatabaseManager("defensive.db")
    assert db.connection_pool is not None
    pool = db.connection_pool
    monkeypatch.setattr(server.config, "CONNECTION_TIMEOUT", 600.0, raising=False)
    pool.pool_size = 1
    pool.timeout = 0.125
    lent = [pool.get_connection(), pool.get_connection()]
    assert "all 1 were out for 0.125 s" in caplog.text
    assert pool.get_pool_status()["pool_size"] == 1
    pool.pool_size = 3
    lent += [pool.get_connection(), pool.get_connection()]
    assert len(pool.emergency_connections) == 1
    for connection in lent:
        pool.return_connection(connection)
    pool.close_all()


def test_what_is_not_lent_cannot_be_returned(
    pool: DatabaseConnectionPool, caplog: pytest.LogCaptureFixture
) -> None:
    connection = pool.get_connection()
    pool.return_connection(connection)
    pool.return_connection(connection)
    pool.return_connection(None)
    with closing(sqlite3.connect(":memory:")) as plain:
        pool.return_connection(plain)  # type: ignore[arg-type]
        assert plain.execute("SELECT 1").fetchone() == (1,)
    pool.return_connection([])  # type: ignore[arg-type]
    other = DatabaseConnectionPool("defensive.db")
    foreign = other.get_connection()
    pool.return_connection(foreign)
    assert len([r for r in caplog.records if "not lent by this pool" in r.getMessage()]) == 5
    assert foreign.execute("SELECT 1").fetchone() == (1,)
    other.close_all()
    assert active(pool) == 0


def test_returned_by_another_thread(pool: DatabaseConnectionPool) -> None:
    connection = pool.get_connection()
    thread = threading.Thread(target=pool.return_connection, args=(connection,))
    thread.start()
    thread.join()
    assert active(pool) == 0


def test_many_threads(pool: DatabaseConnectionPool) -> None:
    def work(thread: int) -> None:
        for i in range(5):
            connection = pool.get_connection()
            try:
                connection.execute(INSERT, (os.urandom(16), f"{thread}-{i}"))
                connection.commit()
            finally:
                pool.return_connection(connection)

    pool.timeout = 30.0
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))
    connection = pool.get_connection()
    assert connection.execute("SELECT count(*) FROM clients").fetchone() == (40,)
    pool.return_connection(connection)
    assert active(pool) == 0


def test_calls_of_the_manager_are_no_part_of_the_pools_size(
    db: DatabaseManager, anna: bytes
) -> None:
    def work(i: int) -> None:
        db.save_file_info_to_db(anna, f"{i}", f"received_files/{i}", True, 1, None)
        db.get_client_files(anna)
        told = db.get_connection_pool_metrics()
        if db.use_pool:
            assert told["total_connections"] <= 5 and told["active_connections"] <= 5
            assert told["peak_active_connections"] <= 5

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(work, range(48)))


def test_what_nobody_refers_to_is_taken_back(pool: DatabaseConnectionPool) -> None:
    class Holder:
        pass

    gc.disable()
    try:
        holder = Holder()
        holder.itself = holder  # type: ignore[attr-defined]
        holder.connection = pool.get_connection()  # type: ignore[attr-defined]
        assert active(pool) == 1
        del holder
        assert pool.force_cleanup() == 1
    finally:
        gc.enable()
    assert active(pool) == 0
    status = pool.get_pool_status()
    assert (status["cleanup_operations"], status["stale_connections_cleaned"]) == (1, 1)
    assert status["last_cleanup_time"] is not None


def test_closed_and_opened_again(pool: DatabaseConnectionPool) -> None:
    lent = pool.get_connection()
    pool.close_all()
    status = pool.get_pool_status()
    assert set(status) == STATUS
    assert status["cleanup_thread_alive"] is False and status["total_connections"] == 0
    with pytest.raises(sqlite3.ProgrammingError):
        lent.execute("SELECT 1")
    pool.return_connection(lent)
    pool.close_all()
    connection = pool.get_connection()
    assert connection.execute("SELECT 1").fetchone() == (1,)
    pool.return_connection(connection)
    assert pool.get_pool_status()["cleanup_thread_alive"] is True


def test_a_lent_connection_upgrades_before_it_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from old_databases import BOB, make

    monkeypatch.chdir(tmp_path)
    make(tmp_path / "defensive.db", 1)
    pool = DatabaseConnectionPool("defensive.db")
    connection = pool.get_connection()
    assert connection.execute("SELECT count(*) FROM files").fetchone() == (3,)
    assert not list(tmp_path.glob("*backup*"))
    connection.execute("UPDATE clients SET Name = 'x' WHERE ID = ?", (BOB,))
    connection.commit()
    assert connection.execute("SELECT max(version) > 5 FROM database_migrations").fetchone() == (1,)
    assert len(list(tmp_path.glob("defensive.db_backup_2*.db"))) == 1
    pool.return_connection(connection)
    pool.close_all()


def test_a_call_does_not_get_into_a_lent_connections_transaction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    db = DatabaseManager("defensive.db")
    db.init_database()
    assert db.connection_pool is not None
    connection = db.connection_pool.get_connection()
    connection.execute(INSERT, (os.urandom(16), "pending"))
    db.save_client_to_db(os.urandom(16), "refused", None, None)
    assert "locked" in caplog.text
    connection.rollback()
    db.save_client_to_db(os.urandom(16), "kept", None, None)
    db.connection_pool.return_connection(connection)
    assert [name for _, name, _, _ in db.load_clients_from_db()] == ["kept"]
    db.cleanup_connection_pool()


# ---- What the manager tells of it


def test_metrics(db: DatabaseManager) -> None:
    told = db.get_connection_pool_metrics()
    if not db.use_pool:
        assert set(told) == {"pool_enabled", "message"} and told["pool_enabled"] is False
        return
    assert set(told) == STATUS | {"pool_enabled"}
    assert told["pool_enabled"] is True and told["pool_size"] == 5


def test_monitoring(db: DatabaseManager) -> None:
    told = db.monitor_connection_pool()
    if not db.use_pool:
        assert set(told) == {"monitoring_enabled", "message", "recommendations"}
        assert told["monitoring_enabled"] is False and told["recommendations"]
        return
    assert set(told) == {
        "monitoring_enabled", "pool_status", "pool_utilization", "warnings", "recommendations",
        "health_score",
    }
    assert set(told["pool_status"]) == STATUS
    assert told["monitoring_enabled"] is True
    assert (told["health_score"], told["pool_utilization"]) == (100.0, 0.0)
    assert told["warnings"] == [] == told["recommendations"]


def test_cleaning(db: DatabaseManager) -> None:
    told = db.force_cleanup_connections()
    if not db.use_pool:
        assert set(told) == {"cleanup_performed", "message", "recommendation"}
        assert told["cleanup_performed"] is False
        return
    assert set(told) == {
        "cleanup_performed", "connections_before", "connections_after", "connections_cleaned",
        "cleanup_time",
    }
    assert told["cleanup_performed"] is True and told["connections_cleaned"] == 0
    assert set(told["connections_before"]) == set(told["connections_after"]) == {"total", "active"}


def test_exhaustion(db: DatabaseManager, monkeypatch: pytest.MonkeyPatch) -> None:
    told = db.check_pool_exhaustion()
    if not db.use_pool:
        assert set(told) == {"pool_enabled", "message"} and told["pool_enabled"] is False
        return
    assert set(told) == {
        "pool_enabled", "exhaustion_risk", "pool_utilization", "available_connections",
        "active_connections", "pool_size", "exhaustion_events", "issues", "recommendations",
    }
    pool = db.connection_pool
    assert pool is not None
    risks, lent = [told["exhaustion_risk"]], []
    for _ in range(5):
        lent.append(pool.get_connection())
        told = db.check_pool_exhaustion()
        risks.append(told["exhaustion_risk"])
        assert told["pool_utilization"] == 20.0 * told["active_connections"] == 20.0 * len(lent)
    assert risks == ["low", "low", "low", "medium", "high", "critical"]
    assert told["issues"] and told["recommendations"] and told["available_connections"] == 0
    assert db.monitor_connection_pool()["warnings"]
    assert db.get_database_health()["connection_pool_metrics"]["utilization_percent"] == 100.0
    for connection in lent:
        pool.return_connection(connection)
    assert db.check_pool_exhaustion()["exhaustion_risk"] == "low"


def test_the_pool_is_the_size_of_the_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.config, "CONNECTION_POOL_SIZE", 2, raising=False)
    monkeypatch.setattr(server.config, "CONNECTION_TIMEOUT", 0.1, raising=False)
    db = DatabaseManager(str(tmp_path / "a.db"))
    assert db.get_connection_pool_metrics()["pool_size"] == 2
    pool = db.connection_pool
    assert pool is not None
    lent = [pool.get_connection() for _ in range(3)]
    assert len(pool.emergency_connections) == 1
    for connection in lent:
        pool.return_connection(connection)
    db.cleanup_connection_pool()


# ---- Closing


def test_calls_after_closing_work(db: DatabaseManager, anna: bytes) -> None:
    for _ in range(3):
        db.cleanup_connection_pool()
        assert db.get_total_clients_count() == 1
        db.save_client_to_db(anna, "anna", None, None)
        with db.transaction() as connection:
            connection.execute("SELECT 1")
    db.cleanup_connection_pool()
    db.cleanup_connection_pool()
    assert not Path("defensive.db-wal").exists()


def test_an_unread_cursor_does_not_hold_up_closing(
    db: DatabaseManager, caplog: pytest.LogCaptureFixture
) -> None:
    cursor = db.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000) SELECT i FROM n"
    )
    assert next(cursor) == (1,)
    db.cleanup_connection_pool()
    assert "stays open" in caplog.text
    assert len(cursor.fetchall()) == 4999
    assert db.execute("SELECT 1", fetchone=True) == (1,)


def test_a_cursor_that_is_read_does_not_keep_it_open(db: DatabaseManager, anna: bytes) -> None:
    cursor = db.execute("UPDATE clients SET Name = 'anne'")
    db.cleanup_connection_pool()
    assert not Path("defensive.db-wal").exists()
    assert cursor.rowcount == 1


def test_closing_in_a_transaction(db: DatabaseManager, anna: bytes) -> None:
    with db.transaction() as connection:
        connection.execute(INSERT, (os.urandom(16), "first"))
        db.cleanup_connection_pool()
        assert db.get_total_clients_count() == 2
        connection.execute(INSERT, (os.urandom(16), "second"))
    assert [name for _, name, _, _ in db.load_clients_from_db()] == ["anna", "first", "second"]


def test_closing_ends_what_a_statement_has_begun(
    db: DatabaseManager, anna: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    db.execute("BEGIN")
    db.execute(INSERT, (os.urandom(16), "lost"))
    db.cleanup_connection_pool()
    assert "rolled back" in caplog.text
    db.save_client_to_db(os.urandom(16), "kept", None, None)
    assert [name for _, name, _, _ in db.load_clients_from_db()] == ["anna", "kept"]


def test_closing_beside_a_transaction(db: DatabaseManager, anna: bytes) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        with db.transaction() as connection:
            connection.execute(INSERT, (os.urandom(16), "held"))
            inside.set()
            assert go_on.wait(30)

    with ThreadPoolExecutor(1) as threads:
        held = threads.submit(hold)
        assert inside.wait(30)
        db.cleanup_connection_pool()
        assert db.get_total_clients_count() == 1
        go_on.set()
        held.result()
    db.save_client_to_db(os.urandom(16), "after", None, None)
    assert db.get_total_clients_count() == 3


def test_closing_while_others_work(db: DatabaseManager, anna: bytes) -> None:
    stop = threading.Event()
    failures: list[BaseException] = []

    def work() -> None:
        while not stop.is_set():
            try:
                db.get_file_info(anna.hex(), "a")
                assert db.execute("SELECT count(*) FROM clients", fetchone=True) == (1,)
            except ServerError:
                pass
            except BaseException as error:
                failures.append(error)

    logging.getLogger("server.database").setLevel(logging.CRITICAL)
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        db.cleanup_connection_pool()
    stop.set()
    for thread in threads:
        thread.join()
    logging.getLogger("server.database").setLevel(logging.NOTSET)
    assert failures == []
    assert db.get_total_clients_count() == 1


def test_health_after_closing(db: DatabaseManager) -> None:
    db.cleanup_connection_pool()
    health = db.get_database_health()
    assert health["integrity_check"] is True and health["connection_pool_healthy"] is True


# ---- Forking


def test_a_child_needs_its_own(db: DatabaseManager, anna: bytes) -> None:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        told: list[object] = []
        try:
            try:
                db.execute("SELECT 1")
                told.append("nothing")
            except ServerError as error:
                told.append(str(error))
            told.append(db.get_all_clients())
            fresh = DatabaseManager("defensive.db", use_pool=db.use_pool)
            fresh.save_client_to_db(os.urandom(16), "child", None, None)
            told.append(fresh.get_total_clients_count())
            fresh.cleanup_connection_pool()
            db.cleanup_connection_pool()
            told.append("closed")
        finally:
            os.write(writer, json.dumps(told).encode())
            os._exit(0)
    os.close(writer)
    with open(reader) as pipe:
        words, *rest = json.load(pipe)
    os.waitpid(child, 0)
    assert str(os.getpid()) in words and "new DatabaseManager" in words
    assert rest == [[], 2, "closed"]
    assert db.get_total_clients_count() == 2


def test_one_that_was_not_used_yet_may_be_forked(tmp_path: Path) -> None:
    db = DatabaseManager(str(tmp_path / "a.db"))
    child = os.fork()
    if child == 0:
        db.save_client_to_db(os.urandom(16), "child", None, None)
        os._exit(db.get_total_clients_count())
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    assert db.get_total_clients_count() == 1


@pytest.mark.elsewhere
def test_multiprocessing(tmp_path: Path) -> None:
    script = tmp_path / "many.py"
    script.write_text("""
import multiprocessing, os, sys
from server import config, database

config.DATABASE_NAME = sys.argv[2]

def work(i):
    db = database.get_database_manager()
    db.save_client_to_db(os.urandom(16), f"client {i}", None, None)
    return os.getpid()

if __name__ == "__main__":
    config.DATABASE_NAME = sys.argv[2]
    database.init_database()
    with multiprocessing.get_context(sys.argv[1]).Pool(3) as pool:
        pool.map(work, range(30), 1)
    print(database.get_database_manager().get_total_clients_count())
""")
    for how in ("fork", "spawn"):
        done = subprocess.run(
            [sys.executable, str(script), how, str(tmp_path / f"{how}.db")],
            capture_output=True, text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        assert done.stdout.strip() == "30", done.stderr
