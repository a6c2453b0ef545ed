"""What a statement is, how its values are given, and where a script's statements end."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from strongroom import _strongroom, errors
from strongroom.sqlite_errors import translated

READS = "reads"
WRITES = "writes"
DEFINES = "defines"
PRAGMA = "pragma"
BEGINS = "begins"
COMMITS = "commits"
ROLLS_BACK = "rolls back"
SAVEPOINT = "savepoint"
RELEASES = "releases"
ROLLS_BACK_TO = "rolls back to"
NONE = "none"

_KEPT = 512
"""Descriptions that are kept."""


class Statement:
    """What a text of SQL does and takes."""

    __slots__ = ("counters", "inserts", "kind", "parameters", "returns", "subject")

    def __init__(
        self,
        kind: str,
        subject: str | None,
        inserts: bool,
        parameters: Sequence[str | None],
        returns: bool,
    ) -> None:
        self.kind = kind
        """One of the words above."""
        self.subject = subject
        """Of a pragma or savepoint: its name."""
        self.parameters = tuple(parameters)
        """The name of each value as it is written, ":name" or "?5"; None for a plain "?"."""
        self.inserts = inserts
        """Whether it gives `lastrowid` a new value."""
        self.returns = returns
        """Whether it has rows: INSERT … RETURNING has."""
        self.counters: tuple[str, str] | None = None
        """Where it calls `last_insert_rowid`, `changes` or `total_changes`: which of them it is
        that it asks for alone, and how the column is called; else two empty texts.
        """

    def bind(self, given: Sequence[Any] | Mapping[str, Any]) -> Sequence[Any]:
        """The values in the order that the library takes them in.

        Raises `sqlite3.ProgrammingError` where one is missing or too much.
        """
        if type(given) is tuple or type(given) is list:
            if len(given) != len(self.parameters):
                raise self._count(len(given))
            return given
        if isinstance(given, Mapping):
            return self._bind_names(given)
        if isinstance(given, (str, bytes)) or not hasattr(given, "__getitem__"):
            raise sqlite3.ProgrammingError("parameters are of unsupported type")
        return self.bind([given[i] for i in range(len(given))])

    def _bind_names(self, given: Mapping[str, Any]) -> list[Any]:
        values = []
        for number, name in enumerate(self.parameters, 1):
            if name is None or name[0] == "?":
                raise sqlite3.ProgrammingError(
                    f"Binding {number} has no name, but you supplied a dictionary (which has only "
                    "names)."
                )
            try:
                values.append(given[name[1:]])
            except KeyError:
                raise sqlite3.ProgrammingError(
                    f"You did not supply a value for binding parameter {name}."
                ) from None
        return values

    def _count(self, given: int) -> sqlite3.ProgrammingError:
        return sqlite3.ProgrammingError(
            "Incorrect number of bindings supplied. The current statement uses "
            f"{len(self.parameters)}, and there are {given} supplied."
        )


_known: dict[str, Statement] = {}
"""What a text is does not depend on the catalog; whether it compiles is seen when it runs."""


def describe(
    raw: _strongroom.Catalog, sql: str, lease: _strongroom.Cursor | None = None
) -> Statement:
    """What the statement is, read with the lease's reader where there is one.

    Raises `sqlite3.OperationalError` if it does not compile.
    """
    known = _known.get(sql)
    if known is not None:
        return known
    if not isinstance(sql, str):
        raise TypeError(f"a statement is a str, not {type(sql).__name__}")
    if "\0" in sql:
        raise sqlite3.ProgrammingError("the query contains a null character")
    try:
        kind, subject, inserts, parameters, columns = raw.describe(sql, lease)
    except errors.Error as error:
        raise translated(error) from error
    fresh = Statement(kind, subject, inserts, parameters, bool(columns))
    fresh.counters = _counters(sql, columns)
    if len(_known) >= _KEPT:
        _known.clear()
    _known[sql] = fresh
    return fresh


def _counters(sql: str, columns: Sequence[str]) -> tuple[str, str] | None:
    if _COUNTER.search(sql) is None or _COUNTER.search(_QUOTED.sub(" ", sql)) is None:
        return None
    alone = _COUNTER_ALONE.fullmatch(_COMMENT.sub(" ", sql))
    return (alone[1].lower(), columns[0]) if alone else ("", "")


def split(script: str) -> Iterator[str]:
    """The statements of a script, each with its semicolon."""
    start = 0
    end = script.find(";")
    while end >= 0:
        if sqlite3.complete_statement(script[start : end + 1]):
            yield script[start : end + 1]
            start = end + 1
        end = script.find(";", end + 1)
    if script[start:].strip():
        yield script[start:]


def controls(sql: str) -> bool:
    """Whether the statement begins or ends a transaction or a savepoint."""
    words = _COMMENT.sub(" ", sql).replace(";", " ").split(None, 1)
    return bool(words) and words[0].upper() in _CONTROL


def vacuums(sql: str) -> bool:
    """Whether the statement is VACUUM without INTO, which the library's optimize stands for."""
    words = _COMMENT.sub(" ", sql).replace(";", " ").upper().split()
    return words[:1] == ["VACUUM"] and "INTO" not in words


_COMMENT = re.compile(r"--[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_QUOTED = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|/\*.*?(?:\*/|\Z)""", re.DOTALL
)
_COUNTERS = r"(?<![\w$])(last_insert_rowid|changes|total_changes)\s*\(\s*\)"
_COUNTER = re.compile(_COUNTERS, re.IGNORECASE)
_NAME = r"""(?:[\w$]+|"[^"]*"|'[^']*'|`[^`]*`|\[[^\]]*\])"""
_COUNTER_ALONE = re.compile(
    rf"\s*SELECT\s+{_COUNTERS}(?:\s*(?:\bAS\b\s*)?{_NAME})?[\s;]*",
    re.IGNORECASE,
)
_CONTROL = ("BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE")

