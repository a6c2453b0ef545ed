"""What the library tells, under the keys that old programs look for."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable
from operator import itemgetter
from typing import Any

from strongroom import _strongroom
from strongroom.compat import monitor

Report = dict[str, Any]


def _named(fields: tuple[str, ...], row: tuple[Any, ...]) -> Report:
    return dict(zip(fields, row, strict=True))


def _listed(report: Report) -> Report:
    """Lists in the place of tuples, which programs may append to."""
    return {
        key: list(value) if isinstance(value, tuple) else value for key, value in report.items()
    }


# ---- Files

_FILE_PLACE = {name: place for place, name in enumerate(_strongroom.FILE_FIELDS)}


def _picker(names: str) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    """Takes these fields out of a row of a file."""
    return itemgetter(*(_FILE_PLACE[name] for name in names.split()))


_brief = _picker("name path verified")
_info = _picker("name path verified client_name size date crc")
_listed_file = _picker("name path verified client_name size date client_id")
_found = _picker(
    "name path size date verified crc client_name category mime_type extension "
    "transfer_duration transfer_speed"
)


def file_tuple(file: tuple[Any, ...]) -> tuple[str, str, bool]:
    name, path, verified = _brief(file)
    return name, path, verified


def file_brief(file: tuple[Any, ...]) -> Report:
    name, path, verified = _brief(file)
    return {"filename": name, "path": path, "verified": verified}


def file_info(file: tuple[Any, ...]) -> Report:
    name, path, verified, client, size, date, crc = _info(file)
    return {
        "filename": name,
        "path": path,
        "verified": verified,
        "client": client,
        "size": size,
        "date": date,
        "crc": crc,
    }


def file_listed(file: tuple[Any, ...]) -> Report:
    name, path, verified, client, size, date, client_id = _listed_file(file)
    return {
        "filename": name,
        "path": path,
        "verified": verified,
        "client": client,
        "size": size,
        "date": date,
        "client_id": client_id,
    }


def file_found(file: tuple[Any, ...]) -> Report:
    (
        name, path, size, date, verified, crc, client, category, mime_type, extension,
        transfer_duration, transfer_speed,
    ) = _found(file)  # fmt: skip
    return {
        "filename": name,
        "path": path,
        "size": size,
        "date": date,
        "verified": verified,
        "crc": crc,
        "client": client,
        "category": category,
        "mime_type": mime_type,
        "extension": extension,
        "transfer_duration": transfer_duration,
        "transfer_speed": transfer_speed,
    }


# ---- Questions


def instant(date: object, end: bool = False) -> int | None:
    """An ISO 8601 date or time in microseconds since 1970; None for "" and None.

    At its end a whole day is its last microsecond.
    """
    if date is None or date == "":
        return None
    text = date.isoformat() if isinstance(date, datetime.date) else str(date)
    moment, is_day = _strongroom.parse_when(text)
    return int(_strongroom.day_end(moment) if end and is_day else moment)


def whole_hours(hours: float) -> int:
    return max(1, math.ceil(hours))


# ---- Sums


class Sums:
    """How many files there are, and how many bytes."""

    def __init__(self, catalog: _strongroom.Catalog) -> None:
        figures = _named(_strongroom.FILE_SUMS_FIELDS, catalog.file_sums())
        self.files: int = figures["files"]
        self.verified_files: int = figures["verified_files"]
        self._bytes: tuple[int, int] = figures["bytes"], figures["verified_bytes"]
        self._sized: tuple[int, int] = figures["sized_files"], figures["verified_sized_files"]

    def bytes_of(self, verified_only: bool) -> int:
        return self._bytes[bool(verified_only)]

    def average_of(self, verified_only: bool) -> float:
        """0.0 where there are no files with a size."""
        sized = self._sized[bool(verified_only)]
        return self.bytes_of(verified_only) / sized if sized else 0.0


def counts(clients: int, files: int, verified: int, size: int) -> Report:
    return {
        "total_clients": clients,
        "total_files": files,
        "verified_files": verified,
        "database_size_bytes": size,
    }


# ---- The whole

_SECTIONS: dict[str, dict[str, str]] = {
    "database_info": {
        "file_path": "file_path",
        "file_size_mb": "file_size_mb",
        "connection_pool_enabled": "connection_pool_enabled",
        "pool_size": "pool_size",
    },
    "storage_info": {
        "directory": "directory",
        "total_files": "stored_files",
        "total_size_mb": "stored_size_mb",
    },
    "client_stats": {
        "total_clients": "total_clients",
        "clients_with_keys": "clients_with_keys",
        "average_days_since_seen": "average_days_since_seen",
    },
    "file_stats": {
        "total_files": "total_files",
        "verified_files": "verified_files",
        "verification_rate": "verification_rate",
        "average_file_size_mb": "average_file_size_mb",
        "total_size_gb": "total_size_gb",
        "min_file_size_kb": "min_file_size_kb",
        "max_file_size_mb": "max_file_size_mb",
    },
    "performance_info": {"indexes_count": "indexes_count", "indexes": "indexes"},
}
"""Each section's keys, and what they are called in the library's statistics."""


_UNKNOWN = {
    "file_path": "",
    "directory": "",
    "connection_pool_enabled": False,
    "average_days_since_seen": None,
    "indexes": (),
}


def storage(statistics: tuple[Any, ...] | None, pool_size: int = 0) -> Report:
    """Statistics by section; zeros for None."""
    if statistics is None:
        figures: Report = dict.fromkeys(_strongroom.STATISTICS_FIELDS, 0) | _UNKNOWN
    else:
        figures = _named(_strongroom.STATISTICS_FIELDS, statistics) | {"pool_size": pool_size}
    return {
        section: _listed({key: figures[name] for key, name in keys.items()})
        for section, keys in _SECTIONS.items()
    }


def size_limits(limits: tuple[Any, ...]) -> Report:
    return _named(_strongroom.SIZE_LIMITS_FIELDS, limits)


def size_unknown(why: str) -> Report:
    return size_limits((0.0, 0, "error", 0.0, 0.0, why))


def optimized(result: tuple[Any, ...] | None, failure: str | None = None) -> Report:
    """What was done; where it failed, with the reason among the errors."""
    if result is None:
        result = (False, False, False, 0.0, 0.0, 0.0, 0, 0, ())
    report = _listed(_named(_strongroom.OPTIMIZED_FIELDS, result))
    if failure is not None and not report["errors"]:
        report["errors"].append(failure)
    wanted = (
        "vacuum_performed", "analyze_performed", "size_before_mb", "size_after_mb",
        "space_saved_mb", "errors",
    )
    return {key: report[key] for key in wanted}


def health(result: tuple[Any, ...], pool: Report) -> Report:
    """A check-up; `pool` is what `monitor.health` says."""
    found = _named(_strongroom.HEALTH_FIELDS, result)
    wanted = ("integrity_check", "foreign_key_check", "table_count", "index_count")
    report = {key: found[key] for key in wanted}
    report["connection_pool_healthy"] = monitor.is_healthy(pool)
    report["issues"] = list(found["issues"])
    report["connection_pool_metrics"] = pool
    return report


def unhealthy(why: str, pool: Report) -> Report:
    """The check-up of a database that cannot be opened."""
    return {
        "integrity_check": False,
        "foreign_key_check": False,
        "table_count": 0,
        "index_count": 0,
        "connection_pool_healthy": monitor.is_healthy(pool),
        "issues": [why],
        "connection_pool_metrics": pool,
    }
