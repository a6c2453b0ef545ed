"""Connections that are lent, and those that other threads and processes get hold of."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from strongroom import _strongroom, dbapi, errors

ADD = "INSERT INTO notes VALUES (?, ?)"
ACTIVE = _strongroom.POOL_FIELDS.index("active")
MANY = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000) SELECT i FROM n"
)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[_strongroom.Catalog]:
    """A catalog with two readers, and little patience."""
    catalog = _strongroom.Catalog(
        tmp_path / "catalog.db", create=True, migrate=True, pool_size=2, timeout=0.3
    )
    catalog.execute("CREATE TABLE notes (word TEXT, number INTEGER)")
    yield catalog
    catalog.close()


@pytest.fixture
def pool(small: _strongroom.Catalog) -> Iterator[dbapi.Pool]:
    pool = dbapi.Pool(small, size=2)
    yield pool
    pool.close()


def count(raw: _strongroom.Catalog) -> int:
    number: int = raw.fetch("SELECT count(*) FROM notes")[1][0][0]
    return number


def in_thread(work: Callable[[], object]) -> object:
    """What the work returns, or raises, in another thread."""
    results: list[object] = []

    def run() -> None:
        try:
            results.append(work())
        except Exception as error:
            results.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return results[0]


# ---- Lending


def test_what_is_lent_is_active(small: _strongroom.Catalog, pool: dbapi.Pool) -> None:
    lent = [pool.lend(), pool.lend()]
    assert small.pool_statistics()[ACTIVE] == 2
    assert pool.lent == 2
    assert pool.details()["connection_count"] == 2
    assert all(pool.give_back(connection) for connection in lent)
    assert small.pool_statistics()[ACTIVE] == 0
    assert pool.details() == {
        "connection_count": 0,
        "avg_age_seconds": 0.0,
        "max_age_seconds": 0.0,
        "avg_idle_seconds": 0.0,
        "max_idle_seconds": 0.0,
    }


def test_waiting_ends_with_the_names_of_the_holders(pool: dbapi.Pool) -> None:
    first, second = pool.lend(owner="report.py:7"), pool.lend()
    with pytest.raises(sqlite3.OperationalError, match=r"report\.py:7.*test_lending\.py") as caught:
        pool.lend()
    assert isinstance(caught.value.__cause__, errors.BusyError)
    pool.give_back(first)
    pool.give_back(pool.lend())
    pool.give_back(second)


def test_a_waiter_gets_what_another_thread_gives_back(tmp_path: Path) -> None:
    raw = _strongroom.Catalog(tmp_path / "c.db", create=True, migrate=True, pool_size=1)
    pool = dbapi.Pool(raw, size=1)
    lent = pool.lend()
    thread = threading.Timer(0.05, pool.give_back, (lent,))
    thread.start()
    assert pool.give_back(pool.lend())
    thread.join()
    raw.close()


def test_all_that_are_lent_can_read_and_write(
    small: _strongroom.Catalog, pool: dbapi.Pool
) -> None:
    first, second = pool.lend(), pool.lend()
    streams = [first.execute(MANY), second.execute(MANY), first.execute(MANY)]
    with first:
        first.execute(ADD, ("a", 1))
        assert first.execute("SELECT count(*) FROM notes").fetchone() == (1,)
        assert second.execute("SELECT count(*) FROM notes").fetchone() == (0,)
        with pytest.raises(sqlite3.OperationalError, match="database is locked"):
            second.execute(ADD, ("b", 1))
    with second:
        second.execute(ADD, ("b", 1))
    assert [len(stream.fetchall()) for stream in streams] == [5000] * 3
    pool.give_back(first)
    pool.give_back(second)
    assert count(small) == 2


@pytest.mark.parametrize("elsewhere", [False, True])
def test_in_mid_transaction(
    small: _strongroom.Catalog,
    pool: dbapi.Pool,
    caplog: pytest.LogCaptureFixture,
    elsewhere: bool,
) -> None:
    connection = pool.lend(owner="careless.py:3")
    connection.execute(ADD, ("a", 1))
    connection.execute("SAVEPOINT inner")
    reading = connection.execute(MANY)
    run = in_thread if elsewhere else (lambda work: work())
    with caplog.at_level(logging.WARNING):
        assert run(lambda: pool.give_back(connection)) is True
    assert "careless.py:3" in caplog.text and "rolled back" in caplog.text
    assert count(small) == 0
    assert small.pool_statistics()[ACTIVE] == 0
    uses: list[Callable[[], object]] = [connection.cursor, reading.fetchone, connection.commit]
    for use in uses:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            use()
    small.execute(ADD, ("b", 1))  # The writer is free.


def test_given_back_while_its_thread_is_using_it(
    small: _strongroom.Catalog, pool: dbapi.Pool
) -> None:
    connection = pool.lend()
    begun = threading.Event()
    results: list[object] = []

    def use() -> None:
        connection.execute(ADD, ("a", 1))
        begun.set()
        try:
            while True:
                results.append(connection.execute(f"SELECT count(*) FROM ({MANY})").fetchone())
        except sqlite3.ProgrammingError as error:
            results.append(error)

    thread = threading.Thread(target=use)
    thread.start()
    begun.wait()
    assert pool.give_back(connection)
    thread.join()
    assert isinstance(results.pop(), sqlite3.ProgrammingError)
    assert all(result == (5000,) for result in results)
    assert count(small) == 0
    small.execute(ADD, ("b", 1))


def test_returning_twice_or_elsewhere_is_harmless(
    pool: dbapi.Pool, small: _strongroom.Catalog, caplog: pytest.LogCaptureFixture
) -> None:
    connection = pool.lend()
    assert pool.give_back(connection)
    stranger = dbapi.Connection(small)
    for wrong in (connection, stranger):
        caplog.clear()
        assert not pool.give_back(wrong)
        assert "is not lent by this pool" in caplog.text
    assert stranger.execute("SELECT 1").fetchone() == (1,)
    assert small.pool_statistics()[ACTIVE] == 0


def test_forgotten_connections_come_back(
    small: _strongroom.Catalog, pool: dbapi.Pool, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(5):
        pool.lend().execute(ADD, ("a", 1))
        gc.collect()
    assert "rolled back" in caplog.text
    assert (pool.lent, small.pool_statistics()[ACTIVE], count(small)) == (0, 0, 0)


def test_a_thread_that_ends_in_mid_transaction(
    small: _strongroom.Catalog, pool: dbapi.Pool
) -> None:
    def leave() -> None:
        pool.lend().execute(ADD, ("a", 1))

    assert in_thread(leave) is None
    gc.collect()
    small.execute(ADD, ("b", 1))
    assert count(small) == 1


def test_closing_the_pool_takes_all_back(small: _strongroom.Catalog, pool: dbapi.Pool) -> None:
    connection = pool.lend()
    connection.execute(ADD, ("a", 1))
    pool.close()
    assert small.pool_statistics()[ACTIVE] == 0
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        pool.lend()


def test_a_lent_one_inside_a_transaction_block_is_part_of_it(
    small: _strongroom.Catalog, pool: dbapi.Pool
) -> None:
    with pytest.raises(ZeroDivisionError), dbapi.transaction(small):
        connection = pool.lend()
        with connection:
            connection.execute(ADD, ("a", 1))
        pool.give_back(connection)
        assert count(small) == 1
        raise ZeroDivisionError
    assert count(small) == 0


# ---- Threads


def test_another_thread_cannot_use_it_in_mid_transaction(small: _strongroom.Catalog) -> None:
    connection = dbapi.Connection(small)
    cursor = connection.execute(ADD, ("a", 1))
    uses: list[Callable[[], object]] = [
        lambda: connection.execute("SELECT 1"),
        lambda: cursor.execute(ADD, ("b", 1)),
        connection.commit,
        connection.rollback,
    ]
    for use in uses:
        assert isinstance(in_thread(use), sqlite3.ProgrammingError)
    connection.commit()
    assert in_thread(lambda: connection.execute("SELECT count(*) FROM notes").fetchone()) == (1,)


def test_ctrl_c_ends_waiting_for_the_writer(tmp_path: Path) -> None:
    raw = _strongroom.Catalog(tmp_path / "c.db", create=True, migrate=True)
    raw.execute("CREATE TABLE notes (word TEXT, number INTEGER)")
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with dbapi.transaction(raw) as connection:
            connection.execute(ADD, ("a", 1))
            entered.set()
            leave.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    entered.wait()
    connection = dbapi.Connection(raw)
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        connection.execute(ADD, ("b", 1))
    leave.set()
    holder.join()
    assert not connection.in_transaction
    with connection:
        connection.execute(ADD, ("c", 1))
    assert raw.fetch("SELECT word FROM notes ORDER BY word")[1] == [("a",), ("c",)]
    raw.close()


def test_threads_lose_nothing(tmp_path: Path) -> None:
    raw = _strongroom.Catalog(tmp_path / "c.db", create=True, migrate=True, pool_size=5)
    raw.execute("CREATE TABLE notes (word TEXT, number INTEGER)")
    pool = dbapi.Pool(raw, size=5)
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for i in range(25):
                connection = pool.lend()
                connection.execute(ADD, (f"kept {number}", i))
                connection.executemany(ADD, [(f"kept {number}", 100 + i)] * 3)
                connection.commit()
                connection.execute(ADD, ("undone", i))
                connection.rollback()
                connection.execute(ADD, ("left", i))
                assert connection.execute("SELECT count(*) FROM notes").fetchone()[0] > 4 * i
                pool.give_back(connection)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert count(raw) == 16 * 25 * 4
    assert raw.fetch("SELECT count(DISTINCT word) FROM notes")[1] == [(16,)]
    raw.close()


# ---- Processes


def in_child(work: Callable[[], None]) -> int:
    """The exit status of a child that does the work: 0 where it raised nothing."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_child_gets_a_clear_error(small: _strongroom.Catalog, pool: dbapi.Pool) -> None:
    idle, busy = dbapi.Connection(small), pool.lend()
    cursor = busy.execute(MANY)
    busy.execute(ADD, ("a", 1))
    path = small.path

    def use() -> None:
        for connection in (idle, busy):
            for sql in ("SELECT 1", "DELETE FROM notes"):
                with pytest.raises(sqlite3.ProgrammingError, match="opened by process"):
                    connection.execute(sql)
        with pytest.raises(sqlite3.ProgrammingError, match="opened by process"):
            cursor.fetchall()
        with pytest.raises(sqlite3.ProgrammingError, match="opened by process"):
            busy.commit()
        busy.rollback()
        pool.give_back(busy)
        idle.close()
        fresh = dbapi.Connection(_strongroom.Catalog(path))
        assert fresh.execute("SELECT count(*) FROM notes").fetchone() == (0,)

    assert in_child(use) == 0
    busy.execute(ADD, ("c", 1))
    busy.commit()
    pool.give_back(busy)
    assert count(small) == 2


