"""The catalog of clients and files, under the interface that servers have always used.

It runs on the C library; `docs/PYTHON.md` tells what differs from the module of old. This file may
be copied into another `server` package: of its neighbours it needs `config` (DATABASE_NAME,
FILE_STORAGE_DIR and, where defined, the settings of pool and migrations) and `exceptions`
(ServerError). Settings are read when they are used.

Methods that cannot do what they are asked for write that to the log, and return None, False, 0 or
an empty list. `execute` of a statement that reads, `load_clients_from_db`, `init_database` and
`backup_database_to_file` raise ServerError.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any

from strongroom import _strongroom, dbapi, errors, log, sessions
from strongroom.compat import backups, clients, failures, monitor, permissions, reports, tables
from strongroom.compat.pool import ConnectionPool
from strongroom.compat.source import Settings, Source
from strongroom.sqlite_errors import translated

from . import config
from .exceptions import ServerError

__all__ = [
    "DatabaseConnectionPool",
    "DatabaseManager",
    "ServerError",
    "check_database_permissions",
    "get_connection_pool_status",
    "get_database_manager",
    "init_database",
    "monitor_database_connections",
]

logger = logging.getLogger(__name__)

log.redirect(
    {module: __name__ for module in ("pool", "search", "engine", "catalog", "record")}
    | {"migrate": f"{__name__}_migrations"}
)

Report = dict[str, Any]
Parameters = Sequence[Any] | Mapping[str, Any]

_SEARCH_MAX = 1000
_POOL_SIZE = 5
_TIMEOUT = 30.0

_FAILURES: tuple[type[Exception], ...] = (*failures.KINDS, ServerError)

_logged = failures.logging_to(logger, _FAILURES)
_nothing = failures.nothing


def _settings() -> Settings:
    """What `config` says at this moment."""
    return Settings(
        config.FILE_STORAGE_DIR,
        getattr(config, "CONNECTION_POOL_SIZE", _POOL_SIZE),
        getattr(config, "CONNECTION_TIMEOUT", _TIMEOUT),
        getattr(config, "MIGRATION_BACKUP_ENABLED", None),
        getattr(config, "MIGRATION_VALIDATION_ENABLED", None),
    ).checked()


class DatabaseConnectionPool(ConnectionPool):
    """Connections to a database, lent out and taken back.

    Connections are renewed by the library; `max_connection_age` and `cleanup_interval`, in seconds,
    are there for the programs that give them.
    """

    def __init__(
        self,
        db_name: str,
        pool_size: int = 5,
        timeout: float = 30.0,
        max_connection_age: float = 3600.0,
        cleanup_interval: float = 300.0,
    ) -> None:
        """`timeout`: seconds to wait for a connection."""
        self.db_name = db_name
        self.pool_size = pool_size
        self.timeout = timeout
        self.max_connection_age = max_connection_age
        self.cleanup_interval = cleanup_interval
        path = os.fspath(db_name)

        def settings() -> Settings:
            found = _settings()._replace(pool_size=self.pool_size, timeout=self.timeout)
            return found.checked()

        super().__init__(
            Source(path, settings, logger), Source(path, settings, logger, direct=True), logger
        )


class DatabaseManager:
    """The database of clients and files. One may be shared by all threads."""

    def __init__(self, db_name: str | None = None, use_pool: bool = True) -> None:
        """The database is opened when it is first used. None: DATABASE_NAME."""
        self.db_name: str = db_name or config.DATABASE_NAME
        self.use_pool = use_pool
        path = os.fspath(self.db_name)
        self._source = Source(path, _settings, logger, direct=not use_pool)
        self._local = threading.local()  # The thread's connection for `execute`.
        self.connection_pool: DatabaseConnectionPool | None = None
        if use_pool:
            self.connection_pool = DatabaseConnectionPool(
                self.db_name,
                getattr(config, "CONNECTION_POOL_SIZE", _POOL_SIZE),
                getattr(config, "CONNECTION_TIMEOUT", _TIMEOUT),
            )
            self.connection_pool.share(self._source)

    # ---- The catalog

    def _catalog(self, here: bool = False) -> _strongroom.Catalog:
        """`here` where stored files are looked at. ServerError where it cannot be opened."""
        try:
            return self._source.catalog(here)
        except errors.Error as error:
            raise ServerError(str(error)) from translated(error)
        except (TypeError, ValueError) as error:
            raise ServerError(f"A setting in config makes no sense: {error}") from error

    def _renew(self) -> bool:
        """Opens the database anew where its file was replaced or deleted, and says whether."""
        try:
            return self._source.renew()
        except errors.Error as error:
            raise ServerError(str(error)) from translated(error)

    def _writer(self, here: bool = False) -> _strongroom.Catalog:
        """The same for calls that write, which must not get into the transaction of a connection
        that this thread has lent."""
        self._renew()
        catalog = self._catalog(here)
        sessions.check_no_other(catalog)
        return catalog

    def init_database(self) -> None:
        """Makes the database where it is missing, and brings it to the latest version.

        Raises ServerError.
        """
        try:
            self._source.migrate()
            self._source.catalog()
        except errors.Error as error:
            logger.critical("Database initialization failed: %s", error)
            raise ServerError(f"Database initialization failed: {error}") from translated(error)
        logger.info("Database %s is ready", self._source.path)

    # ---- SQL

    def _connection(self) -> dbapi.Connection:
        catalog = self._catalog()
        connection: dbapi.Connection | None = getattr(self._local, "connection", None)
        if connection is None or self._local.catalog is not catalog:
            connection = dbapi.Connection(catalog, isolation_level=None, shared=True)
            self._local.connection = connection
            self._local.catalog = catalog
        return connection

    def execute(
        self,
        query: str,
        params: Parameters = (),
        commit: bool = False,
        fetchone: bool = False,
        fetchall: bool = False,
    ) -> Any:
        """Runs a statement: a row or None with `fetchone`, a list of rows with `fetchall`, else a
        cursor.

        What it writes is committed at once, or is part of this thread's `transaction`. ServerError
        where reading fails; where writing fails it is logged, and the result is None.
        """
        try:
            if not failures.reads(query):
                self._renew()
            connection = self._connection()
            cursor = connection.execute(query, () if params is None else params)
            if commit:
                connection.commit()
            if fetchall:
                return cursor.fetchall()
            if fetchone:
                row = cursor.fetchone()
                cursor.close()
                return row
            return cursor
        except _FAILURES as error:
            words = f"{failures.kind_of(error)}: {error}"
            logger.error("%s", words)
            if fetchone or fetchall or failures.reads(query):
                if isinstance(error, ServerError):
                    raise
                raise ServerError(words) from error
            return None

    def execute_many(
        self, query: str, param_list: Iterable[Parameters], commit: bool = True
    ) -> bool:
        """Runs a statement that writes once for each of the parameters, all or none."""
        try:
            self._renew()
            self._catalog()
            with self._source.pinned():
                self._connection().executemany(query, param_list)
        except _FAILURES as error:
            logger.error("%s: %s", failures.kind_of(error), error)
            return False
        return True

    @contextmanager
    def transaction(self) -> Iterator[dbapi.Connection]:
        """A transaction of this thread until the end of the block, then committed, or after an
        exception rolled back. All calls of this manager in the thread are part of it, blocks in
        it too. Errors of the connection are those of `sqlite3`.
        """
        self._renew()
        self._catalog()
        with self._source.pinned() as catalog, dbapi.transaction(catalog) as connection:
            yield connection

    # ---- Clients

    def load_clients_from_db(self) -> list[tuple[bytes, str, bytes | None, str]]:
        """Every client: id, name, public key, when it was last seen. Raises ServerError."""
        try:
            return [
                (id, name, public_key, last_seen)
                for id, name, public_key, _, last_seen, *_ in self._catalog().client_list(keys=False)
            ]
        except errors.Error as error:
            logger.error("Database error while loading clients: %s", error)
            raise ServerError(f"Clients cannot be loaded: {error}") from translated(error)

    @_logged("saving a client", _nothing)
    def save_client_to_db(
        self, client_id: bytes, name: str, public_key_bytes: bytes | None, aes_key: bytes | None
    ) -> None:
        """Adds the client or replaces what is known of it, but its files. It is seen now."""
        self._writer().client_save([(client_id, name, public_key_bytes, aes_key, None)])

    @_logged("finding a client", _nothing)
    def get_client_by_id(
        self, client_id: bytes
    ) -> tuple[bytes, str, bytes | None, str, bytes | None] | None:
        """Id, name, public key, when it was last seen, AES key."""
        try:
            return clients.as_tuple(self._catalog().client_by_id(client_id))
        except errors.NotFoundError:
            return None

    @_logged("finding a client", _nothing)
    def get_client_by_name(
        self, name: str
    ) -> tuple[bytes, str, bytes | None, str, bytes | None] | None:
        """The same by its name."""
        try:
            return clients.as_tuple(self._catalog().client_by_name(name))
        except errors.NotFoundError:
            return None

    @_logged("listing clients", list[Report])
    def get_all_clients(self) -> list[Report]:
        """Every client: id in hex digits, name, last_seen."""
        return [
            {"id": id.hex(), "name": name, "last_seen": last_seen}
            for id, name, _, _, last_seen, *_ in self._catalog().client_list(keys=False)
        ]

    @_logged("updating a client", bool)
    def update_client(
        self, client_id: bytes, name: str | None = None, public_key: bytes | None = None
    ) -> bool:
        """Changes what is given. It is seen now."""
        self._writer().client_update(
            client_id, name=name, public_key=public_key, last_seen=clients.now()
        )
        return True

    @_logged("deleting a client", bool)
    def delete_client(self, client_id: bytes) -> bool:
        """Deletes it and the records of its files. Stored files stay."""
        self._writer().client_delete(client_id)
        return True

    def bulk_insert_clients(self, clients_data: list[Report]) -> Report:
        """Adds those whose id and name are new, all in one transaction. Each is a dictionary of
        id, name and, where known, public_key, aes_key and last_seen.
        """
        counts = {"inserted": 0, "attempted": 0, "skipped": 0}
        try:
            given = list(clients_data)
            counts["attempted"] = len(given)
            with self.transaction():
                counts["inserted"] = clients.insert_new(self._catalog(), given, logger)
        except _FAILURES as error:
            logger.error("Database error while adding clients: %s", error)
            return {"success": False, "data": counts, "error": str(error)}
        counts["skipped"] = counts["attempted"] - counts["inserted"]
        return {"success": True, "data": counts, "error": None}

    @_logged("counting clients", int)
    def get_total_clients_count(self) -> int:
        return int(self._catalog().client_count())

    # ---- Files

    @_logged("saving a file", _nothing)
    def save_file_info_to_db(
        self,
        client_id: bytes,
        file_name: str,
        path_name: str,
        verified: bool,
        file_size: int | None,
        mod_date: str | None,
        crc: int | None = None,
    ) -> None:
        """Adds the file or, where the client has one of that name, a version of it. The size is
        in bytes, crc the POSIX cksum."""
        refusal = self._writer().file_save([(
            client_id, file_name, path_name or None, None, file_size, mod_date or None, crc,
            None, bool(verified),
        )])[-1]
        if refusal is not None:
            logger.error("File %r was not saved: %s", file_name, refusal)

    @_logged("listing a client's files", list[tuple[str, str, bool]])
    def get_client_files(self, client_id: bytes) -> list[tuple[str, str, bool]]:
        """Name, path and whether it is verified, of each file of the client."""
        id = clients.one(client_id)
        return [reports.file_tuple(file) for file in self._catalog().file_list(id)]

    @_logged("listing a client's files", list[Report])
    def get_files_for_client(self, client_id: str) -> list[Report]:
        """The same as dictionaries; the id is in hex digits."""
        id = clients.one(client_id)
        return [reports.file_brief(file) for file in self._catalog().file_list(id)]

    @_logged("listing files", list[Report])
    def get_all_files(self) -> list[Report]:
        """Every file: filename, path, verified, client, size (bytes), date, client_id (bytes)."""
        return [reports.file_listed(file) for file in self._catalog().file_list()]

    @_logged("finding a file", _nothing)
    def get_file_info(self, client_id: str, filename: str) -> Report | None:
        """filename, path, verified, client, size (bytes), date, crc; None where there is none."""
        try:
            return reports.file_info(self._catalog().file_find(client_id, filename))
        except errors.NotFoundError:
            return None

    @_logged("verifying a file", bool)
    def update_file_verification(
        self, client_id: str, filename: str, verified: bool, crc: int | None
    ) -> bool:
        """Sets whether it is verified and, unless it is None, the checksum."""
        self._writer().file_set_verified(client_id, filename, bool(verified), crc)
        return True

    @_logged("deleting a file's record", bool)
    def delete_file_record(self, client_id: bytes, file_name: str) -> bool:
        """Deletes the record. The stored file stays."""
        self._writer().file_delete(client_id, file_name)
        return True

    @_logged("deleting a file", bool)
    def delete_file(self, client_id: str, filename: str) -> bool:
        """Deletes the stored file and the record; both or none. Not inside a transaction, which
        could not bring the stored file back.
        """
        self._writer(here=True).file_delete_stored(client_id, filename)
        return True

    # ---- Figures

    @_logged("counting files", int)
    def get_total_files_count(self) -> int:
        return reports.Sums(self._catalog()).files

    @_logged("adding up sizes", int)
    def get_total_storage_bytes(self, verified_only: bool = False) -> int:
        """Bytes of all files, or of those that are verified."""
        return reports.Sums(self._catalog()).bytes_of(verified_only)

    @_logged("averaging sizes", float)
    def get_average_backup_size_bytes(self, verified_only: bool = False) -> float:
        """Bytes of a file on average. Files without a size do not count."""
        return reports.Sums(self._catalog()).average_of(verified_only)

    @_logged("adding up sizes", int)
    def get_total_bytes_transferred(self) -> int:
        """Bytes of all verified files."""
        return reports.Sums(self._catalog()).bytes_of(verified_only=True)

    @_logged("reading statistics", lambda: reports.counts(0, 0, 0, 0))
    def get_database_stats(self) -> Report:
        """total_clients, total_files, verified_files, database_size_bytes; of this moment."""
        catalog = self._catalog()
        sums = reports.Sums(catalog)
        return reports.counts(
            catalog.client_count(), sums.files, sums.verified_files, catalog.size_limits()[1]
        )

    @_logged("reading statistics", lambda: reports.storage(None))
    def get_storage_statistics(self) -> Report:
        """database_info, storage_info, client_stats, file_stats, performance_info."""
        return reports.storage(
            self._catalog(here=True).statistics(), self._source.settings.pool_size
        )

    @_logged("searching", list[Report])
    def search_files_advanced(
        self,
        search_term: str = "",
        file_type: str = "",
        client_name: str = "",
        date_from: str = "",
        date_to: str = "",
        min_size: int = 0,
        max_size: int = 0,
        verified_only: bool = False,
    ) -> list[Report]:
        """The newest 1,000 files that match all that is given.

        A term occurs in the name or path, a client's name contains `client_name`, whatever the
        case of letters; dates are ISO 8601 and sizes bytes, both inclusive.
        """
        return [
            reports.file_found(file)
            for file in self._catalog().search(
                term=search_term or None,
                file_type=file_type or None,
                client_part=client_name or None,
                from_=reports.instant(date_from),
                to=reports.instant(date_to, end=True),
                min_size=min_size or None,
                max_size=max_size or None,
                verified_only=bool(verified_only),
                limit=_SEARCH_MAX,
            )
        ]

    # ---- Care

    def get_database_health(self) -> Report:
        """integrity_check, foreign_key_check, table_count, index_count,
        connection_pool_healthy, issues, connection_pool_metrics."""
        try:
            found = self._catalog(here=True).health()
            report = reports.health(found, self._pool_report(monitor.health))
            if self._source.astray:
                report["integrity_check"] = False
                report["issues"].append(
                    f"{self._source.path} was moved, replaced or deleted while it was open"
                )
            return report
        except _FAILURES as error:
            logger.error("Database error while checking health: %s", error)
            return reports.unhealthy(str(error), self._pool_report(monitor.health))

    def optimize_database(self) -> Report:
        """VACUUM and ANALYZE: vacuum_performed, analyze_performed, size_before_mb,
        size_after_mb, space_saved_mb, errors."""
        try:
            return reports.optimized(self._writer().optimize())
        except _FAILURES as error:
            logger.error("Database error while optimizing: %s", error)
            return reports.optimized(getattr(error, "result", None), str(error))

    def backup_database_to_file(self, backup_path: str | None = None) -> str:
        """Backs up the database while it is in use, and returns the file's path; None: beside
        the database. A file that is there is replaced by the whole new one. Raises ServerError.
        """
        try:
            given = None if backup_path is None else os.fspath(backup_path)
            path = backups.write(self._catalog(), given)
        except _FAILURES as error:
            logger.error("Database backup failed: %s", error)
            cause = translated(error) if isinstance(error, errors.Error) else error
            raise ServerError(f"Database backup failed: {error}") from cause
        logger.info("Database backup created: %s", path)
        return path

    def check_database_size_limits(self) -> Report:
        """size_mb, size_bytes, status (ok, warning, critical, error), threshold_warning_mb,
        threshold_critical_mb, message."""
        try:
            return reports.size_limits(self._catalog().size_limits())
        except _FAILURES as error:
            logger.error("Database error while measuring the size: %s", error)
            return reports.size_unknown(str(error))

    # ---- Metrics

    @_logged("recording a metric", _nothing)
    def record_metric(self, name: str, value: float) -> None:
        """Keeps a value under the name, now."""
        self._writer().metric_record(name, value)

    @_logged("reading metrics", list[Report])
    def get_metrics_history(self, name: str, hours: int = 24) -> list[Report]:
        """timestamp and value of the last hours, oldest first."""
        return [
            {"timestamp": timestamp, "value": value}
            for timestamp, value in self._catalog().metric_list(name, reports.whole_hours(hours))
        ]

    @_logged("removing old metrics", int)
    def cleanup_old_metrics(self, days_to_keep: int = 7) -> int:
        """Removes what is older, and says how many."""
        return int(self._writer().metric_cleanup(int(days_to_keep)))

    # ---- The pool

    def _pool_status(self) -> Report | None:
        """None without a pool."""
        return self.connection_pool.get_pool_status() if self.connection_pool else None

    def _pool_report(self, report: Callable[[Report | None], Report]) -> Report:
        try:
            return report(self._pool_status())
        except _FAILURES as error:
            logger.error("Database error while looking at the pool: %s", error)
            return report(ConnectionPool.unknown(self._size()))

    def _size(self) -> int:
        """The pool's, 0 where it is no number."""
        try:
            return self._source.settings.pool_size
        except errors.InvalidError:
            return 0

    def get_connection_pool_metrics(self) -> Report:
        """The figures of the pool, and pool_enabled."""
        return self._pool_report(monitor.metrics)

    def monitor_connection_pool(self) -> Report:
        """What the figures mean. Utilization is in percent."""
        return self._pool_report(monitor.monitored)

    def check_pool_exhaustion(self) -> Report:
        """How near the pool is to its end: exhaustion_risk is low, medium, high or critical."""
        return self._pool_report(monitor.exhaustion)

    def force_cleanup_connections(self) -> Report:
        """Takes back connections that nobody refers to any more."""
        when = datetime.now(timezone.utc).isoformat()
        pool = self.connection_pool
        if pool is None:
            return monitor.cleaned(None, None, 0, when)
        before = self._pool_report(lambda status: status or {})
        cleaned = pool.force_cleanup()
        return self._pool_report(lambda status: monitor.cleaned(before, status, cleaned, when))

    def cleanup_connection_pool(self) -> None:
        """Closes all connections. The next call opens them again."""
        self._local = threading.local()
        if self.connection_pool is not None:
            self.connection_pool.close_all()
            return
        try:
            self._source.close()
        except errors.Error as error:
            logger.warning("Closing the database: %s", error)

    # ---- Startup

    def check_startup_permissions(self) -> None:
        """Raises SystemExit with a message where the database or the storage folder cannot be
        written."""
        problem = permissions.problem(self._source.path, config.FILE_STORAGE_DIR)
        if problem is not None:
            logger.critical("%s", problem)
            raise SystemExit(problem)

    def ensure_storage_dir(self) -> None:
        """Makes the folder of stored files where it is missing. Raises ServerError."""
        folder = os.path.abspath(config.FILE_STORAGE_DIR)
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError as error:
            logger.critical("The storage folder %r cannot be made: %s", folder, error)
            raise ServerError(f"The storage folder {folder!r} cannot be made: {error}") from error

    # ---- Tables

    @_logged("listing tables", list[str])
    def get_table_names(self) -> list[str]:
        return tables.names(self._catalog())

    @_logged("reading a table's columns", list[Report])
    def get_table_schema(self, table_name: str) -> list[Report]:
        """Its columns: cid, name, type, notnull, default, pk."""
        return tables.schema(self._catalog(), table_name)

    @_logged("reading a table", lambda: (list[str](), list[Report]()))
    def get_table_content(self, table_name: str) -> tuple[list[str], list[Report]]:
        """The names of its columns and its first 1,000 rows: bytes as hex digits, null as ""."""
        return tables.content(self._catalog(), table_name)

    @_logged("reading a row", _nothing)
    def get_row_by_primary_key(self, table_name: str, primary_key_value: Any) -> Report | None:
        return tables.row(self._catalog(), table_name, primary_key_value)

    @_logged("changing a row", bool)
    def update_table_row(
        self, table_name: str, primary_key_value: Any, new_data: Report
    ) -> bool:
        """Sets the values that differ from what the row shows."""
        return tables.update(self._writer(), table_name, primary_key_value, new_data)

    @_logged("deleting a row", bool)
    def delete_table_row(self, table_name: str, primary_key_value: Any) -> bool:
        return tables.delete(self._writer(), table_name, primary_key_value)


# ---- For the whole program

_manager: DatabaseManager | None = None
_manager_pid = 0
_manager_lock = threading.Lock()


def _after_fork() -> None:
    """A child makes its own, and whoever held the lock is not in it."""
    global _manager, _manager_lock
    _manager = None
    _manager_lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)


def get_database_manager() -> DatabaseManager:
    """The program's manager of DATABASE_NAME, made at the first call."""
    global _manager
    with _manager_lock:
        if _manager is None or _manager.db_name != config.DATABASE_NAME:
            _manager = DatabaseManager()
        return _manager


def init_database() -> None:
    """Makes DATABASE_NAME ready. Raises ServerError."""
    get_database_manager().init_database()


def check_database_permissions() -> None:
    """Raises SystemExit where the database or the storage folder cannot be written."""
    get_database_manager().check_startup_permissions()


def get_connection_pool_status() -> Report:
    """The figures of the program's pool."""
    return get_database_manager().get_connection_pool_metrics()


def monitor_database_connections() -> Report:
    """What these figures mean."""
    return get_database_manager().monitor_connection_pool()
