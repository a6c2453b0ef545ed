"""Connections lent out and taken back, as programs of the old module do it by hand."""

from __future__ import annotations

import gc
import logging
import threading
import time
from datetime import datetime, timezone
from typing import Any
from weakref import WeakKeyDictionary

from strongroom import _strongroom, dbapi, errors
from strongroom.compat.source import Source
from strongroom.connections import caller

Report = dict[str, Any]

_FIGURE = {name: place for place, name in enumerate(_strongroom.POOL_FIELDS)}
_LOOK = 0.1
"""Seconds after which who waits looks for connections that were dropped and not returned."""
_NOBODY = {
    "connection_count": 0,
    "avg_age_seconds": 0.0,
    "max_age_seconds": 0.0,
    "avg_idle_seconds": 0.0,
    "max_idle_seconds": 0.0,
}


class ConnectionPool:
    """The pool of a catalog, which opens and closes connections by itself. Any thread may use it.

    Where all connections stay out for the whole timeout, one more is made: programs that forget to
    return theirs go on, and the log tells. Those are the `emergency_connections`.
    """

    pool_size: int
    timeout: float

    def __init__(self, source: Source, spare: Source, logger: logging.Logger) -> None:
        """`spare` is the same database without a pool."""
        self._source = source
        self._spare = spare
        self._logger = logger
        self._lock = threading.Lock()  # Guards the rest.
        self._returned = threading.Condition(self._lock)
        self._entering = 0  # About to lend one.
        self._built: tuple[int, float] | None = None  # What it was made with, where it shares a catalog.
        self._pool: tuple[_strongroom.Catalog, dbapi.Pool] | None = None
        self._homes: WeakKeyDictionary[dbapi.Connection, tuple[dbapi.Pool, str]] = (
            WeakKeyDictionary()
        )  # Of each that is out: its pool, and where it was lent.
        self.emergency_connections: set[dbapi.Connection] = set()
        """Lent beyond the pool's size, until they are returned."""
        self._peak = 0  # Most that were out at once.
        self._exhausted = 0
        self._cleanups = 0
        self._reclaimed = 0
        self._last_cleanup: str | None = None

    def share(self, source: Source) -> None:
        """Lends the connections of this catalog instead, which somebody else uses as well."""
        self._source = source
        self._built = (self.pool_size, self.timeout)

    def _limits(self) -> tuple[int, float]:
        """How many may be out at once, and for how many seconds to wait for one. Of a shared
        catalog they are its own, but for what was set on this pool since.
        """
        settings = self._source.settings
        size, timeout = settings.pool_size, settings.timeout
        if self._built is not None and self.timeout != self._built[1]:
            timeout = self.timeout
        if self._built is not None and self.pool_size != self._built[0]:
            # One reader at least is left for calls of the library.
            size = min(self.pool_size, max(size, self._source.readers - 1))
        return size, timeout

    def get_connection(self) -> dbapi.Connection:
        """Lends a connection; `return_connection` gives it back."""
        owner = caller()
        pool = self._current()
        if not self._enter(pool):
            return self._emergency()
        try:
            connection = pool.lend(owner)
            with self._lock:
                self._homes[connection] = (pool, owner)
                self._count()
        finally:
            with self._lock:
                self._entering -= 1
        return connection

    def return_connection(self, connection: dbapi.Connection | None) -> None:
        """Takes it back, from any thread. An open transaction is rolled back, with a warning.

        None, and one that is not out, do nothing but a line in the log.
        """
        if not isinstance(connection, dbapi.Connection):  # Of those there may be no weak reference.
            self._logger.warning("%r is not lent by this pool: it cannot be returned", connection)
            return
        with self._lock:
            home = self._homes.pop(connection, None)
            emergency = connection in self.emergency_connections
            self.emergency_connections.discard(connection)
        if home is not None:
            home[0].give_back(connection)
            with self._lock:
                self._returned.notify()
        elif emergency:
            if connection.in_transaction:
                self._logger.warning(
                    "A connection was returned in mid-transaction, which is rolled back"
                )
            connection.close()
        else:
            self._logger.warning("%r is not lent by this pool: it cannot be returned", connection)

    def get_pool_status(self) -> Report:
        """The figures of this moment. Ages and idle times are of lent connections, in seconds."""
        if self._source.closed:
            return self._status(None, dict(_NOBODY))
        figures = self._source.catalog().pool_statistics()
        with self._lock:
            current = self._pool
        return self._status(figures, current[1].details() if current else dict(_NOBODY))

    def force_cleanup(self) -> int:
        """Takes back connections that nobody refers to any more, and says how many."""
        before = self._lent()
        gc.collect()
        cleaned = max(0, before - self._lent())
        with self._lock:
            self._cleanups += 1
            self._reclaimed += cleaned
            self._last_cleanup = datetime.now(timezone.utc).isoformat()
        return cleaned

    def close_all(self) -> None:
        """Closes all connections. Those that are still lent fail from then on; a new
        `get_connection` opens the pool again.
        """
        with self._lock:
            current, self._pool = self._pool, None
            emergency = list(self.emergency_connections)
            self.emergency_connections.clear()
        if current is not None:
            current[1].close()
        for connection in emergency:
            connection.close()
        for source in (self._source, self._spare):
            try:
                source.close()
            except errors.Error as error:
                self._logger.warning("Closing the pool: %s", error)

    @staticmethod
    def unknown(size: int) -> Report:
        """Figures of a pool that cannot be looked at."""
        return _status(size, None, dict(_NOBODY), 0, 0, 0, 0, 0, None, 0)

    def _current(self) -> dbapi.Pool:
        catalog = self._source.catalog()
        with self._lock:
            if self._pool is None or self._pool[0] is not catalog:
                pool = dbapi.Pool(catalog, size=self._source.readers, logger=self._logger)
                self._pool = (catalog, pool)
            return self._pool[1]

    def _lent(self) -> int:
        with self._lock:
            current = self._pool
        return current[1].lent if current is not None else 0

    def _enter(self, pool: dbapi.Pool) -> bool:
        """Waits until one more may be lent. False: they all stayed out for the whole timeout."""
        size, timeout = self._limits()
        end = time.monotonic() + timeout
        with self._lock:
            while pool.lent + self._entering >= size:
                left = end - time.monotonic()
                if left <= 0:
                    self._exhausted += 1
                    return False
                self._returned.wait(min(left, _LOOK))
            self._entering += 1
            return True

    def _emergency(self) -> dbapi.Connection:
        with self._lock:
            holders = ", ".join(sorted(owner for _, owner in self._homes.values()))
        self._logger.warning(
            "Connection pool exhausted, creating new connection: all %d were out for %g s, "
            "lent at %s",
            *self._limits(), holders,
        )
        connection = dbapi.Connection(self._spare.catalog())
        with self._lock:
            self.emergency_connections.add(connection)
            self._count()
        return connection

    def _count(self) -> None:
        """With the lock."""
        self._peak = max(self._peak, len(self._homes) + len(self.emergency_connections))

    def _status(self, figures: tuple[Any, ...] | None, details: Report) -> Report:
        with self._lock:
            return _status(
                self._limits()[0],
                figures,
                details,
                details["connection_count"] + len(self.emergency_connections),
                self._peak,
                len(self.emergency_connections),
                self._exhausted,
                self._cleanups,
                self._last_cleanup,
                self._reclaimed,
            )


