"""Connections that are lent out and given back, for code that was written for a pool of them."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
import weakref

from strongroom import _strongroom, errors
from strongroom.connections import Connection, caller
from strongroom.sqlite_errors import translated

_logger = logging.getLogger(__name__)


class Pool:
    """Lends connections to a catalog, each of which holds one of the catalog's readers.

    Any thread may use it. A connection that nobody refers to any more comes back by itself.
    """

    def __init__(
        self, catalog: _strongroom.Catalog, *, size: int, logger: logging.Logger = _logger
    ) -> None:
        """`size` is how many readers the catalog has."""
        self.size = size
        self._raw = catalog
        self._logger = logger
        self._lock = threading.Lock()  # Guards the rest.
        self._lent: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._closed = False

    def lend(self, owner: str | None = None) -> Connection:
        """A connection. Waits up to the catalog's timeout where all are out.

        Raises `sqlite3.OperationalError` that names who holds them.
        """
        if self._closed:
            raise sqlite3.ProgrammingError("Cannot operate on a closed pool.")
        owner = owner or caller()
        try:
            # Inside this thread's own transaction it reads by that, and needs no reader.
            lease = None if self._raw.in_transaction() else self._raw.lease(owner)
        except errors.Error as error:
            raise translated(error) from error
        connection = Connection(self._raw, owner=owner, lease=lease)
        with self._lock:
            self._lent.add(connection)
        return connection

    def give_back(self, connection: Connection) -> bool:
        """Takes it back and closes it, in any thread; a transaction is rolled back, with a warning.

        False, and a warning, for one that is not out: given back twice, or of somebody else.
        """
        known = isinstance(connection, Connection)  # Of others there may be no weak reference.
        with self._lock:
            known = known and connection in self._lent
            if known:
                self._lent.discard(connection)
        if not known:
            self._logger.warning("%r is not lent by this pool: it cannot be given back", connection)
            return False
        try:
            if connection.in_transaction:
                connection._session.abandon(self._logger)
            connection.close()
        except sqlite3.Error as error:
            self._logger.error("%r cannot be taken back: %s", connection, error)
            with self._lock:
                self._lent.add(connection)
            return False
        return True

    @property
    def lent(self) -> int:
        """How many are out."""
        return len(self._lent)

    def details(self) -> dict[str, float]:
        """Ages and idle times of those that are out, in seconds."""
        with self._lock:
            lent = list(self._lent)
        now = time.monotonic()
        ages = [now - connection.made for connection in lent] or [0.0]
        idle = [now - connection.used for connection in lent] or [0.0]
        return {
            "connection_count": len(lent),
            "avg_age_seconds": sum(ages) / len(ages),
            "max_age_seconds": max(ages),
            "avg_idle_seconds": sum(idle) / len(idle),
            "max_idle_seconds": max(idle),
        }

    def close(self) -> None:
        """Takes all back that are out, and lends no more."""
        self._closed = True
        with self._lock:
            lent = list(self._lent)
        for connection in lent:
            self.give_back(connection)
