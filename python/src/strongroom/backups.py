"""Backups of the catalog: a file that holds all of it."""

from __future__ import annotations

import datetime
from typing import Any

from strongroom import _strongroom
from strongroom.base import Base, Stage
from strongroom.retention import Keep
from strongroom.rows import EPOCH, Row
from strongroom.words import Path


class BackedUp(Row):
    """A backup that was made.

    path: where it is
    bytes: its size
    database_bytes: the size of the database in it
    tables: how many were compared with the original, row by row
    rows: how many rows
    schema_version: the version of the database
    compressed: whether it is compressed
    encrypted: whether it is encrypted
    seconds: how long it took
    seconds_copying: how long of that was copying
    """

    path: str
    bytes: int
    database_bytes: int
    tables: int
    rows: int
    schema_version: int
    compressed: bool
    encrypted: bool
    seconds: float
    seconds_copying: float


class BackupReport(Row):
    """What a backup was found to be.

    bytes: its size
    database_bytes: the size of the database in it
    tables: how many were read to their last row
    rows: how many rows
    schema_version: the version of the database
    compressed: whether it is compressed
    encrypted: whether it is encrypted
    """

    bytes: int
    database_bytes: int
    tables: int
    rows: int
    schema_version: int
    compressed: bool
    encrypted: bool


class Restored(Row):
    """What became of a catalog that was restored.

    path: the database
    kept: the backup that was made of it as it was; None where there was nothing to back up
    set_aside: where a damaged database went; None without
    from_version: the version of the backup
    version: what it was brought to
    tables: how many tables it has
    rows: how many rows
    seconds: how long it took
    keys_plain: the backup's AES keys are not wrapped, though a key ring is set: `init_keys` does that
    keys_lost: how many AES keys need a master key that the key ring that is set does not have
    """

    path: str
    kept: str | None
    set_aside: str | None
    from_version: int
    version: int
    tables: int
    rows: int
    seconds: float
    keys_plain: bool
    keys_lost: int


class Rotation(Row):
    """A backup of a folder, and what becomes of it.

    path: where it is
    instant: when it was begun, in microseconds since 1970
    bytes: its size
    kept: why it stays, in words, such as "last, daily"; "" when it goes
    """

    path: str
    instant: int
    bytes: int
    kept: str

    @property
    def begun(self) -> datetime.datetime:
        """`instant` as an aware datetime."""
        return EPOCH + datetime.timedelta(microseconds=self.instant)


class Rotated(Row):
    """What rotating did, or would do.

    kept: how many backups stay
    removed: how many went
    bytes_removed: their sizes
    backups: each of them, newest first, a list of `Rotation`
    """

    kept: int
    removed: int
    bytes_removed: int
    backups: list[Rotation]


def verify_backup(
    path: Path,
    *,
    key: bytes | str | None = None,
    full_check: bool = False,
    progress: Stage | None = None,
    beside: Path | None = None,
) -> BackupReport:
    """Checks that a backup is whole and holds a catalog. Reads every row of it.

    `key` is the passphrase of an encrypted one. What is packed is unpacked beside the database
    `beside` (the backup itself, unless it is given) meanwhile, where nobody else can read it.
    `full_check` looks at indexes entry by entry, too, which takes many times as long.

    Raises `WrongKeyError`, `CorruptError` for what is damaged or cut off, `RefusedError` for a
    database that is no catalog.
    """
    options = {"path": path if beside is None else beside}
    row = _strongroom.backup_verify(options, path, key, full_check, progress)
    return BackupReport._make(row)


def restore(
    database: Path,
    backup: Path,
    *,
    key: bytes | str | None = None,
    full_check: bool = False,
    progress: Stage | None = None,
    **options: Any,
) -> Restored:
    """Puts the catalog that a backup holds in the place of a database, which need not exist.

    The backup is checked first, and the present catalog is backed up beside itself. Who has it open
    goes on, and sees the one or the other whole. Stored files are not touched. `options` are those
    of `Catalog`. Raises what `verify_backup` does, `TooNewError` for a backup of a newer program,
    `BusyError` where somebody writes for longer than the timeout.
    """
    given = {"path": database, **options}
    return Restored._make(_strongroom.restore(given, backup, key, full_check, progress))


class Backups(Base):
    """Backups of the catalog."""

    def backup(
        self,
        path: Path | None = None,
        *,
        compress: bool = False,
        key: bytes | str | None = None,
        progress: Stage | None = None,
    ) -> BackedUp:
        """Backs up the catalog while others read and write it; compares every row with the original.

        `path` is the new file, or a folder to put it in under a name with the time; None: the
        database's folder. `compress` packs it with zstd, `key` encrypts it with a passphrase.
        `progress` gets "copying", "checking", "comparing", "packing", "reading back" with figures.
        Nothing is overwritten: `ExistsError`. A failure leaves no file.
        """
        return BackedUp._make(self._raw.backup(path, compress, key, progress))

    def verify_backup(
        self,
        path: Path,
        *,
        key: bytes | str | None = None,
        full_check: bool = False,
        progress: Stage | None = None,
    ) -> BackupReport:
        """`strongroom.verify_backup`; what is packed is unpacked beside the catalog's database."""
        return verify_backup(
            path, key=key, full_check=full_check, progress=progress, beside=self._raw.path
        )

    def rotate_backups(
        self, keep: Keep, folder: Path | None = None, *, dry_run: bool = False
    ) -> Rotated:
        """Removes the backups in a folder, None for the database's, that no rule keeps.

        Only what `backup` has made and named there by itself is ever removed. `dry_run` removes
        nothing. Raises `InvalidError` without any rule.
        """
        options = {"path": self._raw.path}
        row = _strongroom.backup_rotate(options, folder, keep.rules(), dry_run)
        return Rotated._make((*row[:3], list(map(Rotation._make, row[3]))))
