"""The contract of `server.database`: what there is, and what it takes."""

from __future__ import annotations

import inspect
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import server.config
import server.database
import server.exceptions
import strongroom
from server.database import DatabaseConnectionPool, DatabaseManager, ServerError
from strongroom import _strongroom

METHODS = {
    "__init__": "(self, db_name=None, use_pool=True)",
    "init_database": "(self)",
    "execute": "(self, query, params=(), commit=False, fetchone=False, fetchall=False)",
    "execute_many": "(self, query, param_list, commit=True)",
    "transaction": "(self)",
    "load_clients_from_db": "(self)",
    "save_client_to_db": "(self, client_id, name, public_key_bytes, aes_key)",
    "get_client_by_id": "(self, client_id)",
    "get_client_by_name": "(self, name)",
    "get_all_clients": "(self)",
    "update_client": "(self, client_id, name=None, public_key=None)",
    "delete_client": "(self, client_id)",
    "bulk_insert_clients": "(self, clients_data)",
    "get_total_clients_count": "(self)",
    "save_file_info_to_db": "(self, client_id, file_name, path_name, verified, file_size, "
    "mod_date, crc=None)",
    "get_client_files": "(self, client_id)",
    "get_files_for_client": "(self, client_id)",
    "get_all_files": "(self)",
    "get_file_info": "(self, client_id, filename)",
    "update_file_verification": "(self, client_id, filename, verified, crc)",
    "delete_file_record": "(self, client_id, file_name)",
    "delete_file": "(self, client_id, filename)",
    "get_total_files_count": "(self)",
    "get_total_storage_bytes": "(self, verified_only=False)",
    "get_average_backup_size_bytes": "(self, verified_only=False)",
    "get_total_bytes_transferred": "(self)",
    "search_files_advanced": "(self, search_term='', file_type='', client_name='', "
    "date_from='', date_to='', min_size=0, max_size=0, verified_only=False)",
    "get_database_stats": "(self)",
    "get_storage_statistics": "(self)",
    "get_database_health": "(self)",
    "optimize_database": "(self)",
    "backup_database_to_file": "(self, backup_path=None)",
    "check_database_size_limits": "(self)",
    "record_metric": "(self, name, value)",
    "get_metrics_history": "(self, name, hours=24)",
    "cleanup_old_metrics": "(self, days_to_keep=7)",
    "get_connection_pool_metrics": "(self)",
    "monitor_connection_pool": "(self)",
    "force_cleanup_connections": "(self)",
    "check_pool_exhaustion": "(self)",
    "cleanup_connection_pool": "(self)",
    "check_startup_permissions": "(self)",
    "ensure_storage_dir": "(self)",
    "get_table_names": "(self)",
    "get_table_schema": "(self, table_name)",
    "get_table_content": "(self, table_name)",
    "get_row_by_primary_key": "(self, table_name, primary_key_value)",
    "update_table_row": "(self, table_name, primary_key_value, new_data)",
    "delete_table_row": "(self, table_name, primary_key_value)",
}

POOL = {
    "__init__": "(self, db_name, pool_size=5, timeout=30.0, max_connection_age=3600.0, "
    "cleanup_interval=300.0)",
    "get_connection": "(self)",
    "return_connection": "(self, connection)",
    "get_pool_status": "(self)",
    "force_cleanup": "(self)",
    "close_all": "(self)",
}

FUNCTIONS = (
    "get_database_manager", "init_database", "check_database_permissions",
    "get_connection_pool_status", "monitor_database_connections",
)


def signature(of: object) -> str:
    """Without annotations."""
    found = inspect.signature(of)  # type: ignore[arg-type]
    plain = [p.replace(annotation=p.empty) for p in found.parameters.values()]
    return str(found.replace(parameters=plain, return_annotation=found.empty))


@pytest.mark.parametrize("name", METHODS)
def test_methods(name: str) -> None:
    assert signature(getattr(DatabaseManager, name)) == METHODS[name]
    assert name == "__init__" or inspect.getdoc(getattr(DatabaseManager, name)) or name in (
        "get_total_clients_count", "get_total_files_count", "get_table_names",
        "get_row_by_primary_key", "delete_table_row",
    )