def _status(
    size: int,
    figures: tuple[Any, ...] | None,
    details: Report,
    out: int,
    peak: int,
    extra: int,
    exhausted: int,
    cleanups: int,
    last_cleanup: str | None,
    reclaimed: int,
) -> Report:
    def figure(name: str) -> Any:
        return figures[_FIGURE[name]] if figures is not None else 0

    # There are more readers than may be lent, see Source. Those work for the manager's own calls,
    # and are no part of the pool that programs look at.
    active = max(out, min(figure("active"), size))
    return {
        "pool_size": size,
        "total_connections": min(figure("created") - figure("closed"), size) + extra,
        "active_connections": active,
        "available_connections": max(0, size - active) if figures is not None else 0,
        "connections_created": figure("created"),
        "connections_closed": figure("closed"),
        "pool_exhaustion_events": max(exhausted, figure("timeouts")),
        "cleanup_operations": cleanups,
        "peak_active_connections": max(peak, min(figure("peak"), size)),
        "average_connection_age_seconds": details["avg_age_seconds"],
        "stale_connections_cleaned": figure("recycled") + reclaimed,
        "last_cleanup_time": last_cleanup,
        "connection_details": details,
        "monitoring_enabled": True,
        "cleanup_thread_alive": figures is not None,
    }
