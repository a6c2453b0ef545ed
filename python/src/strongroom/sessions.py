"""A connection's part of its thread's transaction.

A transaction of the library belongs to the thread that begins it, and to no connection. Sessions
make it belong to one: each holds some levels of it, the first a transaction and the others
savepoints, and ends no levels but its own.

 - A session whose thread has no transaction open begins one.
 - Inside the transaction of a *shared* session (`strongroom.dbapi.transaction`), or one that the
   thread has begun without a session, it nests.
 - Inside that of any other session it is refused, as `sqlite3` refuses a second connection: what
   both wrote would be one transaction otherwise, and a rollback of one would undo the other's.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable
from functools import partial
from typing import Protocol

from strongroom import _strongroom, errors
from strongroom.sqlite_errors import busy, translated

_logger = logging.getLogger(__name__)


_PATIENCE = 5.0
"""Seconds that a thread waits for a call of another in whose transaction it runs."""


class Stream(Protocol):
    """Rows of a query that runs inside a transaction."""

    @property
    def streaming(self) -> bool:
        """Whether some were not read yet."""

    def drain(self) -> None:
        """Takes the rest into memory: the transaction is about to change."""


_open: dict[tuple[int, int], list[Session]] = {}
"""Sessions that have levels, by catalog and thread, the innermost last. One that has none any more
may be among them: a signal has come before it was taken out."""

os.register_at_fork(after_in_child=_open.clear)


def _here(raw: _strongroom.Catalog) -> tuple[int, int]:
    return id(raw), threading.get_ident()


def _of_thread(raw: _strongroom.Catalog) -> list[Session]:
    return [session for session in _open.get(_here(raw), ()) if session.open]


def innermost(raw: _strongroom.Catalog) -> Session | None:
    """The session of this thread that would be ended next."""
    sessions = _of_thread(raw)
    return sessions[-1] if sessions else None


def shares(raw: _strongroom.Catalog) -> bool | None:
    """Whether this thread's transaction is one that other connections are part of; None: it has
    none of a session.
    """
    sessions = _of_thread(raw)
    return sessions[0].shared if sessions else None


def end_here(raw: _strongroom.Catalog) -> None:
    """Rolls back what this thread has left open, with a warning: the catalog is to be closed."""
    while (session := innermost(raw)) is not None:
        session.abandon()


def add_stream(raw: _strongroom.Catalog, stream: Stream) -> None:
    """Registers rows that must be drained before this thread's transaction changes."""
    sessions = _of_thread(raw)
    if sessions:
        sessions[0].streams.add(stream)


def check_no_other(raw: _strongroom.Catalog, own: Session | None = None) -> None:
    """Refuses to write into the open transaction of a session that is not shared.

    Raises `sqlite3.OperationalError` naming it. For calls of the library that are no part of any
    session, and would join that transaction.
    """
    other = innermost(raw)
    if other is not None and other is not own and not other.shared:
        raise busy(
            f"database is locked: this thread is in a transaction of another connection "
            f"({other.owner}); commit it or roll it back first"
        )


