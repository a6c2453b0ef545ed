"""Schema versions of the catalog, under the interface that servers have always used.

    python src/server/database_migrations.py            says which version the database is at
    python src/server/database_migrations.py migrate    brings it to the latest, or makes it

The C library does the work; `docs/PYTHON.md` tells what differs from the module of old. This file may
be copied into another `server` package: of its neighbours it needs `config` (DATABASE_NAME and, where
defined, MIGRATION_BACKUP_ENABLED, MIGRATION_VALIDATION_ENABLED, DANGEROUS_OPERATIONS_BLOCKED and
FILE_STORAGE_DIR) and `exceptions` (ServerError). Settings are read when they are used.

A program's own migrations are applied like those of the catalog: backed up before, in one
transaction, checked. They are kept in a ledger of their own, so their numbers may be any from 1 on.
"""

from __future__ import annotations

import sys

if __name__ == "__main__" and not __package__:
    # Run as a file: the package that it lies in has the neighbours.
    import importlib
    from pathlib import Path

    _here = Path(__file__).resolve()
    sys.path[0] = str(_here.parent.parent)
    sys.exit(importlib.import_module(f"{_here.parent.name}.{_here.stem}").main(sys.argv[1:]))

import contextlib
import logging
import os
from collections.abc import Iterator, Sequence
from typing import Any

from strongroom import _strongroom, errors, log

from . import config
from .exceptions import ServerError

logger = logging.getLogger(__name__)

log.redirect({"migrate": __name__})

_FAILURES = (errors.Error, OSError, TypeError, ValueError, OverflowError)

USAGE = "usage: python database_migrations.py [migrate]"


class DatabaseMigration:
    """A step from one version of the schema to the next, or a step of a program's own."""

    def __init__(self, version: int, description: str, up_sql: str, down_sql: str = "") -> None:
        """`up_sql` is any number of statements; `down_sql` takes back what they did."""
        self.version = version
        self.description = description
        self.up_sql = up_sql
        self.down_sql = down_sql

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.version}: {self.description}>"


class _CatalogMigration(DatabaseMigration):
    """One of the catalog's own. Its SQL is for reading: the library runs it, and it alone."""


class _State:
    """What the database has at one moment."""

    def __init__(self, row: tuple[Any, ...]) -> None:
        status = dict(zip(_strongroom.MIGRATION_STATUS_FIELDS, row, strict=True))
        self.file: str = status["database_file"]
        self.exists: bool = status["database_exists"]
        self.version: int = max(status["current_version"], 0)
        self.is_too_new: bool = self.version > status["latest_version"]
        self.own = {own[0] for own in status["own"]}

    def has(self, migration: DatabaseMigration) -> bool:
        if isinstance(migration, _CatalogMigration):
            return migration.version <= self.version
        return migration.version in self.own


def _library_migrations() -> list[DatabaseMigration]:
    # Of a database that is not there: the list is the program's.
    migrations = _strongroom.migration_status({"path": os.path.join(os.devnull, "none")})[6]
    return [
        _CatalogMigration(version, description, up_sql, down_sql)
        for version, description, _, up_sql, down_sql in migrations
    ]


