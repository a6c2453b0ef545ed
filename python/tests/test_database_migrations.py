"""The compatible module `server.database_migrations`, and its command line."""

from __future__ import annotations

import inspect
import logging
import multiprocessing
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, get_type_hints

import old_databases
import pytest

import strongroom
from server import config, database_migrations
from server.database_migrations import (
    DatabaseMigration,
    DatabaseMigrationManager,
    migrate_database,
)
from server.exceptions import ServerError

LOGGER = "server.database_migrations"
LATEST = 19
STATUS_KEYS = {
    "current_version", "latest_version", "pending_migrations", "total_migrations",
    "database_file", "database_exists",
}
TAPES = (
    "CREATE TABLE tapes (ID INTEGER PRIMARY KEY, Label TEXT); "
    "INSERT INTO tapes (Label) VALUES ('first'), ('second; with a semicolon')"
)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a database may be, and DATABASE_NAME."""
    path = tmp_path / "defensive.db"
    monkeypatch.setattr(config, "DATABASE_NAME", str(path))
    monkeypatch.chdir(tmp_path)
    return path


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An old database that was upgraded."""
    path = tmp_path_factory.mktemp("template") / "defensive.db"
    old_databases.make(path, 5)
    assert migrate_database(str(path)) is True
    return path


@pytest.fixture
def upgraded(path: Path, template: Path) -> Path:
    """DATABASE_NAME, at the latest version."""
    return Path(shutil.copy(template, path))


