"""Any table of the database, shown and edited row by row.

Names of tables and columns come from outside, so each is looked up in the schema, and only a name
that stands there gets into a statement. Rows are dictionaries of what people see: bytes as hex
digits, nulls as "".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from strongroom import _strongroom, errors

ROWS_MAX = 1000
"""Rows that `content` gives."""

Row = dict[str, Any]


def names(catalog: _strongroom.Catalog) -> list[str]:
    """Every table but SQLite's own, by name."""
    _, rows = catalog.fetch(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_' "
        "ORDER BY name"
    )
    return [name for (name,) in rows]


def schema(catalog: _strongroom.Catalog, table: str) -> list[Row]:
    """The columns: cid, name, type, notnull, default, pk.

    `files` has had the key `ID` in all versions; newer ones add a number of the row's, which
    programs that look for the key must not take for it.
    """
    _known(catalog, table)
    _, rows = catalog.fetch(f"PRAGMA table_info({_quoted(table)})")
    columns = [
        dict(zip(("cid", "name", "type", "notnull", "default", "pk"), row, strict=True))
        for row in rows
    ]
    if table.lower() == "files":
        for column in columns:
            if column["name"] == "RowKey":
                column["pk"] = 0
        if not any(column["pk"] for column in columns):
            next(column for column in columns if column["name"] == "ID")["pk"] = 1
    return columns


def content(catalog: _strongroom.Catalog, table: str) -> tuple[list[str], list[Row]]:
    """The columns' names and the first rows."""
    _known(catalog, table)
    columns, rows = catalog.fetch(f"SELECT * FROM {_quoted(table)}", (), ROWS_MAX)
    return list(columns), [_shown(columns, row) for row in rows]


def row(catalog: _strongroom.Catalog, table: str, key: Any) -> Row | None:
    """The row with this key: its value as stored or as shown; of a key of several columns a
    sequence. None where there is none.
    """
    where, values = _where(catalog, table, key)
    columns, rows = catalog.fetch(f"SELECT * FROM {_quoted(table)} WHERE {where}", values, 1)
    return _shown(columns, rows[0]) if rows else None


def update(catalog: _strongroom.Catalog, table: str, key: Any, changes: Mapping[str, Any]) -> bool:
    """Sets what differs from what the row shows. False where there is no such row."""
    if not isinstance(changes, Mapping):
        raise errors.InvalidError(f"what a row changes to is a dictionary, not {changes!r}")
    columns = {column["name"]: column for column in schema(catalog, table)}
    for name in changes:
        if name not in columns:
            raise errors.InvalidError(f"table {table!r} has no column {name!r}")
    before = row(catalog, table, key)
    if before is None:
        return False
    fresh = {
        name: _stored(value, columns[name]["type"])
        for name, value in changes.items()
        if value != before[name] and not (value is None and before[name] == "")
    }
    if not fresh:
        return True
    where, values = _where(catalog, table, key)
    sets = ", ".join(f"{_quoted(name)} = ?" for name in fresh)
    changed, _ = catalog.execute(
        f"UPDATE {_quoted(table)} SET {sets} WHERE {where}", (*fresh.values(), *values)
    )
    return bool(changed)


def delete(catalog: _strongroom.Catalog, table: str, key: Any) -> bool:
    """Deletes the row with this key. False where there is none."""
    where, values = _where(catalog, table, key)
    changed, _ = catalog.execute(f"DELETE FROM {_quoted(table)} WHERE {where}", values)
    return bool(changed)


# ---- Names


def _known(catalog: _strongroom.Catalog, table: str) -> None:
    if not isinstance(table, str) or table.lower() not in map(str.lower, names(catalog)):
        raise errors.NotFoundError(f"there is no table {table!r}")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _where(catalog: _strongroom.Catalog, table: str, key: Any) -> tuple[str, list[Any]]:
    """A condition for the row with this key, and its values."""
    parts = sorted((c for c in schema(catalog, table) if c["pk"]), key=lambda c: int(c["pk"]))
    if not parts:
        raise errors.InvalidError(f"table {table!r} has no primary key")
    if len(parts) == 1:
        given: Sequence[Any] = [key]
    elif isinstance(key, (tuple, list)) and len(key) == len(parts):
        given = key
    else:
        raise errors.InvalidError(
            f"the key of table {table!r} has {len(parts)} columns, and {key!r} is no tuple of them"
        )
    where = " AND ".join(f"{_quoted(part['name'])} = ?" for part in parts)
    return where, [_stored(value, part["type"]) for value, part in zip(given, parts, strict=True)]


# ---- Values


def _shown(columns: Sequence[str], values: Sequence[Any]) -> Row:
    return {name: _show(value) for name, value in zip(columns, values, strict=True)}


def _show(value: Any) -> Any:
    if value is None:
        return ""
    return value.hex() if isinstance(value, bytes) else value


def _stored(value: Any, kind: str) -> Any:
    """What a value that people gave is in a column of this type."""
    kind = kind.upper()
    if value == "" and "CHAR" not in kind and "TEXT" not in kind:
        return None
    if isinstance(value, str) and "BLOB" in kind:
        try:
            return bytes.fromhex(value)
        except ValueError:
            raise errors.InvalidError(f"{value!r} is no bytes in hex digits") from None
    return value