def _add_in_process(path: str, number: int) -> int:
    raw = _strongroom.Catalog(path)
    with dbapi.Connection(raw) as connection:
        connection.executemany(ADD, [("process", number)] * 50)
    raw.close()
    return number


def test_multiprocessing(small: _strongroom.Catalog, tmp_path: Path) -> None:
    with multiprocessing.get_context("fork").Pool(3) as workers:
        done = workers.starmap(_add_in_process, [(small.path, i) for i in range(6)])
    assert done == list(range(6))
    assert count(small) == 300


# ---- A cursor that threads share


class Halting:
    """A catalog that stops before it reads on, until it is told to go, and then may fail."""

    def __init__(self, raw: _strongroom.Catalog, failure: errors.Error | None = None) -> None:
        self._raw = raw
        self._failure = failure
        self.reading = threading.Event()
        self.go = threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def more(self, cursor: _strongroom.Cursor, count: int = 0) -> list[tuple[Any, ...]]:
        self.reading.set()
        assert self.go.wait(60)
        if self._failure is not None:
            raise self._failure
        return self._raw.more(cursor, count)


def test_threads_that_share_a_cursor_lose_no_row(small: _strongroom.Catalog) -> None:
    connection = dbapi.Connection(small)
    cursor = connection.execute(MANY.replace("5000", "50000"))

    def take(rows: list[int]) -> None:
        while True:
            try:
                row = cursor.fetchone()
            except sqlite3.ProgrammingError as error:
                assert "another thread is reading" in str(error)
                continue
            if row is None:
                return
            rows.append(row[0])

    taken: list[list[int]] = [[], [], []]
    threads = [threading.Thread(target=take, args=(rows,)) for rows in taken]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sum(taken, [])) == list(range(1, 50001))


