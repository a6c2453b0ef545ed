"""Pragmas that set something.

Old code sends a few to each connection it makes. Here connections are the library's: what a pragma
asks for is either so already, or only tunes, and then nothing is done; or it would break what the
catalog relies on, and is refused.
"""

from __future__ import annotations

import logging
import re
import sqlite3

from strongroom import _strongroom, errors
from strongroom.sqlite_errors import translated

_logger = logging.getLogger(__name__)

Answer = tuple[tuple[str, ...], list[tuple[object, ...]]]
"""Names of columns, and rows."""

_TUNING = frozenset(
    (
        "analysis_limit", "automatic_index", "busy_timeout", "cache_size", "cache_spill",
        "checkpoint_fullfsync", "default_cache_size", "fullfsync", "hard_heap_limit",
        "incremental_vacuum", "journal_size_limit", "mmap_size", "optimize", "read_uncommitted",
        "shrink_memory", "soft_heap_limit", "synchronous", "temp_store", "threads",
        "wal_autocheckpoint", "wal_checkpoint",
    )
)
"""Change how fast something is, never what it does; the library has its own ideas of them."""

_FIXED = {
    "auto_vacuum": ("0", "none"),
    "case_sensitive_like": ("0",),
    "count_changes": ("0",),
    "empty_result_callbacks": ("0",),
    "encoding": ("utf-8",),
    "foreign_keys": ("1",),
    "full_column_names": ("0",),
    "ignore_check_constraints": ("0",),
    "legacy_alter_table": ("0",),
    "locking_mode": ("normal",),
    "query_only": ("0",),
    "recursive_triggers": ("0",),
    "reverse_unordered_selects": ("0",),
    "short_column_names": ("1",),
    "temp_store_directory": ("",),
    "trusted_schema": ("0",),
    "writable_schema": ("0",),
}
"""What it is for every connection of a catalog."""

_ANSWERS = {"busy_timeout": "timeout", "threads": "threads", "analysis_limit": "analysis_limit"}
"""Tuning pragmas that give the new value back, and the column's name."""

_WORDS = {"on": "1", "yes": "1", "true": "1", "off": "0", "no": "0", "false": "0"}

_SETTING = re.compile(
    r"""\s*pragma\s+(?:[\w"'`\[\]]+\s*\.\s*)?[\w"'`\[\]]+\s*(?:=\s*|\(\s*)(.*?)\s*\)?\s*;?\s*$""",
    re.IGNORECASE | re.DOTALL,
)


def _argument(sql: str) -> str | None:
    """What is asked for, in one spelling."""
    found = _SETTING.match(_without_comments(sql))
    if found is None:
        return None
    value = found[1].strip("\"'").lower()
    return _WORDS.get(value, value)


def _without_comments(sql: str) -> str:
    return re.sub(r"--[^\n]*|/\*.*?(\*/|\Z)", " ", sql, flags=re.DOTALL)


def _current(raw: _strongroom.Catalog, name: str) -> str:
    try:
        rows = raw.fetch(f"PRAGMA {name}")[1]
    except errors.Error as error:
        raise translated(error) from error
    return str(rows[0][0]).lower() if rows else ""


def _refused(sql: str, why: str) -> sqlite3.Error:
    return sqlite3.OperationalError(f"{sql.strip()}: refused, since {why}")


def _journal_mode(raw: _strongroom.Catalog, sql: str, wanted: str | None) -> Answer:
    """Asking for the log is fine also where the disk does not allow it, as in SQLite."""
    current = _current(raw, "journal_mode")
    if wanted not in (current, "wal"):
        raise _refused(sql, f"the journal mode of a catalog is the library's: {current}")
    return ("journal_mode",), [(current,)]


def _tune(name: str, sql: str, wanted: str | None) -> Answer:
    _logger.debug("%s does nothing: the library tunes its own connections", sql.strip())
    if name == "wal_checkpoint":
        return ("busy", "log", "checkpointed"), [(0, -1, -1)]
    if name in _ANSWERS and wanted is not None and wanted.lstrip("-").isdigit():
        return (_ANSWERS[name],), [(int(wanted),)]
    return (), []


def setting(raw: _strongroom.Catalog, name: str, sql: str) -> Answer | None:
    """What a pragma that sets something answers; None: it is for the library to decide.

    Raises `sqlite3.OperationalError` where it asks for what a catalog cannot be.
    """
    name = name.lower()
    wanted = _argument(sql)
    if name == "journal_mode":
        return _journal_mode(raw, sql, wanted)
    if name in _TUNING:
        return _tune(name, sql, wanted)
    if name in _FIXED:
        if wanted not in _FIXED[name]:
            raise _refused(sql, f"in a catalog it is {_FIXED[name][0].upper() or 'unset'}")
        _logger.debug("%s is so already", sql.strip())
        return (), []
    if name in ("page_size", "secure_delete"):
        if wanted != _current(raw, name):
            raise _refused(sql, f"in this catalog it is {_current(raw, name)}")
        return (), []
    return None


def fixed(name: str) -> Answer | None:
    """What a pragma that asks tells of the connections that write, where that is known."""
    if name.lower() != "foreign_keys":
        return None
    return ("foreign_keys",), [(1,)]
