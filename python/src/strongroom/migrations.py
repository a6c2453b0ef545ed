"""Migrations: bringing a database to another version."""

from __future__ import annotations

import datetime

from strongroom import _strongroom
from strongroom.base import Base, Progress
from strongroom.rows import Row, maker, moment
from strongroom.words import Path


class Migrated(Row):
    """What became of a database that was migrated.

    from_version: the version that it had
    to_version: the version that it has
    backup: where the backup is that was made before; None without
    """

    from_version: int
    to_version: int
    backup: str | None


class Migration(Row):
    """A version of the schema.

    version: its number
    description: what it brings
    applied_at: when it was applied, text; None while it is pending
    up_sql: what is run to reach it
    down_sql: what is run to leave it
    """

    version: int
    description: str
    applied_at: str | None
    up_sql: str
    down_sql: str

    @property
    def applied(self) -> datetime.datetime | None:
        """`applied_at` as an aware datetime; None while it is pending."""
        return moment(self.applied_at)


class OwnMigration(Row):
    """A migration of your own that was applied.

    version: its number, of a count of its own
    description: what it brings
    applied_at: when it was applied, text
    down_sql: what is run to take it back, or None
    """

    version: int
    description: str
    applied_at: str
    down_sql: str | None


class MigrationStatus(Row):
    """Which version a database has, and which there are.

    current_version: the one that it has; -1 where it is missing
    latest_version: the newest one that this program knows
    pending_migrations: how many are between them
    total_migrations: how many there are
    database_file: the database
    database_exists: whether it is there
    migrations: each of them, a list of `Migration`
    own: your own ones that were applied, a list of `OwnMigration`
    """

    current_version: int
    latest_version: int
    pending_migrations: int
    total_migrations: int
    database_file: str
    database_exists: bool
    migrations: list[Migration]
    own: list[OwnMigration]


class Drift(Row):
    """A difference between a database's schema and what this program would have made.

    kind: what is different
    object: of which table, index or migration
    expected: what it should be, or None
    found: what it is, or None
    """

    kind: str
    object: str
    expected: str | None
    found: str | None


def migration_status(database: Path) -> MigrationStatus:
    """Which version a database has, and which there are. It may be missing; nothing is written."""
    row = _strongroom.migration_status({"path": database})
    own = list(map(maker(OwnMigration), row[7]))
    return MigrationStatus._make((*row[:6], list(map(maker(Migration), row[6])), own))


class Migrations(Base):
    """Bringing the database to another version."""

    def migrate(
        self,
        to: int | None = None,
        *,
        accept_loss: bool = False,
        full_check: bool = False,
        progress: Progress | None = None,
    ) -> Migrated:
        """Brings the database to a version, None for the latest, after a backup.

        A lower one goes down; where that would drop values it is `RefusedError`, unless
        `accept_loss`. `full_check` checks all of it before and after, not only what is quick.
        Whatever fails leaves the database as it was, and says where the backup is.
        """
        row = self._raw.migrate(
            to, accept_loss=accept_loss, full_check=full_check, progress=progress
        )
        return Migrated._make(row)

    def migration_status(self) -> MigrationStatus:
        """Which version the database has, and which there are."""
        return migration_status(self._raw.path)

    def verify_schema(self) -> list[Drift]:
        """In what the database's schema is not what this program would have made."""
        return list(map(maker(Drift), self._raw.migrate_verify()[1]))

    def apply_own_migration(
        self, version: int, description: str, up_sql: str, down_sql: str | None = None
    ) -> str | None:
        """Applies a migration of your own, all or nothing, after a backup, whose path is returned.

        Its number is of a count of its own, from 1. Raises `ExistsError` where it was applied,
        `RefusedError` for what is potentially dangerous, `TooOldError` unless the database is of the
        latest version.
        """
        return self._raw.migrate_own(version, description, up_sql, down_sql)

    def revert_own_migration(self, version: int) -> str | None:
        """Takes a migration of your own back, after a backup, whose path is returned."""
        return self._raw.migrate_own_down(version)