def ask(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(sql).fetchall()


def do(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(sql)


def backups(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}_backup_2*"))


def tapes(version: int = 6, sql: str = TAPES) -> DatabaseMigration:
    return DatabaseMigration(version, "Tape library", sql, "DROP TABLE tapes")


# ---- The interface


def test_signatures() -> None:
    def of(function: Callable[..., object]) -> str:
        return str(inspect.signature(function).replace(return_annotation=inspect.Signature.empty))

    assert of(DatabaseMigration) == (
        "(version: 'int', description: 'str', up_sql: 'str', down_sql: 'str' = '')"
    )
    assert of(DatabaseMigrationManager) == "(db_name: 'str | None' = None)"
    assert of(migrate_database) == "(db_name: 'str | None' = None)"
    returned: dict[Callable[..., object], object] = {
        DatabaseMigrationManager.get_current_version: int,
        DatabaseMigrationManager.get_pending_migrations: list[DatabaseMigration],
        DatabaseMigrationManager.apply_migration: bool,
        DatabaseMigrationManager.migrate_to_latest: bool,
        DatabaseMigrationManager.backup_database: str,
        DatabaseMigrationManager.validate_database_integrity: bool,
        DatabaseMigrationManager.get_migration_status: dict[str, Any],
        migrate_database: bool,
    }
    for function, kind in returned.items():
        assert get_type_hints(function)["return"] == kind


def test_a_migration_is_what_it_was_made_of() -> None:
    migration = DatabaseMigration(7, "words", "SELECT 1")
    assert (migration.version, migration.description) == (7, "words")
    assert (migration.up_sql, migration.down_sql) == ("SELECT 1", "")
    assert DatabaseMigration(7, "words", "a", down_sql="b").down_sql == "b"
    assert "7" in repr(migration)


def test_the_catalogs_own(path: Path) -> None:
    migrations = DatabaseMigrationManager().migrations
    assert [migration.version for migration in migrations] == list(range(1, LATEST + 1))
    assert all(isinstance(migration, DatabaseMigration) for migration in migrations)
    assert "idx_files_client_id" in migrations[0].up_sql
    assert "DROP INDEX" in migrations[0].down_sql
    assert migrations[4].description == "Add file versioning support"
    assert not path.exists()


def test_status_of_no_database(path: Path) -> None:
    manager = DatabaseMigrationManager()
    status = manager.get_migration_status()
    assert status == {
        "current_version": 0,
        "latest_version": LATEST,
        "pending_migrations": LATEST,
        "total_migrations": LATEST,
        "database_file": str(path),
        "database_exists": False,
    }
    assert manager.db_name == str(path)
    assert manager.get_current_version() == 0
    assert [m.version for m in manager.get_pending_migrations()] == list(range(1, LATEST + 1))
    assert os.listdir(path.parent) == []


def test_a_name_that_is_given(path: Path, tmp_path: Path) -> None:
    manager = DatabaseMigrationManager("other.db")
    assert manager.db_name == "other.db"
    assert manager.migrate_to_latest() is True
    assert (tmp_path / "other.db").exists()
    assert not path.exists()
    assert migrate_database(str(tmp_path / "third.db")) is True
    assert (tmp_path / "third.db").exists()


# ---- Upgrading


@pytest.mark.parametrize("version", range(6))
def test_every_old_version(path: Path, version: int) -> None:
    old_databases.make(path, version)
    files = "SELECT ID, FileName, PathName, Verified, FileSize, CRC, ClientID FROM files ORDER BY 1"
    clients = "SELECT * FROM clients ORDER BY ID"
    before = ask(path, files), ask(path, clients)
    manager = DatabaseMigrationManager()
    assert manager.get_current_version() == version
    status = manager.get_migration_status()
    assert set(status) == STATUS_KEYS
    assert (status["current_version"], status["pending_migrations"]) == (version, LATEST - version)
    assert status["database_exists"] is True
    assert [m.version for m in manager.get_pending_migrations()] == list(
        range(version + 1, LATEST + 1)
    )
    assert manager.migrate_to_latest() is True
    assert (ask(path, files), ask(path, clients)) == before
    assert manager.get_current_version() == LATEST
    assert manager.get_pending_migrations() == []
    assert manager.validate_database_integrity() is True
    (backup,) = backups(path)
    assert ask(backup, files) == before[0]
    assert manager.migrate_to_latest() is True
    assert backups(path) == [backup]
    with strongroom.Catalog(path) as catalog:
        assert {file.name for file in catalog.search("o")} == {"One.TXT", "two.pdf"}


def test_applying_one(path: Path) -> None:
    old_databases.make(path, 0)
    manager = DatabaseMigrationManager()
    assert manager.apply_migration(manager.migrations[0]) is True
    assert manager.get_current_version() == 1
    assert ask(path, "SELECT version FROM database_migrations") == [(1,)]
    assert ("idx_files_client_verified",) in ask(path, "SELECT name FROM sqlite_master")
    assert manager.apply_migration(manager.migrations[1]) is True
    assert manager.get_current_version() == 2


def test_applying_one_again(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    old_databases.make(path, 3)
    manager = DatabaseMigrationManager()
    assert manager.apply_migration(manager.migrations[0]) is False
    assert "Migration 1 is already applied" in caplog.messages
    assert manager.get_current_version() == 3
    assert backups(path) == []


def test_out_of_order_it_is_brought_up_in_order(path: Path) -> None:
    old_databases.make(path, 1)
    manager = DatabaseMigrationManager()
    assert manager.apply_migration(manager.migrations[4]) is True
    assert manager.get_current_version() == 5
    assert [row[0] for row in ask(path, "SELECT version FROM database_migrations")] == [1, 2, 3, 4, 5]
    assert ask(path, "SELECT count(*) FROM file_categories") == [(4,)]


def test_applying_one_where_there_is_no_database(path: Path) -> None:
    manager = DatabaseMigrationManager()
    assert manager.apply_migration(manager.migrations[0]) is True
    assert manager.get_current_version() == LATEST
    assert manager.apply_migration(manager.migrations[0]) is False


def test_a_manager_that_is_behind_takes_nothing_down(path: Path) -> None:
    """Somebody has upgraded since this process has looked."""
    old_databases.make(path, 2)
    manager = DatabaseMigrationManager()
    behind = manager._state()
    assert migrate_database() is True
    assert manager._apply(behind, manager.migrations[4]) is False
    assert manager.get_current_version() == LATEST


def test_threads_upgrade_at_once(path: Path) -> None:
    old_databases.make(path, 0)
    results: list[bool] = []
    threads = [
        threading.Thread(target=lambda: results.append(migrate_database())) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 4
    assert DatabaseMigrationManager().get_current_version() == LATEST
    assert ask(path, "SELECT count(*) FROM files") == [(3,)]


def test_a_newer_database_is_left_alone(
    upgraded: Path, caplog: pytest.LogCaptureFixture
) -> None:
    do(upgraded, "INSERT INTO database_migrations VALUES (99, 'of tomorrow', 'then', NULL, 'c0ffee')")
    assert migrate_database() is False
    assert any("99" in message and "newer" in message for message in caplog.messages)


def test_what_is_no_database(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.write_text("These are no pages.\n" * 100)
    manager = DatabaseMigrationManager()
    assert manager.migrate_to_latest() is False
    assert manager.get_current_version() == 0
    assert manager.get_pending_migrations() == []
    assert manager.validate_database_integrity() is False
    assert set(manager.get_migration_status()) == STATUS_KEYS
    assert manager.apply_migration(manager.migrations[0]) is False
    assert manager.apply_migration(tapes()) is False
    assert {record.levelname for record in caplog.records} == {"ERROR"}
    assert {record.name for record in caplog.records} == {LOGGER}
    assert path.read_text().startswith("These are no pages.")


# ---- Backups


def test_backups_hold_what_is_in_the_log(path: Path) -> None:
    """The old module copied the file alone, without what lay in its write-ahead log."""
    old_databases.make(path, 5)
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        old_databases.save_file(writer, old_databases.ANNA, "in the log.txt", 5, True)
        writer.commit()
        copied = path.with_name("copied as of old.db")
        shutil.copy(path, copied)
        assert ask(copied, "SELECT count(*) FROM files") == [(3,)]  # What the bug was.
        manager = DatabaseMigrationManager()
        backup = Path(manager.backup_database())
        assert ask(backup, "SELECT count(*) FROM files") == [(4,)]
        assert backup.parent == path.parent
        assert backup.name.startswith("defensive.db_backup_")
        assert manager.migrate_to_latest() is True
    assert len(backups(path)) == 2
    for each in backups(path):
        assert ask(each, "SELECT count(*) FROM files") == [(4,)]
        assert ask(each, "PRAGMA integrity_check") == [("ok",)]
    assert ask(path, "SELECT count(*) FROM files") == [(4,)]


def test_backup_of_no_database(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ServerError, match="defensive.db"):
        DatabaseMigrationManager().backup_database()
    assert caplog.records[-1].levelname == "ERROR"
    assert os.listdir(path.parent) == []


# ---- Integrity


def test_integrity(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    manager = DatabaseMigrationManager()
    assert manager.validate_database_integrity() is False
    assert not path.exists()
    old_databases.make(path, 5)
    assert manager.validate_database_integrity() is True
    do(path, "DELETE FROM clients WHERE Name = 'anna'")  # Foreign keys are off, as of old.
    caplog.clear()
    assert manager.validate_database_integrity() is True
    assert any("refer to nothing" in message for message in caplog.messages)


def test_damage(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    old_databases.make(path, 5)
    do(path, "CREATE TABLE more AS SELECT randomblob(20000) AS x FROM files")
    (root,) = ask(path, "SELECT rootpage FROM sqlite_master WHERE name = 'idx_clients_name'")[0]
    (size,) = ask(path, "PRAGMA page_size")[0]
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xa5" * size)
    manager = DatabaseMigrationManager()
    assert manager.validate_database_integrity() is False
    assert caplog.records[-1].levelname == "ERROR"
    assert manager.migrate_to_latest() is False


# ---- A program's own migrations


def test_own_migrations_are_applied_behind_the_catalogs(path: Path) -> None:
    old_databases.make(path, 2)
    manager = DatabaseMigrationManager()
    manager.migrations.append(tapes(101))
    manager.migrations.append(DatabaseMigration(100, "Before", "CREATE TABLE before_tapes (a)"))
    status = manager.get_migration_status()
    assert (status["latest_version"], status["total_migrations"]) == (101, LATEST + 2)
    assert status["pending_migrations"] == LATEST - 2 + 2
    pending = [migration.version for migration in manager.get_pending_migrations()]
    assert pending == [*range(3, LATEST + 1), 100, 101]
    assert manager.migrate_to_latest() is True
    assert ask(path, "SELECT Label FROM tapes") == [("first",), ("second; with a semicolon",)]
    status = manager.get_migration_status()
    assert (status["current_version"], status["pending_migrations"]) == (101, 0)
    assert manager.get_current_version() == 101
    assert ask(path, "SELECT version, description, rollback_sql FROM own_migrations") == [
        (100, "Before", None), (101, "Tape library", "DROP TABLE tapes"),
    ]
    # A program without them is at the catalog's latest version, and has nothing to do.
    other = DatabaseMigrationManager()
    assert other.get_current_version() == LATEST
    assert other.migrate_to_latest() is True


def test_an_own_migration_with_a_number_of_the_catalogs(path: Path) -> None:
    old_databases.make(path, 5)
    manager = DatabaseMigrationManager()
    own = tapes(6)
    manager.migrations.append(own)
    assert own in manager.get_pending_migrations()
    assert manager.apply_migration(own) is True
    assert manager.get_current_version() == LATEST
    assert ask(path, "SELECT count(*) FROM tapes") == [(2,)]
    assert manager.apply_migration(own) is False
    assert manager.get_pending_migrations() == []
    assert ask(path, "SELECT count(*) FROM tapes") == [(2,)]


def test_an_own_migration_that_is_in_no_list(upgraded: Path) -> None:
    path, manager = upgraded, DatabaseMigrationManager()
    assert manager.apply_migration(tapes(1)) is True
    assert manager.apply_migration(tapes(1)) is False
    assert ask(path, "SELECT count(*) FROM tapes") == [(2,)]
    assert len(backups(path)) == 1


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE files",
        "CREATE TABLE a (b); DELETE FROM clients",
        "ALTER TABLE files DROP COLUMN CRC",
        "DROP INDEX idx_files_size",
        "DELETE FROM database_migrations",
        "PRAGMA writable_schema = 1",
        "ATTACH 'other.db' AS other",
        "CREATE TABLE a (b); COMMIT; DROP TABLE clients",
    ],
)
def test_dangerous_ones(upgraded: Path, caplog: pytest.LogCaptureFixture, sql: str) -> None:
    before = ask(upgraded, "SELECT * FROM sqlite_master ORDER BY name")
    assert DatabaseMigrationManager().apply_migration(tapes(7, sql)) is False
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert record.name == LOGGER
    assert record.getMessage().startswith("Migration 7 contains potentially dangerous operations")
    assert ask(upgraded, "SELECT * FROM sqlite_master ORDER BY name") == before
    assert ask(upgraded, "SELECT count(*) FROM files") == [(3,)]
    assert backups(upgraded) == []


def test_the_first_that_fails_ends_it(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    manager = DatabaseMigrationManager()
    manager.migrations += [
        tapes(100), tapes(101, "CREATE TABLE a (b); INSERT INTO nowhere VALUES (1)"),
        tapes(102, "CREATE TABLE never (a)"),
    ]
    assert manager.migrate_to_latest() is False
    assert any("Migration 101" in m and "nowhere" in m for m in caplog.messages)
    assert [row[0] for row in ask(path, "SELECT version FROM own_migrations")] == [100]
    tables = {row[0] for row in ask(path, "SELECT name FROM sqlite_master")}
    assert tables & {"tapes", "a", "never"} == {"tapes"}
    assert [m.version for m in manager.get_pending_migrations()] == [101, 102]


@pytest.mark.parametrize("version", [0, -1, 10**15 + 1, 2**70, "seven", None])
def test_numbers_that_are_none(
    upgraded: Path, caplog: pytest.LogCaptureFixture, version: Any
) -> None:
    assert DatabaseMigrationManager().apply_migration(tapes(version)) is False
    assert caplog.records[-1].levelname == "ERROR"


def test_what_old_code_has_applied(path: Path) -> None:
    """It wrote its users' own migrations into the same ledger."""
    old_databases.make(path, 5)
    do(path, "CREATE TABLE tapes (a); INSERT INTO database_migrations VALUES "
             "(6, 'Tape library', '2025-08-29T17:42:34.123456+00:00', 'DROP TABLE tapes')")
    manager = DatabaseMigrationManager()
    manager.migrations.append(tapes(6))
    assert manager.get_current_version() == 6
    assert [m.version for m in manager.get_pending_migrations()] == list(range(6, LATEST + 1))
    assert manager.migrate_to_latest() is True
    assert manager.get_pending_migrations() == []
    assert ask(path, "SELECT version, applied_at FROM own_migrations") == [
        (6, "2025-08-29T17:42:34.123456+00:00")
    ]


def apply_tapes(path: str, results: Any) -> None:
    results.put(DatabaseMigrationManager(path).apply_migration(tapes(7)))


@pytest.mark.elsewhere
def test_processes_apply_the_same_one_at_once(upgraded: Path) -> None:
    path = upgraded
    spawn = multiprocessing.get_context("spawn")
    results = spawn.Queue()
    processes = [spawn.Process(target=apply_tapes, args=(str(path), results)) for _ in range(3)]
    for process in processes:
        process.start()
    assert sorted(results.get(timeout=60) for _ in processes) == [False, False, True]
    for process in processes:
        process.join()
    assert ask(path, "SELECT count(*) FROM tapes") == [(2,)]


def test_ctrl_c(upgraded: Path) -> None:
    long = (
        "CREATE TABLE long AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
        "WHERE i < 10000000000) SELECT max(i) FROM n"
    )
    manager = DatabaseMigrationManager()
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        manager.apply_migration(tapes(8, long))
    timer.join()
    assert ("long",) not in ask(upgraded, "SELECT name FROM sqlite_master")
    assert manager.apply_migration(tapes(8)) is True


# ---- Settings and the log


def test_settings_are_read_when_they_are_used(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old_databases.make(path, 4)
    manager = DatabaseMigrationManager()
    monkeypatch.setattr(config, "MIGRATION_BACKUP_ENABLED", False, raising=False)
    assert manager.migrate_to_latest() is True
    assert backups(path) == []
    dangerous = tapes(8, "DELETE FROM files WHERE FileSize > 100")
    assert manager.apply_migration(dangerous) is False
    monkeypatch.setattr(config, "DANGEROUS_OPERATIONS_BLOCKED", False, raising=False)
    monkeypatch.setattr(config, "MIGRATION_BACKUP_ENABLED", True, raising=False)
    assert manager.apply_migration(dangerous) is True
    assert ask(path, "SELECT count(*) FROM files") == [(2,)]
    assert len(backups(path)) == 1


def test_settings_that_are_not_defined(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MIGRATION_BACKUP_ENABLED", "MIGRATION_VALIDATION_ENABLED",
                 "DANGEROUS_OPERATIONS_BLOCKED"):
        monkeypatch.delattr(config, name, raising=False)
    old_databases.make(path, 5)
    manager = DatabaseMigrationManager()
    assert manager.migrate_to_latest() is True
    assert len(backups(path)) == 1
    assert manager.apply_migration(tapes(8, "DROP TABLE files")) is False


def test_the_log_has_the_modules_name(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    old_databases.make(path, 4)
    assert migrate_database() is True
    ours = [record for record in caplog.records if record.name == LOGGER]
    assert any("is at version 5" in record.getMessage() for record in ours)  # The library's own.
    assert any(str(backups(path)[0]) in record.getMessage() for record in ours)


# ---- The command line


def run(
    script: Path, *arguments: str, folder: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(script), *arguments], cwd=folder, capture_output=True, text=True,
        env=os.environ | environment, check=False,
    )


@pytest.mark.elsewhere
def test_the_script(path: Path) -> None:
    script = Path(database_migrations.__file__)
    name = str(path)
    done = run(script, DATABASE_NAME=name)
    assert (done.returncode, done.stdout) == (
        0, f"Database version: 0/{LATEST}\nPending migrations: {LATEST}\n"
    )
    assert not path.exists()
    done = run(script, "migrate", DATABASE_NAME=name)
    assert (done.returncode, done.stdout) == (
        0, f"Database version: {LATEST}/{LATEST}\nPending migrations: 0\n"
    )
    path.unlink()
    old_databases.make(path, 3)
    assert run(script, DATABASE_NAME=name).stdout == (
        f"Database version: 3/{LATEST}\nPending migrations: {LATEST - 3}\n"
    )
    done = run(script, "migrate", DATABASE_NAME=name)
    assert done.stdout == f"Database version: {LATEST}/{LATEST}\nPending migrations: 0\n"
    assert str(backups(path)[0]) in done.stderr
    path.write_text("no database, " * 100)
    done = run(script, "migrate", DATABASE_NAME=name)
    assert done.returncode == 1
    assert "ERROR" in done.stderr


@pytest.mark.elsewhere
@pytest.mark.parametrize("arguments", [("up",), ("migrate", "now"), ("--migrate",), ("",)])
def test_the_script_with_wrong_words(path: Path, arguments: tuple[str, ...]) -> None:
    done = run(Path(database_migrations.__file__), *arguments, DATABASE_NAME=str(path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: ")
    assert not path.exists()


@pytest.mark.elsewhere
def test_the_script_helps(path: Path) -> None:
    done = run(Path(database_migrations.__file__), "--help", DATABASE_NAME=str(path))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: ")


@pytest.mark.elsewhere
def test_as_a_module(path: Path) -> None:
    source = str(Path(database_migrations.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-m", "server.database_migrations", "migrate"], capture_output=True,
        text=True, check=False,
        env=os.environ | {
            "DATABASE_NAME": str(path),
            "PYTHONPATH": os.pathsep.join([source, *filter(None, sys.path)]),
        },
    )
    assert done.returncode == 0
    assert done.stdout == f"Database version: {LATEST}/{LATEST}\nPending migrations: 0\n"


@pytest.mark.elsewhere
def test_in_somebody_elses_package(tmp_path: Path) -> None:
    """A copy of the file, whose neighbours are somebody's own."""
    package = tmp_path / "src" / "backupserver"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "config.py").write_text(
        "DATABASE_NAME = 'mine.db'\nMIGRATION_BACKUP_ENABLED = False\n"
    )
    (package / "exceptions.py").write_text("class ServerError(Exception):\n    pass\n")
    script = Path(shutil.copy(database_migrations.__file__, package))
    source = str(Path(strongroom.__file__).parent.parent)
    old_databases.make(tmp_path / "mine.db", 2)
    done = run(script, "migrate", folder=tmp_path, PYTHONPATH=source)
    assert (done.returncode, done.stdout) == (
        0, f"Database version: {LATEST}/{LATEST}\nPending migrations: 0\n"
    ), done.stderr
    assert backups(tmp_path / "mine.db") == []
    done = subprocess.run(
        [sys.executable, "-c",
         "from backupserver import database_migrations as m; print(m.logger.name, "
         "m.DatabaseMigrationManager().get_current_version())"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": f"{tmp_path / 'src'}{os.pathsep}{source}"},
    )
    assert done.stdout == f"backupserver.database_migrations {LATEST}\n"
