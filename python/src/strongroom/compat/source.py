"""A catalog that is opened when it is first needed, and again when its settings have changed."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, cast
from weakref import WeakSet

from strongroom import _strongroom, errors, sessions


_READERS_MAX = 1000
_READS = frozenset(("client_by_id", "client_by_name", "file_find", "fetch", "query", "more"))
"""Methods that every version is up to, and that are called so often that it matters."""


_ACTIVE = _strongroom.POOL_FIELDS.index("active")
_sources: WeakSet[Source] = WeakSet()


def _after_fork() -> None:
    """Whoever has held a lock is not in the child."""
    for source in _sources:
        source.forked()


os.register_at_fork(after_in_child=_after_fork)


class Settings(NamedTuple):
    """How to open a catalog."""

    storage_dir: str
    """Where stored files are. Relative to the working folder."""
    pool_size: int
    timeout: float
    """Seconds to wait for a connection."""
    backup: bool | None
    """Whether a migration backs up first. None: as the environment says."""
    validate: bool | None
    """Whether a migration checks before and after, likewise."""

    def checked(self) -> Settings:
        """The same. Raises `InvalidError` for numbers that are none."""
        if not isinstance(self.pool_size, int):
            raise errors.InvalidError(
                f"the pool's size, CONNECTION_POOL_SIZE in config, is {self.pool_size!r}: "
                "it is a whole number"
            )
        if not isinstance(self.timeout, (int, float)):
            raise errors.InvalidError(
                f"the pool's timeout, CONNECTION_TIMEOUT in config, is {self.timeout!r}: "
                "it is a number of seconds"
            )
        return self


class _Opened(NamedTuple):
    catalog: _strongroom.Catalog
    settings: Settings
    folder: str  # The working folder when it was opened, which relative paths start at.
    pid: int
    inode: int | None  # The file's, None where it was not there any more.


def _inode(path: str) -> int | None:
    """What tells the file at the path from another one; None where there is none."""
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return None


class Upgrading:
    """A catalog of which each call that an older version is not up to upgrades it first.

    It stands for the extension's own, of which it has every method.
    """

    def __init__(self, raw: _strongroom.Catalog, upgrade: Callable[[], None]) -> None:
        self.raw = raw
        self._upgrade = upgrade

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.raw, name)
        # No methods, which change, or what is called while a transaction ends.
        if name in ("path", "closed", "commit", "rollback", "undo", "in_transaction"):
            return method
        if name in _READS:
            setattr(self, name, method)
            return method
        upgrade = self._upgrade

        def call(*arguments: Any, **keywords: Any) -> Any:
            try:
                return method(*arguments, **keywords)
            except errors.TooOldError:
                upgrade()
            return method(*arguments, **keywords)

        setattr(self, name, call)
        return call


class Source:
    """Hands the catalog out. Any thread may call it."""

    def __init__(
        self,
        path: str,
        settings: Callable[[], Settings],
        logger: logging.Logger,
        direct: bool = False,
    ) -> None:
        """`settings` is asked at each use. A `direct` catalog has no pool."""
        self._given = path
        self._settings = settings
        self._logger = logger
        self._direct = direct
        self._lock = threading.RLock()  # Guards opening, closing and upgrading.
        self._opened: _Opened | None = None
        self._path: str | None = None
        self._closed = False
        self._warned = False  # That it is only read.
        self._users = 0  # Threads that have pinned it.
        self._pinned = threading.local()
        _sources.add(self)

    def forked(self) -> None:
        """Makes a new lock. For the child of a fork, whose only thread calls it."""
        self._lock = threading.RLock()

    @property
    def path(self) -> str:
        """The database's absolute path; what it is when it is first opened."""
        return self._path or os.path.abspath(self._given)

    @property
    def settings(self) -> Settings:
        """Those of this moment."""
        return self._settings()

    @property
    def readers(self) -> int:
        """Connections that read: those that may be lent, and as many again, so that calls of the
        library never wait for what a program holds.
        """
        size = self._settings().pool_size
        return min(2 * size, _READERS_MAX) if size > 0 else size

    @property
    def closed(self) -> bool:
        """Whether it was closed, and has not been used since."""
        return self._closed

    def catalog(self, here: bool = False) -> _strongroom.Catalog:
        """The open catalog; a missing database is made. With `here` its relative paths of stored
        files start at the working folder of this moment.

        Raises `strongroom.Error`, `ForkedError` in a child of the process that has opened it.
        """
        pinned = getattr(self._pinned, "catalog", None)
        if pinned is not None:
            return cast(_strongroom.Catalog, pinned)
        opened = self._opened
        if opened is not None:
            if opened.pid != os.getpid():
                raise errors.ForkedError(
                    f"{self.path} was opened by process {opened.pid}, the parent of this one: "
                    "make a new DatabaseManager here"
                )
            if opened.settings == self._settings() and (not here or opened.folder == os.getcwd()):
                return opened.catalog
        return self._open(here)

    @contextmanager
    def pinned(self) -> Iterator[_strongroom.Catalog]:
        """Inside it, this thread gets the same catalog, whatever others do to settings, and it
        stays open.
        """
        self.catalog()  # In a child of the process that has opened it the lock may be taken.
        with self._lock:
            catalog = self.catalog()
            self._users += 1
        before = getattr(self._pinned, "catalog", None)
        self._pinned.catalog = catalog
        try:
            yield catalog
        finally:
            self._pinned.catalog = before
            with self._lock:
                self._users -= 1

    @property
    def astray(self) -> bool:
        """Whether what is open was deleted, moved or replaced meanwhile. Raises `OSError`."""
        opened = self._opened
        return opened is not None and _inode(self.path) != opened.inode

    def renew(self) -> bool:
        """Opens what stands at the path now where the open file has gone astray. Says whether it
        did: not while a transaction or connection is in use. Raises `strongroom.Error`, `OSError`.
        """
        opened = self._opened
        if opened is None or opened.pid != os.getpid() or not self.astray:
            return False
        with self._lock:
            if self._opened is not opened or self._users > 0 or opened.catalog.in_transaction():
                return False
            if opened.catalog.pool_statistics()[_ACTIVE] > 0:
                return False
            self._check_no_log()
            self._opened = None
            opened.catalog.close()
        self._logger.warning(
            "Database %s was moved, replaced or deleted while it was open, and is opened anew",
            self.path,
        )
        return True

    def _check_no_log(self) -> None:
        """SQLite would bring the log of the file before into the one that has replaced it."""
        log = f"{self.path}-wal"
        if os.path.exists(self.path) and os.path.exists(log) and os.path.getsize(log) > 0:
            raise errors.InputOutputError(
                f"{self.path} was replaced while it was open, and {log} is the log of the file "
                "before: end all programs that use it, remove that and the -shm file, and put the "
                "new one there again"
            )

    def migrate(self) -> None:
        """Makes the database where it is missing, and brings it to the latest version."""
        with self._lock:
            options = self._options(self._settings(), os.getcwd())
            _strongroom.Catalog(self.path, **options, migrate=True).close()

    def close(self) -> None:
        """Closes what is open; the next use opens it again. Transactions and cursors that are not
        at their end go on, and the last of them closes it. Raises `strongroom.Error`.
        """
        with self._lock:
            opened, self._opened = self._opened, None
            self._closed = True
            if opened is None or opened.pid != os.getpid():
                return
            if self._users == 0:
                sessions.end_here(opened.catalog)  # A BEGIN that nothing has ended.
            active = opened.catalog.pool_statistics()[_ACTIVE]
            if self._users == 0 and active == 0:
                opened.catalog.close()
                return
        self._logger.warning(
            "Database %s stays open until %d connections of it are given back", self.path, active
        )

    def _options(self, settings: Settings, folder: str) -> dict[str, Any]:
        if self._given.startswith((":memory:", "file:")):
            raise errors.InvalidError(f"a database is the path of a file, not {self._given!r}")
        return {
            "storage_dir": settings.storage_dir,
            "base_dir": folder,
            "pool_size": self.readers,
            "timeout": settings.timeout,
            "backup": settings.backup,
            "validate": settings.validate,
            # What this setting protects are migrations; old programs delete and drop as they like.
            "block_dangerous": False,
            "create": True,
            "direct": self._direct,
        }

    def _open(self, here: bool) -> _strongroom.Catalog:
        with self._lock:
            opened, settings, folder = self._opened, self._settings(), os.getcwd()
            if opened is not None and opened.settings == settings:
                if not here or opened.folder == folder:
                    return opened.catalog
            self._path = self.path
            raw = self._raw(self._path, self._options(settings, folder))
            catalog = cast(_strongroom.Catalog, Upgrading(raw, self._upgrade))
            # The one before is closed when the last of those who use it lets go.
            self._opened = _Opened(
                catalog, settings, folder, os.getpid(), _inode(self._path)
            )
            self._closed = False
            return catalog

    def _raw(self, path: str, options: dict[str, Any]) -> _strongroom.Catalog:
        """A database that cannot be written, for the file system or its permissions, is opened for
        reading: writes then fail, each with its line in the log.
        """
        try:
            return _strongroom.Catalog(path, **options)
        except (errors.PermissionDeniedError, errors.ReadOnlyError) as error:
            options = options | {"create": False, "read_only": True}
            try:
                raw = _strongroom.Catalog(path, **options)
            except errors.Error:
                raise error from None
            if not self._warned:
                self._logger.warning(
                    "Database %s is only read until cleanup_connection_pool() or the end of the "
                    "program: %s",
                    path, error,
                )
                self._warned = True
            return raw

    def _upgrade(self) -> None:
        """Before the first write to a database of an older version."""
        with self._lock:
            before = self._version()
            self.migrate()
            after = self._version()
        if after != before:
            self._logger.warning(
                "Database %s was at schema version %d and has been upgraded to %d, so that it "
                "can be written",
                self.path, before, after,
            )

    def _version(self) -> int:
        raw = _strongroom.Catalog(self.path)
        try:
            return raw.version()
        finally:
            raw.close()
