"""The extension's files, statistics, metrics and check-up."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from strongroom import _strongroom, errors


@pytest.fixture
def client(raw: _strongroom.Catalog) -> bytes:
    one = os.urandom(16)
    raw.client_save([(one, "anna", None, None, None)])
    return one


def named(fields: tuple[str, ...], row: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(fields, row, strict=True))


def test_every_field_comes_back(raw: _strongroom.Catalog, client: bytes) -> None:
    given = (
        client, "a.txt", "received_files/a.txt", "/home/anna/a.txt", 12, "2026-01-31T09:30:00Z", 7,
        "ab" * 32, True, "image", "text/plain", "txt", 5, 6, 0.5, 1_700_000_000_000_000_001, 99,
        False,
    )
    added, changed, unchanged, refused, files, refusal = raw.file_save([given])
    assert (added, changed, unchanged, refused, refusal) == (1, 0, 0, 0, None)
    [(outcome, id)] = files
    assert outcome == "added"
    row = raw.file_find(client, "/home/anna/a.txt")
    assert row[: len(given)] == given
    found = named(_strongroom.FILE_FIELDS, row)
    assert found["id"] == id
    assert found["client_name"] == "anna"
    assert found["versions"] == 1
    assert raw.file_by_id(id) == row
    assert list(raw.file_list(client)) == [row] == list(raw.file_list())


def test_what_is_left_out_is_null(raw: _strongroom.Catalog, client: bytes) -> None:
    name = os.fsdecode(b"a\xff\n")
    raw.file_save([(client, name)])
    found = named(_strongroom.FILE_FIELDS, raw.file_find(client, name))
    assert found["name"] == name == found["path"]
    assert found["size"] is found["crc"] is found["date"] is found["compression_ratio"] is None
    assert found["stored"] is True and found["verified"] is False


def test_outcomes_and_a_refusal(raw: _strongroom.Catalog, client: bytes) -> None:
    raw.file_save([(client, "a", None, None, 10, None, 1), (client, "b", None, None, 10, None, 1)])
    raw.execute(
        "INSERT OR REPLACE INTO client_quotas (ClientID, QuotaBytes, UsedBytes, LastUpdated) "
        "VALUES (?, 30, 20, '2026-01-01')", (client,)
    )
    result = raw.file_save([
        (client, "a", None, None, 10, None, 1),
        (client, "b", None, None, 11, None, 2),
        (client, "c", None, None, 100, None, 3),
        (client, "d", None, None, 1, None, 3),
    ])
    assert result[:4] == (1, 1, 1, 1)
    assert [outcome for outcome, _ in result[4]] == ["unchanged", "changed", "over quota", "added"]
    assert result[4][2][1] == bytes(16)
    assert result[5] is not None and "'c'" in result[5] and "'anna'" in result[5]
    with pytest.raises(errors.NotFoundError, match="'c'"):
        raw.file_find(client, "c")


@pytest.mark.parametrize(
    ("file", "error"),
    [
        ([], TypeError),
        ((), TypeError),
        ((b"short", "a"), ValueError),
        ((bytes(16), 5), TypeError),
        ((bytes(16), "a", None, None, "ten"), TypeError),
        ((bytes(16), "a", None, None, 2**64), OverflowError),
        ((bytes(16), "a"), errors.NotFoundError),
    ],
)
def test_files_that_are_none(
    raw: _strongroom.Catalog, client: bytes, file: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        raw.file_save([(client, "good"), file])
    assert list(raw.file_list()) == []


def test_verified_and_deleted(raw: _strongroom.Catalog, client: bytes, tmp_path: Path) -> None:
    stored = tmp_path / "received_files" / "a"
    stored.parent.mkdir()
    stored.write_bytes(b"abc")
    raw.file_save([(client, "a", "received_files/a", None, 3), (client, "b", "b", None, 3)])
    raw.file_verify(client, "a")
    assert raw.file_find(client, "a")[8] is True
    raw.file_set_verified(client, "a", False, 4)
    assert raw.file_find(client, "a")[6:9:2] == (4, False)
    raw.file_set_verified(client, "a", True)
    assert raw.file_find(client, "a")[6:9:2] == (4, True)
    with pytest.raises(errors.CorruptError):
        raw.file_verify(client, "a")
    raw.file_delete(client, "b")
    raw.file_delete_stored(client, "a")
    assert not stored.exists()
    assert list(raw.file_list()) == []


def test_statistics(raw: _strongroom.Catalog, client: bytes) -> None:
    raw.file_save([
        (client, f"{i}.txt", None, None, 1024, "2026-01-31", i, None, i % 2 == 0) for i in range(4)
    ])
    found = named(_strongroom.STATISTICS_FIELDS, raw.statistics())
    assert found["file_path"] == raw.path
    assert (found["total_clients"], found["total_files"], found["verified_files"]) == (1, 4, 2)
    assert found["verification_rate"] == 50.0
    assert found["min_file_size_kb"] == 1.0
    assert len(found["indexes"]) == found["indexes_count"] > 8
    assert list(raw.total_list("category")) == [("document", None, None, 4, 4096, 2)]
    assert raw.file_sums() == (4, 4, 4096, 2, 2, 2048)
    assert list(raw.total_list("month")) == [("2026-01", None, None, 4, 4096, None)]
    with pytest.raises(ValueError, match="'year'"):
        raw.total_list("year")
    [usage] = raw.client_usage_list(7)
    assert named(_strongroom.CLIENT_USAGE_FIELDS, usage)["bytes"] == 4096


def test_metrics(raw: _strongroom.Catalog) -> None:
    raw.metric_record("load", 0.5)
    raw.metric_record("load", 1)
    assert [value for _, value in raw.metric_list("load", hours=1)] == [0.5, 1.0]
    assert list(raw.metric_list("other")) == []
    assert raw.metric_cleanup(1) == 0
    assert raw.metric_cleanup(0) == 2
    with pytest.raises(errors.InvalidError):
        raw.metric_record("load", float("nan"))


def test_health(raw: _strongroom.Catalog) -> None:
    asked: list[tuple[int, int]] = []

    def ask(done: int, total: int) -> None:
        asked.append((done, total))

    found = named(_strongroom.HEALTH_FIELDS, raw.health(progress=ask))
    assert found["integrity_check"] is True and found["foreign_key_check"] is True
    assert found["opened"] is True and found["full"] is False
    assert found["errors"] == 0
    assert asked
    assert named(_strongroom.POOL_HEALTH_FIELDS, found["pool"])["enabled"] is True
    assert found["size"] == raw.size_limits()
    with sqlite3.connect(raw.path) as other:
        other.execute("DROP INDEX idx_files_filename")
    other.close()
    again = named(_strongroom.HEALTH_FIELDS, raw.health(full=True))
    assert again["full"] is True
    codes = [named(_strongroom.FINDING_FIELDS, finding)["code"] for finding in again["findings"]]
    assert "schema_lacks" in codes


def test_optimize(raw: _strongroom.Catalog) -> None:
    needs = named(_strongroom.OPTIMIZE_NEEDS_FIELDS, raw.optimize_needs())
    assert 0 < needs["size"] < needs["available"]
    done = named(_strongroom.OPTIMIZED_FIELDS, raw.optimize())
    assert done["vacuum_performed"] and done["analyze_performed"]
    assert done["errors"] == ()
    again = named(_strongroom.OPTIMIZED_FIELDS, raw.optimize(analyze_only=True))
    assert again["vacuum_performed"] is False


def test_progress_cancels(raw: _strongroom.Catalog) -> None:
    with pytest.raises(errors.InterruptedByCallerError) as caught:
        raw.optimize(progress=lambda done, total: True)
    result = caught.value.result  # type: ignore[attr-defined]
    assert named(_strongroom.OPTIMIZED_FIELDS, result)["vacuum_performed"] is False

    def fail(done: int, total: int) -> bool:
        raise ZeroDivisionError(f"{done} of {total}")

    with pytest.raises(ZeroDivisionError):
        raw.health(progress=fail)
    with pytest.raises(TypeError, match="progress"):
        raw.health(progress=5)  # type: ignore[arg-type]
    assert raw.client_count() == 0


def test_relative_paths_start_at_the_base(tmp_path: Path) -> None:
    (tmp_path / "db").mkdir()
    catalog = _strongroom.Catalog(
        tmp_path / "db" / "c.db", base_dir=tmp_path, create=True, migrate=True
    )
    found = named(_strongroom.STATISTICS_FIELDS, catalog.statistics())
    assert found["directory"] == str(tmp_path / "received_files")
    catalog.close()