@pytest.mark.parametrize("name", POOL)
def test_pool_methods(name: str) -> None:
    assert signature(getattr(DatabaseConnectionPool, name)) == POOL[name]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name: str) -> None:
    assert signature(getattr(server.database, name)) == "()"


def test_attributes(tmp_path: Path) -> None:
    path = str(tmp_path / "a.db")
    pooled = DatabaseManager(path)
    assert (pooled.db_name, pooled.use_pool) == (path, True)
    assert isinstance(pooled.connection_pool, DatabaseConnectionPool)
    direct = DatabaseManager(path, use_pool=False)
    assert (direct.use_pool, direct.connection_pool) == (False, None)


def test_nothing_is_opened_before_it_is_used(tmp_path: Path) -> None:
    DatabaseManager(str(tmp_path / "a.db"))
    assert list(tmp_path.iterdir()) == []


def test_errors() -> None:
    kinds = server.exceptions
    assert issubclass(kinds.ServerError, Exception)
    for kind in (kinds.ProtocolError, kinds.ClientError, kinds.FileError):
        assert issubclass(kind, kinds.ServerError)


# ---- Settings


@pytest.mark.elsewhere
@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, ("defensive.db", "received_files", 5, 30.0, True, True, True)),
        (
            {
                "DATABASE_NAME": "x.db", "FILE_STORAGE_DIR": "/y", "CONNECTION_POOL_SIZE": "7",
                "CONNECTION_TIMEOUT": "1.5", "MIGRATION_BACKUP_ENABLED": "no",
                "MIGRATION_VALIDATION_ENABLED": "0", "DANGEROUS_OPERATIONS_BLOCKED": "False",
            },
            ("x.db", "/y", 7, 1.5, False, False, False),
        ),
    ],
)
def test_settings_come_from_the_environment(
    variables: dict[str, str], expected: tuple[object, ...]
) -> None:
    names = (
        "DATABASE_NAME", "FILE_STORAGE_DIR", "CONNECTION_POOL_SIZE", "CONNECTION_TIMEOUT",
        "MIGRATION_BACKUP_ENABLED", "MIGRATION_VALIDATION_ENABLED", "DANGEROUS_OPERATIONS_BLOCKED",
    )
    kept = {key: value for key, value in os.environ.items() if key not in names}
    script = f"from server import config as c; print([getattr(c, n) for n in {names}])"
    told = subprocess.run(
        [sys.executable, "-c", script],
        env=kept | variables, capture_output=True, text=True, check=True,
    )
    assert told.stdout.strip() == str(list(expected))


@pytest.mark.elsewhere
@pytest.mark.parametrize(
    ("name", "value"),
    [("CONNECTION_POOL_SIZE", "many"), ("CONNECTION_POOL_SIZE", "1.5"),
     ("CONNECTION_TIMEOUT", "-1"), ("CONNECTION_TIMEOUT", "nan"),
     ("MIGRATION_BACKUP_ENABLED", "perhaps")],
)
def test_settings_that_make_no_sense_are_named(name: str, value: str) -> None:
    told = subprocess.run(
        [sys.executable, "-c", "import server.config"], env=os.environ | {name: value},
        capture_output=True, text=True,
    )
    assert told.returncode != 0
    assert name in told.stderr.splitlines()[-1] and value in told.stderr.splitlines()[-1]