class Session:
    """The levels of one connection. Errors are `sqlite3`'s."""

    def __init__(self, raw: _strongroom.Catalog, owner: str, shared: bool) -> None:
        self.raw = raw
        self.owner = owner
        self.shared = shared
        self.names: list[str | None] = []
        """The name of each level's savepoint, the outermost first; None for one without."""
        self.thread = 0
        """The thread that the levels belong to, while there are any, as Python numbers it, """
        self.native = 0
        """and as the system does."""
        self.pid = os.getpid()
        self.undo: Callable[[], None] = partial(raw.undo, self.names)
        """Rolls all levels back. No signal comes before that is done, where it is the first thing
        that the handler of an exception does."""
        self._defined = False
        self.streams: weakref.WeakSet[Stream] = weakref.WeakSet()
        """Of the thread's whole transaction, if this is its outermost session."""
        self._lock = threading.RLock()

    @property
    def open(self) -> bool:
        return bool(self.names)

    def check_thread(self) -> None:
        """Raises `sqlite3.ProgrammingError` in another thread or process than the transaction's."""
        if self.names and self.pid != os.getpid():
            raise self._forked()
        if self.names and self.thread != threading.get_ident():
            raise sqlite3.ProgrammingError(
                f"this connection is in a transaction of thread {self.thread}, and was used in "
                f"thread {threading.get_ident()}; commit it or roll it back there first"
            )

    def check_writable(self) -> None:
        """Raises where a write of this session would get into the levels of another."""
        self.check_thread()
        if not self.names:
            check_no_other(self.raw)
        elif innermost(self.raw) is not self:
            raise busy(
                "database is locked: a connection that was made inside this transaction is in "
                "one of its own; commit it or roll it back first"
            )

    def begin(self, name: str | None = None) -> None:
        """One level more."""
        with self._lock:
            self.check_writable()
            if not self.names:
                self.thread = threading.get_ident()
                self.native = threading.get_native_id()
                _open[_here(self.raw)] = [*_of_thread(self.raw), self]
            try:
                self.raw.begin(self.owner, self.names, name)
            except errors.Error as error:
                raise translated(error) from error
            finally:
                if not self.names:
                    self._forget()

    def commit(self) -> None:
        """Ends all levels. Where that fails, nothing of them is kept."""
        with self._lock:
            self._end(0, commit=True)

    def rollback(self) -> None:
        """Undoes all levels."""
        with self._lock:
            self._end(0, commit=False)

    def savepoint(self, name: str) -> None:
        """SAVEPOINT. Outside a transaction it begins one, which ends with its release."""
        with self._lock:
            if not self.names:
                self.begin(_OUTER)
            self.begin(name)

    def release(self, name: str) -> None:
        """RELEASE of the innermost savepoint of that name and all inside it."""
        with self._lock:
            level = self._find(name)
            self._end(0 if level == 1 and self.names[0] is _OUTER else level, commit=True)

    def rollback_to(self, name: str) -> None:
        """ROLLBACK TO: undoes what was done since the savepoint, which stays open."""
        with self._lock:
            self._end(self._find(name), commit=False)
            self.begin(name)

    def has_defined(self) -> None:
        """Notes that the schema was changed.

        The library looks at it anew with the next read outside transactions; until then each write
        would.
        """
        self._defined = True
        if not self.names:
            self._look_anew()

    def _look_anew(self) -> None:
        self._defined = False
        try:
            self.raw.version()
        except errors.Error as error:
            _logger.debug("after a change of the schema: %s", error)

    def abandon(self, logger: logging.Logger = _logger) -> None:
        """Rolls back what a connection has left open, in any thread, with a warning."""
        if self.pid == os.getpid():
            logger.warning(
                "a connection (%s) was left in the middle of a transaction, which is rolled back",
                self.owner,
            )
        self.discard()

    def discard(self) -> None:
        """Rolls back, in any thread.

        Raises `sqlite3.OperationalError` while the transaction's own thread is using it, or where
        this session is only a part of it.
        """
        with self._lock:
            if self.names and self.thread != threading.get_ident() and self.pid == os.getpid():
                self._take_over()
            self._end(0, commit=False)

    def _take_over(self) -> None:
        """Makes the transaction that another thread has left this thread's."""
        key = (id(self.raw), self.thread)
        sessions = [session for session in _open[key] if session.open]
        if sessions[0] is not self:
            raise busy(f"the transaction is a part of another one ({sessions[0].owner})")
        deadline = time.monotonic() + _PATIENCE
        while True:
            cursors = sum(stream.streaming for stream in list(self.streams))
            try:
                self.raw.transaction_take(self.native, cursors)
                break
            except errors.BusyError as error:
                if time.monotonic() >= deadline:
                    raise translated(error) from error
            except errors.Error as error:
                raise translated(error) from error
            time.sleep(0.01)
        del _open[key]
        _open[_here(self.raw)] = sessions
        for session in sessions:
            session.thread = threading.get_ident()
            session.native = threading.get_native_id()

    def _find(self, name: str) -> int:
        self.check_thread()
        for level in range(len(self.names) - 1, -1, -1):
            known = self.names[level]
            if known is not None and known is not _OUTER and known.lower() == name.lower():
                return level
        raise sqlite3.OperationalError(f"no such savepoint: {name}")

    def _end(self, level: int, commit: bool) -> None:
        """Ends the levels from the innermost to that one."""
        if not self.names:
            return
        if self.pid != os.getpid():
            self.names.clear()
            if commit:
                raise self._forked()
            return
        self.check_thread()
        while (inner := innermost(self.raw)) is not None and inner is not self:
            inner.abandon()
        streams = _of_thread(self.raw)[0].streams
        for stream in list(streams):
            stream.drain()
        streams.clear()
        try:
            self._end_levels(level, commit)
        finally:
            if not self.names:
                self._forget()
        if self._defined and not self.names:
            self._look_anew()

    def _end_levels(self, level: int, commit: bool) -> None:
        failure: errors.Error | None = None
        while len(self.names) > level:
            before = len(self.names)
            try:
                if commit and failure is None:
                    self.raw.commit(self.names)
                else:
                    self.raw.rollback(self.names)
            except errors.Error as error:
                if len(self.names) == before:
                    raise translated(error) from error
                # Undoing what the engine has undone already fails for all but the outermost.
                if commit or before == 1:
                    failure = failure or error
        if failure is not None:
            raise translated(failure) from failure

    def _forked(self) -> sqlite3.Error:
        return sqlite3.ProgrammingError(
            f"the catalog was opened by process {self.pid}, and this is its child: open it anew"
        )

    def _forget(self) -> None:
        """Once it has no level any more."""
        if sessions := _of_thread(self.raw):
            _open[_here(self.raw)] = sessions
        else:
            _open.pop(_here(self.raw), None)


_OUTER = "the transaction that a savepoint began"