class DatabaseMigrationManager:
    """Looks after the version of a database's schema.

    A program's own migrations are appended to `migrations`.
    """

    def __init__(self, db_name: str | None = None) -> None:
        """None: DATABASE_NAME. The database need not be there."""
        self.db_name: str = db_name or config.DATABASE_NAME
        self.migrations: list[DatabaseMigration] = _library_migrations()

    # ---- What there is

    def get_current_version(self) -> int:
        """The highest version of `migrations` that the database has; 0 where there is none."""
        try:
            return self._current(self._state())
        except _FAILURES as error:
            logger.error("The version of %s cannot be read: %s", self.db_name, error)
            return 0

    def get_pending_migrations(self) -> list[DatabaseMigration]:
        """What `migrate_to_latest` would apply, in that order."""
        try:
            return self._pending(self._state())
        except _FAILURES as error:
            logger.error("The migrations of %s cannot be read: %s", self.db_name, error)
            return []

    def get_migration_status(self) -> dict[str, Any]:
        """current_version, latest_version, pending_migrations, total_migrations (numbers),
        database_file and database_exists. Nothing is written."""
        try:
            state = self._state()
        except _FAILURES as error:
            logger.error("The migrations of %s cannot be read: %s", self.db_name, error)
            return self._status(0, self.migrations, os.path.exists(self.db_name))
        return self._status(self._current(state), self._pending(state), state.exists)

    # ---- What changes it

    def apply_migration(self, migration: DatabaseMigration) -> bool:
        """Applies one, if it is not: of the catalog's with those before it, since each stands on
        them; of a program's own behind all of the catalog's. False: it is applied already, or it
        failed, and nothing has changed; the log says which.
        """
        try:
            state = self._state()
            done = not state.has(migration) and self._apply(state, migration)
        except _FAILURES as error:
            logger.error("%s", self._words(migration, error))
            return False
        if not done:
            logger.warning("Migration %s is already applied", migration.version)
        return done

    def migrate_to_latest(self) -> bool:
        """Applies all that is pending; a database that is missing is made. False: one failed, those
        before it are applied, and the log says why."""
        try:
            state = self._state()
            pending = self._pending(state)
            if not pending and not state.is_too_new:
                logger.info("Database %s is up to date", self.db_name)
                return True
            with self._catalog() as catalog:
                self._bring_up(catalog)
                return all(self._apply_pending(catalog, migration) for migration in pending)
        except _FAILURES as error:
            logger.error("Migration of %s failed: %s", self.db_name, error)
            return False

    def backup_database(self) -> str:
        """Copies the database, what its log holds included, and checks the copy; its path, which is
        NAME_backup_YYYYmmdd_HHMMSS.db beside it. Raises ServerError."""
        try:
            with self._catalog(create=False) as catalog:
                path = str(catalog.backup()[0])
        except _FAILURES as error:
            logger.error("Backup of %s failed: %s", self.db_name, error)
            raise ServerError(f"Backup of {self.db_name} failed: {error}") from error
        logger.info("Database backup created: %s", path)
        return path

    def validate_database_integrity(self) -> bool:
        """Whether the database is undamaged, however long it takes to look at all of it. Rows that
        refer to nothing, which old databases have, are told in the log and are no damage."""
        try:
            with self._catalog(create=False, read_only=True) as catalog:
                row = catalog.health(full=True)
        except _FAILURES as error:
            logger.error("Database %s cannot be checked: %s", self.db_name, error)
            return False
        health = dict(zip(_strongroom.HEALTH_FIELDS, row, strict=True))
        if not health["integrity_check"]:
            for issue in health["issues"]:
                logger.error("Database integrity: %s", issue)
            return False
        if not health["foreign_key_check"]:
            logger.warning("Database %s has rows that refer to nothing", self.db_name)
        return True

    # ----

    def _options(self) -> dict[str, Any]:
        """How to open it, as `config` says at this moment."""
        return {
            "path": os.path.abspath(self.db_name),
            "storage_dir": getattr(config, "FILE_STORAGE_DIR", None),
            "base_dir": os.getcwd(),
            "backup": getattr(config, "MIGRATION_BACKUP_ENABLED", None),
            "validate": getattr(config, "MIGRATION_VALIDATION_ENABLED", None),
            "block_dangerous": getattr(config, "DANGEROUS_OPERATIONS_BLOCKED", None),
        }

    @contextlib.contextmanager
    def _catalog(self, create: bool = True, read_only: bool = False) -> Iterator[_strongroom.Catalog]:
        catalog = _strongroom.Catalog(**self._options(), create=create, read_only=read_only)
        try:
            yield catalog
        finally:
            catalog.close()

    def _state(self) -> _State:
        return _State(_strongroom.migration_status(self._options()))

    def _current(self, state: _State) -> int:
        own = (migration.version for migration in self.migrations if state.has(migration))
        return max(state.version, *own, 0)

    def _pending(self, state: _State) -> list[DatabaseMigration]:
        pending = [migration for migration in self.migrations if not state.has(migration)]
        # The catalog's first: what is a program's own stands on the latest version.
        pending.sort(key=lambda m: (not isinstance(m, _CatalogMigration), m.version))
        return pending

    def _status(
        self, current: int, pending: Sequence[DatabaseMigration], exists: bool
    ) -> dict[str, Any]:
        return {
            "current_version": current,
            "latest_version": max((migration.version for migration in self.migrations), default=0),
            "pending_migrations": len(pending),
            "total_migrations": len(self.migrations),
            "database_file": self.db_name,
            "database_exists": exists,
        }

    def _apply(self, state: _State, migration: DatabaseMigration) -> bool:
        """False: somebody else was faster."""
        with self._catalog() as catalog:
            if isinstance(migration, _CatalogMigration):
                # A database that was made just now is at the latest version.
                return self._bring_up(catalog, migration.version) or not state.exists
            self._bring_up(catalog)
            return self._apply_own(catalog, migration)

    def _apply_own(self, catalog: _strongroom.Catalog, migration: DatabaseMigration) -> bool:
        try:
            backup = catalog.migrate_own(
                migration.version,
                migration.description,
                migration.up_sql,
                migration.down_sql or None,
            )
        except errors.ExistsError:
            return False
        logger.info("Applied migration %s: %s", migration.version, migration.description)
        if backup is not None:
            logger.info("The database as it was before: %s", backup)
        return True

    def _apply_pending(self, catalog: _strongroom.Catalog, migration: DatabaseMigration) -> bool:
        """Whether it is applied in the end."""
        if isinstance(migration, _CatalogMigration):
            return True
        try:
            self._apply_own(catalog, migration)
        except _FAILURES as error:
            logger.error("%s", self._words(migration, error))
            return False
        return True

    def _bring_up(self, catalog: _strongroom.Catalog, to: int | None = None) -> bool:
        """Whether there was anything to do."""
        before, after, backup = catalog.migrate(to, up_only=True)
        if after > before:
            logger.info("Database %s was at version %d, now %d", self.db_name, before, after)
        if backup is not None:
            logger.info("The database as it was before: %s", backup)
        return after > before

    @staticmethod
    def _words(migration: DatabaseMigration, error: BaseException) -> str:
        if isinstance(error, errors.RefusedError) and "dangerous operations" in str(error):
            return str(error)  # Which begins with the migration's number.
        return f"Migration {migration.version} failed: {error}"


def migrate_database(db_name: str | None = None) -> bool:
    """Brings a database, None being DATABASE_NAME, to the latest version; whether that is done."""
    return DatabaseMigrationManager(db_name).migrate_to_latest()


def main(arguments: Sequence[str]) -> int:
    """What the file does when it is run; its exit status."""
    if arguments in ([], ["migrate"]):
        logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s")
    elif arguments in (["-h"], ["--help"]):
        print(USAGE)
        return 0
    else:
        print(USAGE, file=sys.stderr)
        return 2
    done = migrate_database() if arguments else True
    status = DatabaseMigrationManager().get_migration_status()
    print(f"Database version: {status['current_version']}/{status['latest_version']}")
    print(f"Pending migrations: {status['pending_migrations']}")
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