def test_settings_are_read_when_they_are_used(
    db: DatabaseManager, anna: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    monkeypatch.setattr(server.config, "FILE_STORAGE_DIR", str(elsewhere))
    db.ensure_storage_dir()
    (elsewhere / "a").write_bytes(b"abc")
    assert db.get_storage_statistics()["storage_info"] == {
        "directory": str(elsewhere), "total_files": 1, "total_size_mb": 3 / 1048576
    }
    monkeypatch.setattr(server.config, "CONNECTION_POOL_SIZE", 3, raising=False)
    assert db.get_storage_statistics()["database_info"]["pool_size"] == 3
    monkeypatch.setattr(server.config, "CONNECTION_POOL_SIZE", -3, raising=False)
    with pytest.raises(ServerError, match="-3"):
        db.execute("SELECT 1")
    monkeypatch.setattr(server.config, "CONNECTION_POOL_SIZE", "many", raising=False)
    with pytest.raises(ServerError, match="config"):
        db.execute("SELECT 1")
    monkeypatch.setattr(server.config, "DATABASE_NAME", str(tmp_path / "other.db"))
    assert DatabaseManager().db_name == str(tmp_path / "other.db")


@pytest.mark.parametrize("name", ["CONNECTION_POOL_SIZE", "CONNECTION_TIMEOUT"])
@pytest.mark.parametrize("value", ["many", None, [5]])
def test_settings_that_are_no_numbers_are_named(
    tmp_path: Path, name: str, value: object, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(server.config, name, value, raising=False)
    db = DatabaseManager(str(tmp_path / "a.db"))
    raising: list[Callable[[], object]] = [
        db.init_database, db.load_clients_from_db, lambda: db.execute("SELECT 1")
    ]
    for call in raising:
        with pytest.raises(ServerError, match=name) as caught:
            call()
        assert repr(value) in str(caught.value)
    assert db.get_all_clients() == [] and db.save_client_to_db(bytes(16), "x", None, None) is None
    assert name in db.get_database_health()["issues"][0]
    assert db.monitor_connection_pool()["pool_status"]["total_connections"] == 0
    assert db.get_storage_statistics()["file_stats"]["total_files"] == 0
    assert all(name in record.getMessage() for record in caplog.records)


# ---- Opening


def test_what_cannot_be_opened(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "junk.db").write_bytes(b"junk" * 1000)
    for use_pool in (True, False):
        db = DatabaseManager(str(tmp_path / "junk.db"), use_pool)
        raising: list[Callable[[], object]] = [
            db.init_database, db.load_clients_from_db, db.backup_database_to_file,
            lambda: db.execute("SELECT 1"),
        ]
        for call in raising:
            with pytest.raises(ServerError, match="junk.db"):
                call()
        assert db.get_all_clients() == [] and db.get_client_by_name("x") is None
        assert db.get_total_files_count() == 0 and db.delete_client(bytes(16)) is False
        assert db.save_client_to_db(bytes(16), "x", None, None) is None
        assert db.execute("DELETE FROM files", commit=True) is None
        assert db.execute_many("DELETE FROM files WHERE ID = ?", [(1,)]) is False
        assert db.get_table_content("files") == ([], [])
        assert db.get_database_stats() == {
            "total_clients": 0, "total_files": 0, "verified_files": 0, "database_size_bytes": 0
        }
        health = db.get_database_health()
        assert health["integrity_check"] is False and "junk.db" in health["issues"][0]
        assert db.check_database_size_limits()["status"] == "error"
        assert "junk.db" in db.optimize_database()["errors"][0]
        assert db.bulk_insert_clients([{"id": bytes(16), "name": "x"}])["success"] is False
        assert db.get_storage_statistics()["file_stats"]["total_files"] == 0
        with pytest.raises(ServerError):
            with db.transaction():
                pass
    assert all("junk.db" in record.getMessage() for record in caplog.records)
    assert (tmp_path / "junk.db").read_bytes() == b"junk" * 1000


@pytest.mark.parametrize("kind", [strongroom.PermissionDeniedError, strongroom.ReadOnlyError])
def test_what_cannot_be_written_is_read(
    db: DatabaseManager, anna: bytes, kind: type[strongroom.Error],
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:
    opens = _strongroom.Catalog

    def refusing(path: str, **options: Any) -> _strongroom.Catalog:
        if not options.get("read_only"):
            raise kind("the file system is read-only")
        return opens(path, **options)

    db.cleanup_connection_pool()
    monkeypatch.setattr(_strongroom, "Catalog", refusing)
    for _ in range(2):
        assert [client["name"] for client in db.get_all_clients()] == ["anna"]
        assert db.execute("SELECT Name FROM clients", fetchall=True) == [("anna",)]
        assert db.get_database_health()["integrity_check"] is True
        db.cleanup_connection_pool()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "the file system is read-only" in caplog.text

    assert db.save_client_to_db(os.urandom(16), "bob", None, None) is None
    assert db.execute("DELETE FROM clients") is None
    assert db.delete_client(anna) is False
    assert db.bulk_insert_clients([{"id": os.urandom(16), "name": "x"}])["success"] is False
    assert [record.levelname for record in caplog.records[1:]] == ["ERROR"] * 4
    monkeypatch.setattr(_strongroom, "Catalog", opens)
    db.cleanup_connection_pool()
    assert db.delete_client(anna) is True


def writes(db: DatabaseManager, way: str) -> object:
    """Adds the client "bob"."""
    id, sql = os.urandom(16), "INSERT INTO clients (ID, Name, LastSeen) VALUES (?, 'bob', 'x')"
    if way == "call":
        return db.save_client_to_db(id, "bob", None, None)
    if way == "execute":
        return db.execute(sql, (id,))
    if way == "many":
        return db.execute_many(sql, [(id,)])
    return db.bulk_insert_clients([{"id": id, "name": "bob"}])


@pytest.mark.parametrize("way", ["call", "execute", "many", "transaction"])
@pytest.mark.parametrize("deleted", [True, False])
def test_a_file_that_went_away_is_opened_anew(
    db: DatabaseManager, anna: bytes, way: str, deleted: bool, empty_database: Path,
    tmp_path: Path, caplog: pytest.LogCaptureFixture,
) -> None:
    if deleted:
        os.unlink("defensive.db")
    else:
        for name in ("defensive.db-wal", "defensive.db-shm"):
            (tmp_path / name).unlink(missing_ok=True)
        shutil.copy(empty_database, "other.db")
        os.replace("other.db", "defensive.db")
    health = db.get_database_health()
    assert health["integrity_check"] is False
    assert "while it was open" in health["issues"][-1]
    writes(db, way)
    assert [client["name"] for client in db.get_all_clients()] == ["bob"]
    assert "is opened anew" in caplog.text
    assert "ERROR" not in [record.levelname for record in caplog.records]
    assert db.get_database_health()["integrity_check"] is True
    with closing(sqlite3.connect("defensive.db")) as other:
        assert other.execute("SELECT Name FROM clients").fetchall() == [("bob",)]


def test_the_log_of_one_file_does_not_get_into_another(
    tmp_path: Path, empty_database: Path, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(empty_database, tmp_path)
    db, anna = DatabaseManager("defensive.db"), os.urandom(16)
    db.save_client_to_db(anna, "anna", None, None)
    shutil.copy(empty_database, "other.db")
    os.replace("other.db", "defensive.db")
    assert db.save_client_to_db(os.urandom(16), "bob", None, None) is None
    assert db.execute_many("DELETE FROM clients WHERE ID = ?", [(anna,)]) is False
    assert [record.levelname for record in caplog.records] == ["ERROR"] * 2
    assert "defensive.db-wal is the log of the file before" in caplog.text
    assert Path("defensive.db").read_bytes() == empty_database.read_bytes()
    for name in ("defensive.db-wal", "defensive.db-shm"):
        os.unlink(name)
    db.save_client_to_db(os.urandom(16), "bob", None, None)
    assert [client["name"] for client in db.get_all_clients()] == ["bob"]
    db.cleanup_connection_pool()


def test_a_transaction_stays_with_its_file(
    db: DatabaseManager, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(sqlite3.OperationalError, match="while it was open"), db.transaction():
        db.save_client_to_db(os.urandom(16), "first", None, None)
        os.unlink("defensive.db")
        db.save_client_to_db(os.urandom(16), "second", None, None)
    assert "is opened anew" not in caplog.text
    db.save_client_to_db(os.urandom(16), "third", None, None)
    assert [client["name"] for client in db.get_all_clients()] == ["third"]


def test_what_can_neither_be_written_nor_read(
    db: DatabaseManager, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refusing(path: str, **options: Any) -> _strongroom.Catalog:
        raise strongroom.PermissionDeniedError(f"read_only={options.get('read_only', False)}")

    monkeypatch.setattr(_strongroom, "Catalog", refusing)
    assert db.get_all_clients() == []
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "read_only=False" in caplog.text


@pytest.mark.parametrize("name", [":memory:", "file:a.db?mode=ro"])
def test_what_is_no_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ServerError, match=name[:5]):
        DatabaseManager(name).init_database()
    assert list(tmp_path.iterdir()) == []


def test_an_error_has_the_drivers_error_behind_it(db: DatabaseManager) -> None:
    import sqlite3

    with pytest.raises(ServerError, match="nosuch") as caught:
        db.execute("SELECT nosuch FROM files", fetchall=True)
    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)


def test_a_database_that_is_made_by_its_first_use(tmp_path: Path) -> None:
    db = DatabaseManager(str(tmp_path / "new.db"))
    db.save_client_to_db(bytes(16), "anna", None, None)
    assert db.get_total_clients_count() == 1


def test_relative_paths_start_at_the_working_folder(
    db: DatabaseManager, anna: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.save_file_info_to_db(anna, "a", "received_files/a", True, 3, None)
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        monkeypatch.chdir(folder)
        db.ensure_storage_dir()
        (folder / "received_files" / "a").write_bytes(b"abc")
        assert db.get_storage_statistics()["storage_info"]["total_files"] == 1
    assert db.delete_file(anna.hex(), "a") is True
    assert (tmp_path / "one" / "received_files" / "a").exists()
    assert not (tmp_path / "two" / "received_files" / "a").exists()


def test_a_relative_database_stays_where_it_was(
    db: DatabaseManager, anna: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert db.get_total_clients_count() == 1
    assert not (tmp_path / "below" / "defensive.db").exists()


# ---- The program's own manager


def test_the_programs_manager(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(server.config, "DATABASE_NAME", str(tmp_path / "own.db"))
    monkeypatch.setattr(server.config, "FILE_STORAGE_DIR", "received_files")
    manager = server.database.get_database_manager()
    assert manager is server.database.get_database_manager()
    server.database.init_database()
    assert (tmp_path / "own.db").exists()
    server.database.check_database_permissions()
    assert server.database.get_connection_pool_status()["pool_enabled"] is True
    assert server.database.monitor_database_connections()["monitoring_enabled"] is True
    manager.cleanup_connection_pool()


def test_startup_permissions(
    db: DatabaseManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.check_startup_permissions()
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(server.config, "FILE_STORAGE_DIR", "file")
    with pytest.raises(SystemExit, match="'.*/file' is no folder"):
        db.check_startup_permissions()
    monkeypatch.setattr(server.config, "FILE_STORAGE_DIR", "file/below")
    with pytest.raises(SystemExit, match="cannot be made"):
        db.check_startup_permissions()
    with pytest.raises(ServerError, match="file/below"):
        db.ensure_storage_dir()
    monkeypatch.setattr(server.config, "FILE_STORAGE_DIR", "received_files")
    db.ensure_storage_dir()
    db.ensure_storage_dir()
    assert (tmp_path / "received_files").is_dir()
    with pytest.raises(SystemExit, match="no folder '/nonexistent'"):
        DatabaseManager("/nonexistent/x.db").check_startup_permissions()
    with pytest.raises(SystemExit, match="is a folder"):
        DatabaseManager(str(tmp_path)).check_startup_permissions()


# ---- The log


def test_the_log_goes_to_the_modules_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        db = DatabaseManager(str(tmp_path / "a.db"))
        db.init_database()
        db.save_client_to_db(bytes(16), "anna", None, None)
        db.optimize_database()
        db.cleanup_connection_pool()
    names = {record.name for record in caplog.records}
    assert names <= {"server.database", "server.database_migrations"}
    assert "server.database" in names and "server.database_migrations" in names
    assert any(record.levelno == logging.DEBUG for record in caplog.records)


# ---- Copied into somebody else's package


@pytest.mark.elsewhere
def test_copied_into_another_package(tmp_path: Path) -> None:
    package = tmp_path / "elsewhere" / "server"
    package.mkdir(parents=True)
    for name in ("database.py", "database_migrations.py"):
        source = Path(server.database.__file__).with_name(name)
        if source.exists():
            shutil.copy(source, package)
    (package / "__init__.py").write_text("")
    (package / "config.py").write_text(
        "import os\n"
        'DATABASE_NAME = os.environ.get("DATABASE_NAME", "own.db")\n'
        'FILE_STORAGE_DIR = "received_files"\n'
    )
    (package / "exceptions.py").write_text("class ServerError(Exception):\n    pass\n")
    here = Path(__file__).parent
    tests = [*sorted(map(str, here.glob("test_database_*.py"))), str(here / "test_old_bugs.py")]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(package.parent), *filter(None, sys.path)]),
        "SERVER_IS_A_COPY": str(package),
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-k", "not direct",
         *tests,
         "--basetemp", str(tmp_path / "tests")],
        cwd=tmp_path, env=environment, capture_output=True, text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
