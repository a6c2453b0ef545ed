"""Ways in which the old module lost data: each is done again here, and nothing is lost."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from server.database import DatabaseManager


def save(db: DatabaseManager, client: bytes, name: str, size: int = 3, crc: int = 1) -> None:
    db.save_file_info_to_db(
        client, name, f"received_files/{name}", True, size, "2026-01-31T09:30:00", crc
    )


def test_saving_a_client_again_keeps_its_files(db: DatabaseManager, anna: bytes) -> None:
    """INSERT OR REPLACE deleted the row, and its files with it."""
    save(db, anna, "a")
    db.save_client_to_db(anna, "anna", b"new key", b"new secret")
    assert db.get_client_files(anna) == [("a", "received_files/a", True)]


def test_a_client_of_the_same_name_deletes_nobody(db: DatabaseManager, anna: bytes) -> None:
    """REPLACE also deleted whoever had the name."""
    save(db, anna, "a")
    db.save_client_to_db(os.urandom(16), "anna", None, None)
    assert db.get_client_by_id(anna) is not None and len(db.get_client_files(anna)) == 1


def test_saving_a_file_again_makes_no_second_row(db: DatabaseManager, anna: bytes) -> None:
    """A new random id each time made a duplicate of each backup."""
    save(db, anna, "a")
    save(db, anna, "a")
    save(db, anna, "a", size=5, crc=2)
    assert [file["size"] for file in db.get_all_files()] == [5]
    assert db.execute("SELECT count(*) FROM files", fetchone=True) == (1,)
    assert db.execute("SELECT TotalVersions FROM files", fetchone=True) == (2,)


def test_deleting_a_client_says_so(db: DatabaseManager, anna: bytes) -> None:
    """With the pool it reported a failure, having done it."""
    assert db.delete_client(anna) is True
    assert db.get_client_by_id(anna) is None


def test_deleting_a_file_deletes_file_and_record(
    db: DatabaseManager, anna: bytes, tmp_path: Path
) -> None:
    """It looked for the client's id in the wrong column."""
    db.ensure_storage_dir()
    (tmp_path / "received_files" / "a").write_bytes(b"abc")
    save(db, anna, "a")
    assert db.delete_file(anna.hex(), "a") is True
    assert not (tmp_path / "received_files" / "a").exists()
    assert db.get_file_info(anna.hex(), "a") is None


def test_a_file_that_cannot_be_deleted_keeps_its_record(
    db: DatabaseManager, anna: bytes, tmp_path: Path
) -> None:
    """One of the two went, and the other stayed."""
    (tmp_path / "received_files" / "a").mkdir(parents=True)
    save(db, anna, "a")
    assert db.delete_file(anna.hex(), "a") is False
    assert db.get_file_info(anna.hex(), "a") is not None
    assert (tmp_path / "received_files" / "a").is_dir()


def test_a_connection_returned_in_mid_transaction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The next one who lent it went on in that transaction: what he saved was rolled back."""
    monkeypatch.chdir(tmp_path)
    db = DatabaseManager("defensive.db")
    db.init_database()
    pool = db.connection_pool
    assert pool is not None
    connection = pool.get_connection()
    insert = "INSERT INTO clients (ID, Name, LastSeen) VALUES (?, ?, 'x')"
    connection.execute(insert, (os.urandom(16), "forgotten"))
    pool.return_connection(connection)
    assert any(record.levelname == "WARNING" for record in caplog.records)
    again = pool.get_connection()
    assert not again.in_transaction
    again.execute(insert, (os.urandom(16), "kept"))
    again.commit()
    pool.return_connection(again)
    assert [name for _, name, _, _ in db.load_clients_from_db()] == ["kept"]
    db.cleanup_connection_pool()


def test_what_is_written_without_commit_is_kept(db: DatabaseManager, anna: bytes) -> None:
    """The pool took the connection back, and the statement was rolled back some time later."""
    db.execute("UPDATE clients SET Name = 'anne' WHERE ID = ?", (anna,))
    db.cleanup_connection_pool()
    assert db.get_client_by_name("anne") is not None


def test_a_backup_holds_what_is_still_in_the_log(db: DatabaseManager, anna: bytes) -> None:
    """The file was copied without its write-ahead log."""
    with closing(sqlite3.connect("defensive.db")) as other:
        other.execute("PRAGMA wal_autocheckpoint = 0")
        other.execute("BEGIN")
        other.execute("SELECT * FROM clients").fetchall()  # Keeps the log from being brought in.
        save(db, anna, "in the log")
        path = db.backup_database_to_file()
    with closing(sqlite3.connect(path)) as copy:
        assert copy.execute("SELECT FileName FROM files").fetchall() == [("in the log",)]


def test_the_migrations_backup_holds_what_is_still_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same, before the one operation that needs it most."""
    import old_databases

    monkeypatch.chdir(tmp_path)
    path = tmp_path / "defensive.db"
    old_databases.make(path, 5)
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("PRAGMA wal_autocheckpoint = 0")
        old_databases.save_file(other, old_databases.ANNA, "in the log", 1, True)
        other.commit()
        db = DatabaseManager("defensive.db")
        db.init_database()
        db.cleanup_connection_pool()
    [backup] = tmp_path.glob("defensive.db_backup_2*.db")
    with closing(sqlite3.connect(backup)) as copy:
        names = [name for (name,) in copy.execute("SELECT FileName FROM files ORDER BY FileName")]
    assert names == ["One.TXT", "in the log", "three.txt", "two.pdf"]


