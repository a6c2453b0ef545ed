"""A catalog that is opened when it is first needed, and again when its settings have changed."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from strongroom import _strongroom, errors


@dataclass(frozen=True, slots=True)
class Settings:
    """How to open a catalog."""

    storage_dir: str
    """Where stored files are; relative to `base_dir`."""
    pool_size: int
    timeout: float
    """Seconds to wait for a connection."""
    backup: bool | None
    """Whether a migration backs up first. None: as the environment says."""
    validate: bool | None
    """Whether a migration checks before and after, likewise."""
    base_dir: str
    """The working folder, which relative paths of stored files start at."""


class Upgrading:
    """A catalog of which each call that an older version is not up to upgrades it first.

    It stands for the extension's own, of which it has every method.
    """

    def __init__(self, raw: _strongroom.Catalog, upgrade: Callable[[], None]) -> None:
        self.raw = raw
        self._upgrade = upgrade

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.raw, name)
        if name in ("path", "closed"):
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
        self._opened: tuple[_strongroom.Catalog, Settings] | None = None
        self._path: str | None = None
        self._pid = 0  # Of the process that has opened it.
        self._closed = False
        self._pinned = threading.local()

    @property
    def path(self) -> str:
        """The database's absolute path; what it is when it is first opened."""
        return self._path or os.path.abspath(self._given)

    @property
    def pool_size(self) -> int:
        return self._settings().pool_size

    @property
    def closed(self) -> bool:
        """Whether it was closed, and has not been used since."""
        return self._closed

    def catalog(self) -> _strongroom.Catalog:
        """The open catalog. A missing one is made.

        Raises `strongroom.Error`, `ForkedError` in a child of the process that has opened it.
        """
        pinned = getattr(self._pinned, "catalog", None)
        if pinned is not None:
            return cast(_strongroom.Catalog, pinned)
        opened = self._opened
        if opened is not None and self._pid != os.getpid():
            raise errors.ForkedError(
                f"{self.path} was opened by process {self._pid}, the parent of this one: "
                "make a new DatabaseManager here"
            )
        settings = self._settings()
        if opened is not None and opened[1] == settings:
            return opened[0]
        return self._open(settings)

    @contextmanager
    def pinned(self) -> Iterator[_strongroom.Catalog]:
        """Inside it, this thread gets the same catalog, whatever others do to settings."""
        catalog = self.catalog()
        before = getattr(self._pinned, "catalog", None)
        self._pinned.catalog = catalog
        try:
            yield catalog
        finally:
            self._pinned.catalog = before

    def migrate(self) -> None:
        """Makes the database where it is missing, and brings it to the latest version."""
        with self._lock:
            settings = self._settings()
            _strongroom.Catalog(self.path, **self._options(settings), migrate=True).close()

    def close(self) -> bool:
        """Closes what is open; the next use opens it again. False: nothing was.

        Raises `strongroom.BusyError` where somebody held a connection for the whole timeout.
        """
        with self._lock:
            opened, self._opened = self._opened, None
            self._closed = True
        if opened is None:
            return False
        opened[0].close()
        return True

    def _options(self, settings: Settings) -> dict[str, Any]:
        return {
            "storage_dir": settings.storage_dir,
            "base_dir": settings.base_dir,
            "pool_size": settings.pool_size,
            "timeout": settings.timeout,
            "backup": settings.backup,
            "validate": settings.validate,
            # What this setting protects are migrations; old programs delete and drop as they like.
            "block_dangerous": False,
            "create": True,
            "direct": self._direct,
        }

    def _open(self, settings: Settings) -> _strongroom.Catalog:
        with self._lock:
            opened = self._opened
            if opened is not None and opened[1] == settings:
                return opened[0]
            self._path = self.path
            raw = _strongroom.Catalog(self._path, **self._options(settings))
            catalog = cast(_strongroom.Catalog, Upgrading(raw, self._upgrade))
            # One that others still use is closed when the last of them lets go.
            self._opened = (catalog, settings)
            self._closed = False
            self._pid = os.getpid()
            return catalog

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
