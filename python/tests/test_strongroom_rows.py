"""Rows: tuples that are mappings, and what is said of their fields."""

from __future__ import annotations

import builtins
import datetime
import json
import pickle
from typing import Any

import pytest

import strongroom
from strongroom import _strongroom
from strongroom.rows import Row, field_words


class Point(Row):
    """A point.

    x: to the right
    count: a word that tuples have a method for
    """

    x: int
    count: int  # type: ignore[assignment]


def kinds() -> list[type[Row]]:
    return [
        kind
        for name in strongroom.__all__
        if isinstance(kind := getattr(strongroom, name), type)
        and issubclass(kind, Row)
        and kind is not Row
    ]


def test_a_row_is_a_named_tuple() -> None:
    point = Point._make((1, 2))
    kind: Any = Point
    assert point == (1, 2) == kind(1, count=2)
    assert (point.x, point.count, point[0], point[-1], point[:1]) == (1, 2, 1, 2, (1,))
    x, count = point
    assert (x, count) == (1, 2)
    assert point._replace(x=5) == (5, 2)
    assert point._asdict() == {"x": 1, "count": 2}
    assert repr(point) == "Point(x=1, count=2)"
    match point:
        case Point(x=1, count=found):
            assert found == 2
        case _:
            pytest.fail("no match")


def test_a_row_is_a_mapping() -> None:
    point = Point._make((1, 2))
    assert dict(point) == {"x": 1, "count": 2}
    assert point["count"] == 2
    assert point.keys() == ("x", "count")
    for wrong in ("y", "keys", "_fields"):
        with pytest.raises(KeyError):
            point[wrong]
    with pytest.raises(IndexError):
        point[2]
    rows: list[Any] = [point]
    assert list(map(dict, rows)) == [{"x": 1, "count": 2}]
    assert json.loads(json.dumps(dict(point))) == {"x": 1, "count": 2}


def test_a_row_cannot_be_changed() -> None:
    point: Any = Point._make((1, 2))
    with pytest.raises(AttributeError):
        point.x = 3
    with pytest.raises(AttributeError):
        point.z = 3
    with pytest.raises(TypeError):
        point["x"] = 3
    with pytest.raises(TypeError):
        Point._make((1,))


def test_a_row_can_be_pickled(catalog: strongroom.Catalog) -> None:
    row = catalog.client("laptop")
    again = pickle.loads(pickle.dumps(row))
    assert again == row and type(again) is strongroom.Client


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: str(kind.__name__))
def test_every_field_is_described_and_typed(kind: type[Row]) -> None:
    described = dict(field_words(kind.__doc__ or ""))
    assert tuple(described) == kind._fields == tuple(kind.__annotations__)
    for field in kind._fields:
        assert vars(kind)[field].__doc__ == described[field]
    module = vars(__import__(kind.__module__, fromlist=["x"]))
    for field, annotation in kind.__annotations__.items():
        assert eval(annotation, vars(builtins) | module), field


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("Activity", "ACTIVITY_FIELDS"),
        ("BackedUp", "BACKED_UP_FIELDS"),
        ("BackupReport", "BACKUP_REPORT_FIELDS"),
        ("Category", "CATEGORY_FIELDS"),
        ("Client", "CLIENT_FIELDS"),
        ("Entry", "ENTRY_FIELDS"),
        ("Explanation", "EXPLANATION_FIELDS"),
        ("Facet", "FACET_FIELDS"),
        ("File", "FILE_FIELDS"),
        ("Finding", "FINDING_FIELDS"),
        ("Health", "HEALTH_FIELDS"),
        ("Keep", "KEEP_FIELDS"),
        ("Migration", "MIGRATION_FIELDS"),
        ("MigrationStatus", "MIGRATION_STATUS_FIELDS"),
        ("Optimized", "OPTIMIZED_FIELDS"),
        ("OptimizeNeeds", "OPTIMIZE_NEEDS_FIELDS"),
        ("OwnMigration", "OWN_MIGRATION_FIELDS"),
        ("Policy", "POLICY_FIELDS"),
        ("Pool", "POOL_FIELDS"),
        ("PoolHealth", "POOL_HEALTH_FIELDS"),
        ("Pruned", "PRUNED_FIELDS"),
        ("Quota", "QUOTA_FIELDS"),
        ("Recorded", "RECORD_FIELDS"),
        ("RepairStep", "REPAIR_STEP_FIELDS"),
        ("Restored", "RESTORED_FIELDS"),
        ("Rotation", "ROTATION_FIELDS"),
        ("Salvaged", "SALVAGED_FIELDS"),
        ("SalvagedTable", "SALVAGED_TABLE_FIELDS"),
        ("SizeLimits", "SIZE_LIMITS_FIELDS"),
        ("Statistics", "STATISTICS_FIELDS"),
        ("Total", "TOTAL_FIELDS"),
        ("TransferDay", "TRANSFER_FIELDS"),
        ("Usage", "CLIENT_USAGE_FIELDS"),
        ("Version", "VERSION_FIELDS"),
    ],
)
def test_rows_have_the_extensions_order(kind: str, fields: str) -> None:
    found: Any = getattr(strongroom, kind)
    names = found._fields if issubclass(found, Row) else tuple(found.__dataclass_fields__)
    assert names == getattr(_strongroom, fields)


def test_keys_are_not_shown(catalog: strongroom.Catalog) -> None:
    row = catalog.add_client("server", aes_key=b"secret", public_key=b"public")
    assert "secret" not in repr(row) and b"secret".hex() not in repr(row)
    assert "aes_key=<hidden>" in repr(row)
    assert f"public_key=bytes.fromhex('{b'public'.hex()}')" in repr(row)
    assert "aes_key=None" in repr(catalog.client("laptop"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31T09:30:00Z", (2026, 1, 31, 9, 30, 0, 0)),
        ("2026-01-31 10:30:00.25+01:00", (2026, 1, 31, 9, 30, 0, 250000)),
        ("2026-01-31T09:30:00+00:00Z", (2026, 1, 31, 9, 30, 0, 0)),
        ("2026-01-31", (2026, 1, 31)),
        ("last week", None),
        ("7d", None),
    ],
)
def test_times_as_they_are_stored_and_as_datetimes(
    catalog: strongroom.Catalog, text: str, expected: tuple[int, ...] | None
) -> None:
    catalog.save_file("laptop", "a", date=text)
    file = catalog.file("laptop", "a")
    assert file.date == text
    if expected is None:
        assert file.modified is None
    else:
        assert file.modified == datetime.datetime(*expected, tzinfo=datetime.timezone.utc)  # type: ignore[misc,arg-type]
