"""Repair: mending a catalog, and reading what is left of a damaged one."""

from __future__ import annotations

from collections.abc import Callable

from strongroom import _strongroom
from strongroom.base import Base, Progress
from strongroom.rows import Row, maker
from strongroom.words import Path


class RepairStep(Row):
    """One thing that a repair would do, or did.

    code: the finding of `health` that it mends
    subject: its table, index or trigger
    count: how many rows, or 1
    what: in words
    done: how many of them were mended; 0 before
    failure: why it could not be done, or None; nothing of it was done then
    """

    code: str
    subject: str
    count: int  # type: ignore[assignment]
    what: str
    done: int
    failure: str | None


class Repair(Row):
    """What a repair would do, or did.

    steps: in the order in which they are done, a list of `RepairStep`
    damage: pages are damaged, which no repair mends, in words (see `salvage`); or None
    backup: the backup that was made before, or None
    """

    steps: list[RepairStep]
    damage: str | None
    backup: str | None


class SalvagedTable(Row):
    """What became of the rows of a table.

    name: the table
    saved: they are in the new catalog
    adrift: of those, found on pages that nothing leads to any more; some may have been deleted
    refused: could be read, and break a rule of the schema
    lost: could not be read: exactly so many,
    exact: or if this is False at least so many
    orphans: of those saved, what they refer to is not there
    """

    name: str
    saved: int
    adrift: int
    refused: int
    lost: int
    exact: bool
    orphans: int


class Salvaged(Row):
    """What was read of a damaged database.

    path: the new catalog
    from_version: the version of the damaged one
    version: the version of the new one, the latest
    saved: rows of all tables that are in the new catalog
    refused: rows that could be read, and break a rule
    lost: rows that could not be read
    exact: whether that is exact, and no table can be missing from the list
    tables: those with rows, or damage, by name, a list of `SalvagedTable`
    notes: what else was wrong, a sentence each
    """

    path: str
    from_version: int
    version: int
    saved: int
    refused: int
    lost: int
    exact: bool
    tables: list[SalvagedTable]
    notes: list[str]


def salvage(
    damaged: Path,
    fresh: Path,
    *,
    progress: Progress | None = None,
    refused: Callable[[str, int, str], object] | None = None,
) -> Salvaged:
    """Reads what can be read of a damaged database, page by page, into a new catalog at `fresh`.

    The damaged one is never written. `refused` is called with table, number and reason for each row
    that breaks a rule of the schema. Raises `BusyError` where any program has it open,
    `ExistsError` where there is something at `fresh`, `CorruptError` where nothing of it looks like
    a catalog. A failure leaves no file.
    """
    row = _strongroom.salvage(damaged, fresh, progress, refused)
    tables = list(map(maker(SalvagedTable), row[7]))
    return Salvaged._make((*row[:7], tables, row[8]))


class Repairs(Base):
    """Mending the catalog."""

    def plan_repair(self, *, progress: Progress | None = None) -> Repair:
        """What `repair` would do. Reads everything and changes nothing."""
        return repair_of(self._raw.repair(False, True, progress))

    def repair(self, *, backup: bool = True, progress: Progress | None = None) -> Repair:
        """Mends what `health` finds wrong, in one transaction, after a backup.

        Tables, indexes and triggers that are missing, counters, quotas, versions that contradict their
        file, rows that refer to nothing: these are put into the table orphaned_rows. A step that
        fails is undone alone, and says why. Raises `TooOldError` unless the database is of the latest
        version, `InvalidError` inside a transaction.
        """
        return repair_of(self._raw.repair(True, backup, progress))

    def build_search_index(self, *, anew: bool = False, progress: Progress | None = None) -> int:
        """Brings the index of names up to the last file; returns how many were indexed.

        Writes keep it up by themselves: this is for after another program has filled the catalog.
        `anew` makes it from nothing. What was done stays when it is stopped.
        """
        return self._raw.search_index_build(anew, progress)


def repair_of(row: tuple[list[tuple[object, ...]], str | None, str | None]) -> Repair:
    """A repair as the extension tells it, with rows in it."""
    return Repair._make((list(map(maker(RepairStep), row[0])), *row[1:]))
