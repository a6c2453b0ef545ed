"""Long work: recording, backups, health, migrations; and SQL."""

from __future__ import annotations

import os
import pickle
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import strongroom
from strongroom import Keep, _strongroom, log


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A folder with some files."""
    top = tmp_path / "disk"
    (top / "sub" / "cache").mkdir(parents=True)
    for name in ("a.txt", "b.o", "sub/c.txt", "sub/cache/d"):
        (top / name).write_text(name)
    os.symlink("a.txt", top / "link")
    return top


# ---- Recording


def test_recording(catalog: strongroom.Catalog, disk: Path) -> None:
    done = catalog.record("laptop", disk, exclude=["*.o", "cache/"])
    assert (done.scanned, done.added, done.special, done.excluded) == (2, 2, 1, 2)
    assert done.bytes == done.read == 14
    file = catalog.file("laptop", disk / "sub" / "c.txt")
    assert file.crc is not None and file.hash is not None and not file.stored
    (disk / "a.txt").write_text("changed")
    (disk / "sub" / "c.txt").unlink()
    again = catalog.record("laptop", [str(disk), os.fsencode(disk / "sub")], exclude="*.o")
    assert (again.added, again.changed, again.missing) == (1, 1, 1)
    assert catalog.file("laptop", disk / "sub" / "c.txt").missing


def test_recording_tells_how_far_it_is_and_what_failed(
    catalog: strongroom.Catalog, disk: Path
) -> None:
    told: list[strongroom.Recording] = []
    failed: list[tuple[str, str]] = []
    gone = str(disk / "gone")
    done = catalog.record(
        "laptop", [disk, gone], progress=told.append, failure=lambda path, why: failed.append((path, why))
    )
    assert done.failed == 1 and done.added == 4
    assert [path for path, _ in failed] == [gone]
    assert all(isinstance(one.so_far, strongroom.Recorded) for one in told)


def test_recording_can_be_stopped(catalog: strongroom.Catalog, tmp_path: Path) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for i in range(300):
        (many / str(i)).write_bytes(b"x")
    with pytest.raises(strongroom.InterruptedByCallerError):
        catalog.record("laptop", many, progress=lambda so_far: True)
    with pytest.raises(ZeroDivisionError):
        catalog.record("laptop", many, progress=lambda so_far: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        catalog.record("laptop", many / "gone", failure=lambda path, why: 1 / 0)
    assert catalog.record("laptop", many).scanned == 300
    assert catalog.search().count().files == 300


@pytest.mark.parametrize(
    ("paths", "error"),
    [([], strongroom.InvalidError), ("a\0b", ValueError), (5, TypeError), ([5], TypeError)],
)
def test_paths_that_are_none(
    catalog: strongroom.Catalog, paths: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        catalog.record("laptop", paths)
    with pytest.raises(strongroom.NotFoundError):
        catalog.record("nobody", "/tmp")


# ---- Backups


def test_a_backup_and_back(catalog: strongroom.Catalog, tmp_path: Path) -> None:
    catalog.save_file("laptop", "a")
    steps: list[str] = []
    made = catalog.backup(tmp_path / "b.db", progress=lambda step, done, total: steps.append(step))
    assert made.path == str(tmp_path / "b.db") and made.schema_version == catalog.schema_version
    assert {"copying", "checking", "comparing"} <= set(steps)
    report = catalog.verify_backup(made.path, full_check=True)
    assert report.rows == made.rows and not report.encrypted
    with pytest.raises(strongroom.ExistsError, match="b.db"):
        catalog.backup(tmp_path / "b.db")
    catalog.save_file("laptop", "b")
    restored = strongroom.restore(catalog.path, made.path)
    assert restored.kept is not None and os.path.exists(restored.kept)
    assert [file.name for file in catalog.files()] == ["a"]
    elsewhere = strongroom.restore(tmp_path / "new.db", made.path)
    assert elsewhere.kept is None and elsewhere.path == str(tmp_path / "new.db")


def test_an_encrypted_backup(catalog: strongroom.Catalog, tmp_path: Path) -> None:
    made = catalog.backup(compress=True, key="secret")
    assert made.compressed and made.encrypted and made.path.endswith(".sealed")
    assert catalog.verify_backup(made.path, key=b"secret").encrypted
    for key in (None, "wrong"):
        with pytest.raises(strongroom.WrongKeyError):
            strongroom.verify_backup(made.path, key=key)
    with pytest.raises(strongroom.WrongKeyError):
        strongroom.restore(tmp_path / "new.db", made.path)
    assert not (tmp_path / "new.db").exists()
    strongroom.restore(tmp_path / "new.db", made.path, key="secret")
    with strongroom.Catalog(tmp_path / "new.db") as opened:
        assert opened.client("laptop").name == "laptop"


def test_backups_that_are_none(catalog: strongroom.Catalog, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("text " * 1000)
    made = catalog.backup(tmp_path / "cut.db")
    os.truncate(made.path, made.bytes // 2)
    for path, error in [
        ("text", strongroom.Error),
        ("cut.db", strongroom.CorruptError),
        ("none", strongroom.NotFoundError),
    ]:
        with pytest.raises(error):
            strongroom.verify_backup(tmp_path / path)
        with pytest.raises(error):
            strongroom.restore(catalog.path, tmp_path / path)
    assert catalog.count_clients() == 1


def test_a_backup_that_is_stopped_leaves_nothing(
    catalog: strongroom.Catalog, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    with pytest.raises(strongroom.InterruptedByCallerError):
        catalog.backup(folder, progress=lambda step, done, total: True)
    with pytest.raises(ZeroDivisionError):
        catalog.backup(folder, progress=lambda step, done, total: 1 / 0)
    assert os.listdir(folder) == []


def test_rotating(catalog: strongroom.Catalog) -> None:
    paths = [catalog.backup().path for _ in range(3)]
    dry = catalog.rotate_backups(Keep(last=1), dry_run=True)
    assert (dry.kept, dry.removed) == (1, 2)
    assert all(os.path.exists(path) for path in paths)
    done = catalog.rotate_backups(Keep(last=1))
    assert (done.kept, done.removed) == (1, 2)
    assert [backup.kept for backup in done.backups] == ["last", "", ""]
    assert done.backups[0].begun.tzinfo is not None
    assert [os.path.exists(path) for path in paths] == [False, False, True]


# ---- Health


def test_health(catalog: strongroom.Catalog) -> None:
    catalog.save_file("laptop", "a", stored=False)
    health = catalog.health(full=True)
    assert health.healthy and health.full and health.opened and health.size.status == "ok"
    assert health.pool.enabled
    catalog.execute("PRAGMA foreign_keys")
    with sqlite3.connect(catalog.path) as other:
        other.execute("PRAGMA foreign_keys = off")
        other.execute("UPDATE files SET ClientID = zeroblob(16)")
    other.close()
    health = catalog.health()
    assert not health.healthy and not health.foreign_key_check
    errors = [finding for finding in health.findings if finding.severity == "error"]
    assert len(errors) == health.errors and errors[0].meaning


def test_optimize(catalog: strongroom.Catalog) -> None:
    assert catalog.optimize_needs().size > 0
    done = catalog.optimize()
    assert done.vacuum_performed and done.analyze_performed and done.errors == ()
    assert not catalog.optimize(analyze_only=True).vacuum_performed
    assert catalog.size_limits().status == "ok"
    with pytest.raises(ZeroDivisionError):
        catalog.optimize(progress=lambda done, total: 1 / 0)
    assert catalog.count_clients() == 1


def test_repair(catalog: strongroom.Catalog) -> None:
    catalog.save_file("laptop", "a", size=5)
    assert catalog.plan_repair() == ([], None, None)
    with sqlite3.connect(catalog.path) as other:
        other.execute("UPDATE client_quotas SET UsedBytes = 99")
        other.execute("DROP INDEX idx_files_size")
    other.close()
    plan = catalog.plan_repair()
    assert plan.steps and all(step.done == 0 and step.what for step in plan.steps)
    assert any("idx_files_size" in step.subject for step in plan.steps)
    done = catalog.repair()
    assert done.backup is not None and os.path.exists(done.backup)
    assert [step.subject for step in done.steps] == [step.subject for step in plan.steps]
    assert all(step.done == step.count and step.failure is None for step in done.steps)
    assert catalog.health(full=True).errors == 0
    with pytest.raises(strongroom.InvalidError):
        with catalog.transaction():
            catalog.repair()


def test_the_search_index(catalog: strongroom.Catalog) -> None:
    catalog.save_files("laptop", ({"name": str(i)} for i in range(10)))
    assert catalog.build_search_index(anew=True) == 10
    assert catalog.build_search_index() == 0


def test_what_cannot_be_opened(catalog: strongroom.Catalog, tmp_path: Path) -> None:
    catalog.save_files("laptop", ({"name": f"{i:04}", "size": i} for i in range(2000)))
    path = catalog.path
    catalog.close()
    assert strongroom.look_at_health(path).healthy
    with pytest.raises(strongroom.ExistsError):
        strongroom.salvage(path, path)
    with open(path, "r+b") as database:
        database.write(b"\0" * 100)
    found = strongroom.look_at_health(path)
    assert not found.healthy and not found.opened and found.findings[0].severity == "error"
    with pytest.raises(ZeroDivisionError):
        strongroom.salvage(path, tmp_path / "new.db", progress=lambda done, total: 1 / 0)
    saved = strongroom.salvage(path, tmp_path / "new.db")
    assert saved.lost == 0 and saved.exact
    [files] = [table for table in saved.tables if table.name == "files"]
    assert files.saved == 2000
    with strongroom.Catalog(saved.path) as opened:
        assert opened.search().count() == (2000, sum(range(2000)))
    with pytest.raises(strongroom.NotFoundError):
        strongroom.look_at_health(tmp_path / "none.db")
    (tmp_path / "text.db").write_text("no database " * 1000)
    with pytest.raises(strongroom.CorruptError):
        strongroom.salvage(tmp_path / "text.db", tmp_path / "other.db")
    assert not (tmp_path / "other.db").exists()


# ---- Migrations


def test_migrations(catalog: strongroom.Catalog) -> None:
    status = catalog.migration_status()
    assert status.pending_migrations == 0 and status.current_version == status.latest_version
    assert status.migrations[0].version == 1 and status.migrations[0].applied is not None
    assert catalog.verify_schema() == []
    down = catalog.migrate(5, accept_loss=True)
    assert down.to_version == 5 == catalog.schema_version and down.backup is not None
    with pytest.raises(strongroom.TooOldError):
        catalog.add_client("server")
    up = catalog.migrate()
    assert (up.from_version, up.to_version) == (5, status.latest_version)
    with pytest.raises(strongroom.InvalidError):
        catalog.migrate(10_000)


def test_the_status_of_what_is_not_there(tmp_path: Path) -> None:
    status = strongroom.migration_status(tmp_path / "none.db")
    assert not status.database_exists and status.current_version == -1
    assert status.pending_migrations == status.total_migrations == len(status.migrations)
    assert os.listdir(tmp_path) == []


def test_own_migrations(catalog: strongroom.Catalog) -> None:
    up = "CREATE TABLE notes (word TEXT)"
    backup = catalog.apply_own_migration(1, "Notes", up, "DROP TABLE notes")
    assert backup is not None and os.path.exists(backup)
    catalog.execute("INSERT INTO notes VALUES (?)", ["a"])
    [own] = catalog.migration_status().own
    assert (own.version, own.description, own.down_sql) == (1, "Notes", "DROP TABLE notes")
    with pytest.raises(strongroom.ExistsError):
        catalog.apply_own_migration(1, "Notes", up)
    with pytest.raises(strongroom.RefusedError):
        catalog.apply_own_migration(2, "Danger", "DROP TABLE clients")
    catalog.revert_own_migration(1)
    with pytest.raises(strongroom.SqlError):
        list(catalog.sql("SELECT * FROM notes"))


# ---- SQL


def test_sql(catalog: strongroom.Catalog) -> None:
    catalog.save_files("laptop", ({"name": str(i), "size": i} for i in range(10)))
    rows = list(catalog.sql("SELECT FileName, FileSize AS size FROM files WHERE FileSize > ?", [7]))
    assert rows == [("8", 8), ("9", 9)]
    assert (rows[0]["size"], rows[0].size, rows[0][0]) == (8, 8, "8")
    assert dict(rows[0]) == {"FileName": "8", "size": 8}
    assert repr(rows[0]) == "SqlRow(FileName='8', size=8)"
    assert pickle.loads(pickle.dumps(rows))[1].FileName == "9"
    with pytest.raises(KeyError):
        rows[0]["other"]
    with pytest.raises(AttributeError):
        rows[0].other  # noqa: B018
    [twice] = catalog.sql("SELECT 1 AS a, 2 AS a")
    assert twice == (1, 2) and twice["a"] == 1


def test_sql_that_writes(catalog: strongroom.Catalog) -> None:
    catalog.execute("CREATE TABLE notes (word TEXT UNIQUE)")
    assert catalog.execute("INSERT INTO notes VALUES (?)", ("a",)).changes == 1
    assert catalog.execute_many("INSERT INTO notes VALUES (?)", ([c] for c in "bcd")).changes == 3
    with pytest.raises(strongroom.ConstraintError):
        catalog.execute_many("INSERT INTO notes VALUES (?)", [["e"], ["a"]])
    catalog.execute_script("INSERT INTO notes VALUES ('f'); DELETE FROM notes WHERE word = 'a'")
    assert [row.word for row in catalog.sql("SELECT word FROM notes")] == ["b", "c", "d", "f"]
    for statement, error in [
        ("SELEC", strongroom.SqlError),
        ("SELECT * FROM nothing", strongroom.SqlError),
        ("DELETE FROM notes", strongroom.ReadOnlyError),
    ]:
        with pytest.raises(error):
            list(catalog.sql(statement))
    with pytest.raises(strongroom.RefusedError):
        catalog.execute("DROP TABLE clients")
    connection = catalog.connect()
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute("INSERT INTO notes VALUES ('f')")
    connection.close()


# ---- Ctrl-C


def interrupted(call: Callable[[], Any]) -> None:
    """Asserts that a signal ends the call, which else would never end."""
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            end = time.monotonic() + 60
            while time.monotonic() < end:
                call()
    finally:
        timer.cancel()
        timer.join()


def test_ctrl_c_while_the_log_is_told(
    catalog: strongroom.Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    ignored: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda told: ignored.append(told.exc_type))

    def sink(level: int, module: str, text: str) -> None:
        raise error

    _strongroom.set_log(sink)
    try:
        error: BaseException = KeyboardInterrupt()
        with pytest.raises(KeyboardInterrupt):
            catalog.optimize()
        with pytest.raises(KeyboardInterrupt):
            strongroom.Catalog(catalog.path + ".new", create=True)
        error = ZeroDivisionError()
        assert catalog.optimize().vacuum_performed
    finally:
        log.install()
    assert ZeroDivisionError in ignored
    assert catalog.count_clients() == 1


def test_ctrl_c_ends_long_work(catalog: strongroom.Catalog, disk: Path, tmp_path: Path) -> None:
    catalog.save_files("laptop", ({"name": str(i), "size": i} for i in range(5000)))
    (tmp_path / "backups").mkdir()
    calls: list[Callable[[], Any]] = [
        lambda: list(catalog.search("7")),
        lambda: catalog.record("laptop", disk, reread=True),
        lambda: Path(catalog.backup(tmp_path / "backups").path).unlink(),
        lambda: catalog.optimize(),
        lambda: catalog.health(full=True),
        lambda: list(
            catalog.sql(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
                "SELECT count(*) FROM n"
            )
        ),
    ]
    for call in calls:
        interrupted(call)
        assert catalog.count_clients() == 1
    assert not [name for name in os.listdir(tmp_path / "backups") if name.endswith(".part")]
    assert catalog.pool().active == 0
    assert catalog.search().count().files >= 5000
