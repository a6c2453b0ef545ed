"""Databases of every old version: they can be read, and the first write upgrades them."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

import server.config
from old_databases import ANNA, BOB, make, save_client, save_file
from server.database import DatabaseManager

VERSIONS = range(6)


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as other:
        ledger = "SELECT 1 FROM sqlite_schema WHERE name = 'database_migrations'"
        if other.execute(ledger).fetchone() is None:
            return 0
        return int(other.execute("SELECT max(version) FROM database_migrations").fetchone()[0])


@pytest.fixture(params=[True, False], ids=["pool", "direct"])
def manager(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[int], DatabaseManager]:
    """Makes the database of a version, and a manager of it."""
    monkeypatch.chdir(tmp_path)

    def of(version: int) -> DatabaseManager:
        make(tmp_path / "defensive.db", version)
        return DatabaseManager("defensive.db", use_pool=request.param)

    return of


@pytest.mark.parametrize("version", VERSIONS)
def test_reading(
    manager: Callable[[int], DatabaseManager], version: int, tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    db = manager(version)
    anna = db.get_client_by_id(ANNA)
    assert anna == (ANNA, "anna", b"k" * 160, "2025-08-05T18:20:36+00:00Z", b"a" * 32)
    assert db.get_client_by_name("anna") == anna
    assert [name for _, name, _, _ in db.load_clients_from_db()] == ["anna", "bob"]
    assert [client["id"] for client in db.get_all_clients()] == [ANNA.hex(), BOB.hex()]
    assert db.get_total_clients_count() == 2 and db.get_total_files_count() == 3
    assert sorted(db.get_client_files(ANNA)) == [
        ("One.TXT", "received_files/One.TXT", True),
        ("three.txt", "received_files/three.txt", False),
        ("two.pdf", "received_files/two.pdf", False),
    ]
    assert db.get_file_info(ANNA.hex(), "One.TXT") == {
        "filename": "One.TXT", "path": "received_files/One.TXT", "verified": True,
        "client": "anna", "size": 100, "date": "2025-08-05T10:00:00", "crc": 7,
    }
    assert len(db.get_all_files()) == 3
    assert (db.get_total_storage_bytes(), db.get_total_bytes_transferred()) == (400, 100)
    assert db.get_average_backup_size_bytes() == 200.0
    assert [hit["filename"] for hit in db.search_files_advanced("ONE")] == ["One.TXT"]
    assert db.get_database_stats()["verified_files"] == 1
    assert db.get_storage_statistics()["file_stats"]["verification_rate"] == pytest.approx(100 / 3)
    assert db.get_database_health()["integrity_check"] is True
    assert db.get_metrics_history("load") == []
    assert db.execute("SELECT count(*) FROM files", fetchone=True) == (3,)
    assert [c["name"] for c in db.get_table_schema("files") if c["pk"]] == ["ID"]
    assert db.get_row_by_primary_key("clients", ANNA) is not None
    path = db.backup_database_to_file()
    assert version_of(Path(path)) == version
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
    db.cleanup_connection_pool()
    assert version_of(tmp_path / "defensive.db") == version


WRITES: dict[str, Callable[[DatabaseManager], object]] = {
    "client": lambda db: db.save_client_to_db(os.urandom(16), "new", None, None),
    "update": lambda db: db.update_client(ANNA, name="anne"),
    "bulk": lambda db: db.bulk_insert_clients([{"id": os.urandom(16), "name": "new"}]),
    "file": lambda db: db.save_file_info_to_db(BOB, "new", "received_files/new", True, 1, None),
    "verify": lambda db: db.update_file_verification(ANNA.hex(), "two.pdf", True, 1),
    "metric": lambda db: db.record_metric("load", 1.0),
    "execute": lambda db: db.execute("UPDATE clients SET Name = 'x' WHERE ID = ?", (BOB,)),
    "many": lambda db: db.execute_many("UPDATE clients SET Name = ? WHERE ID = ?", [("x", BOB)]),
    "table": lambda db: db.update_table_row("clients", BOB, {"Name": "x"}),
}


@pytest.mark.parametrize("write", WRITES)
def test_the_first_write_upgrades(
    manager: Callable[[int], DatabaseManager], write: str, tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    db = manager(5)
    assert db.get_total_files_count() == 3
    before = sqlite_rows(tmp_path / "defensive.db")
    WRITES[write](db)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
    assert "schema version 5" in caplog.text
    assert version_of(tmp_path / "defensive.db") > 5
    [backup] = tmp_path.glob("defensive.db_backup_2*.db")
    assert version_of(backup) == 5
    assert sqlite_rows(backup) == before
    db.cleanup_connection_pool()


def sqlite_rows(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as other:
        return other.execute("SELECT * FROM files ORDER BY FileName").fetchall()


@pytest.mark.parametrize("version", VERSIONS)
def test_writing(manager: Callable[[int], DatabaseManager], version: int) -> None:
    db = manager(version)
    with db.transaction() as connection:
        connection.execute("UPDATE clients SET Name = 'anne' WHERE ID = ?", (ANNA,))
        db.save_file_info_to_db(ANNA, "One.TXT", "received_files/One.TXT", True, 101, None, 8)
    assert db.get_client_by_name("anne") is not None
    assert sorted((f["filename"], f["size"]) for f in db.get_all_files()) == [
        ("One.TXT", 101), ("three.txt", 300), ("two.pdf", None)
    ]
    db.cleanup_connection_pool()


def test_upgrading_without_a_backup(
    manager: Callable[[int], DatabaseManager], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.config, "MIGRATION_BACKUP_ENABLED", False, raising=False)
    manager(3).init_database()
    assert version_of(tmp_path / "defensive.db") > 5
    assert list(tmp_path.glob("*backup*")) == []


def test_many_threads_write_first(
    manager: Callable[[int], DatabaseManager], tmp_path: Path
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    db = manager(2)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(
            lambda i: db.save_file_info_to_db(ANNA, f"{i}", f"p/{i}", True, 1, None), range(32)
        ))
    assert db.get_total_files_count() == 35
    assert len(list(tmp_path.glob("defensive.db_backup_2*.db"))) == 1
    db.cleanup_connection_pool()


def test_the_old_module_goes_on_beside_ours(
    manager: Callable[[int], DatabaseManager], tmp_path: Path
) -> None:
    db = manager(5)
    db.init_database()
    with closing(sqlite3.connect(tmp_path / "defensive.db")) as old:
        save_client(old, os.urandom(16), "carl")
        save_file(old, ANNA, "four", 4, True)
        save_file(old, ANNA, "four", 5, True)  # Twice: that is what it does.
        old.commit()
        assert db.get_total_clients_count() == 3
        assert db.get_database_stats()["total_files"] == 5
        assert db.get_total_storage_bytes() == 409
        db.save_file_info_to_db(ANNA, "five", "received_files/five", True, 1, None)
        assert old.execute("SELECT count(*) FROM files").fetchone() == (6,)
        assert len(db.search_files_advanced("four")) == 2
        assert db.delete_file_record(ANNA, "four") is True
        assert len(db.search_files_advanced("four")) == 1
    db.cleanup_connection_pool()