def test_only_the_second_reader_of_a_cursor_fails(small: _strongroom.Catalog) -> None:
    halting = Halting(small)
    cursor = dbapi.Connection(cast(_strongroom.Catalog, halting)).execute(MANY)
    rows: list[tuple[int]] = []
    thread = threading.Thread(target=lambda: rows.extend(cursor))
    thread.start()
    assert halting.reading.wait(60)
    fetches: list[Callable[[], object]] = [
        cursor.fetchone, cursor.fetchmany, cursor.fetchall, cursor.drain,
    ]
    for fetch in fetches:
        with pytest.raises(sqlite3.ProgrammingError, match="another thread is reading"):
            fetch()
    halting.go.set()
    thread.join()
    assert rows == [(number,) for number in range(1, 5001)]


@pytest.mark.parametrize("how", ["close", "execute"])
def test_a_cursor_that_is_closed_while_another_thread_reads(
    small: _strongroom.Catalog, how: str
) -> None:
    halting = Halting(small)
    cursor = dbapi.Connection(cast(_strongroom.Catalog, halting)).execute(MANY)
    caught: list[object] = []
    thread = threading.Thread(target=lambda: caught.append(in_thread(cursor.fetchall)))
    thread.start()
    assert halting.reading.wait(60)
    if how == "close":
        cursor.close()
    else:
        cursor.execute("SELECT 'new'")
    halting.go.set()
    thread.join()
    assert isinstance(caught[0], sqlite3.ProgrammingError)
    assert small.pool_statistics()[ACTIVE] == 0
    if how == "execute":
        assert cursor.fetchall() == [("new",)]


def test_after_an_error_there_is_no_end_of_the_rows(small: _strongroom.Catalog) -> None:
    halting = Halting(small, errors.InputOutputError("the disk is gone"))
    halting.go.set()
    cursor = dbapi.Connection(cast(_strongroom.Catalog, halting)).execute(MANY)
    fetches: list[Callable[[], object]] = [
        cursor.fetchall, cursor.fetchone, cursor.fetchmany, lambda: list(cursor),
    ]
    for fetch in fetches:
        with pytest.raises(sqlite3.OperationalError, match="the disk is gone"):
            fetch()
    assert cursor.execute("SELECT 'new'").fetchall() == [("new",)]
