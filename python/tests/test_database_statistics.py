"""Figures, check-ups, care and metrics, under the interface of old."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from server.database import DatabaseManager, ServerError


@pytest.fixture
def filled(db: DatabaseManager, anna: bytes) -> DatabaseManager:
    db.save_client_to_db(os.urandom(16), "bob", None, None)
    sizes = (("a", 1024, True), ("b", 3072, True), ("c", 2048, False), ("d", None, False))
    for name, size, verified in sizes:
        db.save_file_info_to_db(anna, name, f"received_files/{name}", verified, size, None)
    return db


def test_sums(filled: DatabaseManager) -> None:
    assert filled.get_total_files_count() == 4
    assert filled.get_total_storage_bytes() == 6144
    assert filled.get_total_storage_bytes(verified_only=True) == 4096
    assert filled.get_total_bytes_transferred() == 4096
    assert filled.get_average_backup_size_bytes() == 2048.0
    assert filled.get_average_backup_size_bytes(True) == 2048.0


def test_sums_of_nothing(db: DatabaseManager) -> None:
    assert db.get_total_files_count() == db.get_total_storage_bytes() == 0
    assert db.get_average_backup_size_bytes() == 0.0
    assert db.get_total_bytes_transferred() == 0


def test_counts(filled: DatabaseManager, anna: bytes) -> None:
    counts = filled.get_database_stats()
    size = counts.pop("database_size_bytes")
    assert counts == {"total_clients": 2, "total_files": 4, "verified_files": 2}
    assert type(size) is int and size > 0 and size % 4096 == 0
    filled.delete_client(anna)
    assert filled.get_database_stats()["total_files"] == 0


def test_storage_statistics(filled: DatabaseManager, tmp_path: Path) -> None:
    filled.ensure_storage_dir()
    (tmp_path / "received_files" / "a").write_bytes(bytes(1048576))
    told = filled.get_storage_statistics()
    assert {section: set(figures) for section, figures in told.items()} == {
        "database_info": {"file_path", "file_size_mb", "connection_pool_enabled", "pool_size"},
        "storage_info": {"directory", "total_files", "total_size_mb"},
        "client_stats": {"total_clients", "clients_with_keys", "average_days_since_seen"},
        "file_stats": {
            "total_files", "verified_files", "verification_rate", "average_file_size_mb",
            "total_size_gb", "min_file_size_kb", "max_file_size_mb",
        },
        "performance_info": {"indexes_count", "indexes"},
    }
    assert told["database_info"]["file_path"] == str(tmp_path / "defensive.db")
    assert told["database_info"]["connection_pool_enabled"] is filled.use_pool
    assert told["database_info"]["file_size_mb"] > 0
    assert told["database_info"]["pool_size"] == 5
    assert told["storage_info"] == {
        "directory": str(tmp_path / "received_files"), "total_files": 1, "total_size_mb": 1.0
    }
    assert told["client_stats"]["total_clients"] == 2
    assert told["client_stats"]["clients_with_keys"] == 1
    assert told["client_stats"]["average_days_since_seen"] < 1
    assert told["file_stats"] == {
        "total_files": 4, "verified_files": 2, "verification_rate": 50.0,
        "average_file_size_mb": 2048 / 1048576, "total_size_gb": 6144 / 1073741824,
        "min_file_size_kb": 1.0, "max_file_size_mb": 3072 / 1048576,
    }
    indexes = told["performance_info"]["indexes"]
    assert type(indexes) is list and len(indexes) == told["performance_info"]["indexes_count"]


def test_health(filled: DatabaseManager, tmp_path: Path) -> None:
    filled.ensure_storage_dir()
    for file in filled.get_all_files():
        (tmp_path / file["path"]).write_bytes(bytes(file["size"] or 0))
    health = filled.get_database_health()
    pool = health.pop("connection_pool_metrics")
    assert health.pop("table_count") > 10 and health.pop("index_count") > 8
    assert health == {
        "integrity_check": True, "foreign_key_check": True, "connection_pool_healthy": True,
        "issues": [],
    }
    if not filled.use_pool:
        assert pool == {"enabled": False}
        return
    assert set(pool) == {
        "enabled", "pool_size", "active_connections", "available_connections",
        "utilization_percent", "health_score", "exhaustion_events", "peak_active", "warnings",
        "recommendations",
    }
    assert (pool["enabled"], pool["pool_size"], pool["available_connections"]) == (True, 5, 5)
    assert (pool["utilization_percent"], pool["health_score"]) == (0.0, 100.0)
    assert pool["warnings"] == [] == pool["recommendations"]


def test_health_finds_rows_that_refer_to_nothing(filled: DatabaseManager) -> None:
    with closing(sqlite3.connect("defensive.db")) as other, other:
        other.execute(
            "INSERT INTO files (ID, FileName, PathName, ClientID) VALUES (?, 'x', 'x', ?)",
            (os.urandom(16), os.urandom(16)),
        )
    health = filled.get_database_health()
    assert health["foreign_key_check"] is False
    assert health["integrity_check"] is True
    assert health["issues"]


def test_optimizing(filled: DatabaseManager) -> None:
    filled.execute_many(
        "INSERT INTO metrics_history (timestamp, metric_name, value) VALUES (?, ?, ?)",
        [("2026-01-01T00:00:00Z", "x" * 100, i) for i in range(20000)],
    )
    filled.execute("DELETE FROM metrics_history", commit=True)
    told = filled.optimize_database()
    assert set(told) == {
        "vacuum_performed", "analyze_performed", "size_before_mb", "size_after_mb",
        "space_saved_mb", "errors",
    }
    assert told["vacuum_performed"] is True and told["analyze_performed"] is True
    assert told["space_saved_mb"] == told["size_before_mb"] - told["size_after_mb"] > 1
    assert told["errors"] == []
    assert filled.get_total_files_count() == 4


def test_size_limits(db: DatabaseManager, monkeypatch: pytest.MonkeyPatch) -> None:
    told = db.check_database_size_limits()
    size = db.get_database_stats()["database_size_bytes"]
    message = told.pop("message")
    assert told == {
        "size_mb": size / 1048576, "size_bytes": size, "status": "ok",
        "threshold_warning_mb": 500.0, "threshold_critical_mb": 1000.0,
    }
    assert isinstance(message, str) and message
    monkeypatch.setenv("SIZE_WARNING_MB", "0.1")
    db.cleanup_connection_pool()
    assert db.check_database_size_limits()["status"] == "warning"
    monkeypatch.setenv("SIZE_CRITICAL_MB", "0.2")
    db.cleanup_connection_pool()
    assert db.check_database_size_limits()["status"] == "critical"


# ---- Backups


def files_in(path: str | Path) -> list[str]:
    with closing(sqlite3.connect(path)) as copy:
        return [name for (name,) in copy.execute("SELECT FileName FROM files ORDER BY FileName")]


def test_a_backup_has_a_name_of_its_own(filled: DatabaseManager, tmp_path: Path) -> None:
    path = filled.backup_database_to_file()
    assert Path(path).parent == tmp_path
    assert Path(path).name.startswith("defensive.db_backup_20") and path.endswith(".db")
    assert files_in(path) == ["a", "b", "c", "d"]
    assert filled.backup_database_to_file() != path


def test_a_backup_replaces_what_is_there(filled: DatabaseManager, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    assert filled.backup_database_to_file("copy.db") == "copy.db"
    filled.delete_file_record(filled.get_all_files()[0]["client_id"], "a")
    target.with_name("linked").hardlink_to(target)
    assert filled.backup_database_to_file(str(target)) == str(target)
    assert files_in(target) == ["b", "c", "d"]
    assert files_in(tmp_path / "linked") == ["a", "b", "c", "d"]
    assert sorted(p.name for p in tmp_path.glob("copy*")) == ["copy.db"]


def test_a_backup_into_a_folder(filled: DatabaseManager, tmp_path: Path) -> None:
    (tmp_path / "backups").mkdir()
    path = filled.backup_database_to_file(str(tmp_path / "backups"))
    assert Path(path).parent == tmp_path / "backups" and files_in(path) == ["a", "b", "c", "d"]


def test_backups_that_fail(filled: DatabaseManager, tmp_path: Path) -> None:
    for path in ("defensive.db", "nowhere"):
        with pytest.raises(ServerError, match=path):
            filled.backup_database_to_file(path if path.endswith("db") else f"{path}/copy.db")
    with pytest.raises(ServerError), filled.transaction():
        filled.backup_database_to_file("copy.db")
    (tmp_path / "copy.db").write_text("what was there")
    with pytest.raises(ServerError), filled.transaction():
        filled.backup_database_to_file("copy.db")
    assert (tmp_path / "copy.db").read_text() == "what was there"
    assert filled.get_total_files_count() == 4
    assert not list(tmp_path.glob("*.part")) and not list(tmp_path.glob("copy.db.*"))


# ---- Metrics


def test_metrics(db: DatabaseManager) -> None:
    assert db.record_metric("load", 0.5) is None
    db.record_metric("load", 2)
    db.record_metric("other", 3)
    history = db.get_metrics_history("load")
    assert [set(point) for point in history] == [{"timestamp", "value"}] * 2
    assert [point["value"] for point in history] == [0.5, 2.0]
    when = datetime.fromisoformat(history[0]["timestamp"].replace("Z", "+00:00"))
    assert abs(datetime.now(timezone.utc) - when) < timedelta(hours=1)
    assert db.get_metrics_history("nothing") == []
    assert len(db.get_metrics_history("load", hours=0.5)) == 2  # type: ignore[arg-type]
    assert db.cleanup_old_metrics() == 0
    assert db.cleanup_old_metrics(days_to_keep=0) == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [("", 1.0), ("x" * 101, 1.0), ("a\nb", 1.0), ("a", float("nan")), ("a", "x")],
)
def test_metrics_that_are_none(
    db: DatabaseManager, name: str, value: float, caplog: pytest.LogCaptureFixture
) -> None:
    assert db.record_metric(name, value) is None
    assert db.execute("SELECT count(*) FROM metrics_history", fetchone=True) == (0,)
    assert len(caplog.records) == 1
