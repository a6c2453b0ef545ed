"""Versions of the schema, and users' own migrations, as the extension has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import old_databases
import pytest

from strongroom import _strongroom, errors

STATUS = _strongroom.MIGRATION_STATUS_FIELDS


def status(path: Path) -> dict[str, Any]:
    row = _strongroom.migration_status({"path": path})
    return dict(zip(STATUS, row, strict=True))


def test_status_and_migrate(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    assert status(path)["database_exists"] is False
    assert status(path)["current_version"] == -1
    old_databases.make(path, 3)
    before = status(path)
    assert (before["current_version"], before["database_file"]) == (3, str(path))
    assert before["pending_migrations"] == before["latest_version"] - 3
    raw = _strongroom.Catalog(path)
    steps: list[tuple[int, int]] = []
    came, went, backup = raw.migrate(5, progress=lambda done, total: steps.append((done, total)))
    assert (came, went) == (3, 5)
    assert backup is not None and Path(backup).exists()
    assert steps == [(0, 2), (1, 2), (2, 2)]
    assert raw.migrate(4, up_only=True) == (5, 5, None)
    assert raw.migrate(4)[:2] == (5, 4)
    assert raw.migrate()[1] == before["latest_version"]
    assert raw.migrate_verify()[0] == 0
    with pytest.raises(errors.InvalidError, match="no schema version"):
        raw.migrate(10**12)
    with pytest.raises(errors.RefusedError, match="would drop"):
        raw.file_save([(old_databases.ANNA, "new", None, "/home/new", 5, None, 7)])
        raw.migrate(0)
    raw.close()


def test_cancelled(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    old_databases.make(path, 2)
    raw = _strongroom.Catalog(path)
    with pytest.raises(errors.InterruptedByCallerError):
        raw.migrate(progress=lambda done, total: done == 1)
    assert status(path)["current_version"] == 3
    raw.close()


def test_drift(raw: _strongroom.Catalog) -> None:
    raw.execute("CREATE INDEX mine ON files(CRC)", ())
    differences, found = raw.migrate_verify()
    assert differences == 0
    assert [(kind, name) for kind, name, _, _ in found] == [("addition", "index mine")]


def test_own(raw: _strongroom.Catalog) -> None:
    path = Path(raw.path)
    with pytest.raises(errors.NotFoundError):
        raw.migrate_own_down(7)
    raw.client_save([(bytes(16), "anna", None, None, None)])
    backup = raw.migrate_own(7, "Tape library", "CREATE TABLE tapes (a)", "DROP TABLE tapes")
    assert backup is not None and Path(backup).exists()
    ((version, description, applied_at, down_sql),) = status(path)["own"]
    assert (version, description, down_sql) == (7, "Tape library", "DROP TABLE tapes")
    assert applied_at.startswith("20")
    with pytest.raises(errors.ExistsError, match="applied already"):
        raw.migrate_own(7, "Tape library", "CREATE TABLE tapes (a)")
    with pytest.raises(errors.RefusedError, match="Migration 8 contains potentially dangerous"):
        raw.migrate_own(8, "Danger", "DROP TABLE files")
    with pytest.raises(ValueError, match="NUL"):
        raw.migrate_own(8, "Half", "CREATE TABLE a (b)\0; DROP TABLE files")
    raw.migrate_own_down(7)
    assert status(path)["own"] == ()