def test_metrics_of_yesterday_and_of_last_month(db: DatabaseManager) -> None:
    """Hours were subtracted from the hour of the day, and days from the day of the month."""
    now = datetime.now(timezone.utc)
    for hours in (0, 1, 23, 25, 24 * 6, 24 * 8, 24 * 32, 24 * 366):
        when = now - timedelta(hours=hours)
        for stamp in (when.isoformat(), when.replace(tzinfo=None).isoformat(sep=" ")):
            db.execute(
                "INSERT INTO metrics_history (timestamp, metric_name, value) VALUES (?, 'load', ?)",
                (stamp, hours), commit=True,
            )

    def within(hours: int) -> list[float]:
        return sorted({point["value"] for point in db.get_metrics_history("load", hours)})

    assert within(2) == [0, 1]
    assert within(24) == [0, 1, 23]
    assert within(24 * 33) == [0, 1, 23, 25, 24 * 6, 24 * 8, 24 * 32]
    assert db.cleanup_old_metrics(days_to_keep=40) == 2
    assert db.cleanup_old_metrics() == 4
    assert within(24 * 400) == [0, 1, 23, 25, 24 * 6]


def test_statistics_are_of_this_moment(db: DatabaseManager, anna: bytes) -> None:
    """They were up to 30 seconds old."""
    for i in range(3):
        assert db.get_database_stats()["total_files"] == db.get_total_files_count() == i
        assert db.get_storage_statistics()["file_stats"]["total_files"] == i
        save(db, anna, f"{i}")
    with closing(sqlite3.connect("defensive.db")) as other, other:
        other.execute("DELETE FROM files WHERE FileName = '0'")
    assert db.get_database_stats()["total_files"] == 2
    assert db.get_storage_statistics()["file_stats"]["verified_files"] == 2


def test_a_tables_name_is_no_statement(db: DatabaseManager, anna: bytes) -> None:
    """It was pasted into the SQL."""
    save(db, anna, "a")
    for name in ("files; DROP TABLE files", 'files" WHERE 0; DELETE FROM files; --'):
        db.get_table_content(name)
        db.get_table_schema(name)
        db.update_table_row(name, anna, {"Name": "x"})
        db.update_table_row("clients", anna, {f"Name = 'x' WHERE 1; DELETE FROM {name}": "x"})
        db.delete_table_row(name, anna)
    assert db.get_total_files_count() == 1 and db.get_client_by_name("anna") is not None


def test_foreign_keys_hold_on_every_connection(db: DatabaseManager, anna: bytes) -> None:
    """The pragma was set on one of them."""
    refused: list[bool] = []
    barrier = threading.Barrier(8)

    def insert() -> None:
        barrier.wait(30)
        refused.append(db.execute(
            "INSERT INTO files (ID, FileName, PathName, ClientID) VALUES (?, 'x', 'x', ?)",
            (os.urandom(16), os.urandom(16)), commit=True,
        ) is None)

    threads = [threading.Thread(target=insert) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == [True] * 8
    save(db, anna, "a")
    db.execute("DELETE FROM clients WHERE ID = ?", (anna,), commit=True)
    assert db.execute("SELECT count(*) FROM files", fetchone=True) == (0,)
