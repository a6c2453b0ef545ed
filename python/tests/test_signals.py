"""Ctrl-C and other signals during long calls."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import program
import pytest

import strongroom
from strongroom import _strongroom

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
SLOW = ENDLESS.replace("FROM n)", "FROM n LIMIT 20000000)")


def interrupt_soon(number: int = signal.SIGINT) -> threading.Timer:
    timer = threading.Timer(0.2, os.kill, (os.getpid(), number))
    timer.start()
    return timer


def endless_update(raw: _strongroom.Catalog) -> object:
    raw.client_save([(os.urandom(16), "anna", None, None, None)])
    return raw.execute(f"UPDATE clients SET LastSeen = ({ENDLESS})")


def held_writer(raw: _strongroom.Catalog) -> object:
    """Waits for a transaction of another thread, which lasts until the test ends."""
    begun, done = threading.Event(), threading.Event()

    def hold() -> None:
        raw.begin("holder")
        begun.set()
        done.wait()
        raw.rollback()

    holder = threading.Thread(target=hold)
    holder.start()
    begun.wait()
    try:
        return raw.client_save([(os.urandom(16), "anna", None, None, None)])
    finally:
        done.set()
        holder.join()


@pytest.mark.parametrize(
    "call",
    [
        lambda raw: raw.fetch(ENDLESS),
        lambda raw: next(raw.query(ENDLESS)[1]),
        endless_update,
        held_writer,
    ],
    ids=["fetch", "query", "execute", "waiting"],
)
def test_ctrl_c_ends_a_long_call(
    raw: _strongroom.Catalog, call: Callable[[_strongroom.Catalog], object]
) -> None:
    timer = interrupt_soon()
    with pytest.raises(KeyboardInterrupt):
        call(raw)
    timer.join()
    assert raw.fetch("SELECT 1")[1] == [(1,)]
    assert raw.client_save([(os.urandom(16), "bob", None, None, None)])[0] == 1
    assert raw.pool_statistics()[_strongroom.POOL_FIELDS.index("active")] == 0


def test_a_handler_that_raises_nothing_ends_nothing(raw: _strongroom.Catalog) -> None:
    seen: list[int] = []
    old = signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number))
    try:
        timer = interrupt_soon(signal.SIGUSR1)
        raw.fetch(SLOW.replace("20000000", "6000000"))
        timer.join()
    finally:
        signal.signal(signal.SIGUSR1, old)
    assert seen == [signal.SIGUSR1]


def test_a_handler_cannot_use_the_catalog_it_interrupts(raw: _strongroom.Catalog) -> None:
    old = signal.signal(signal.SIGUSR1, lambda number, frame: raw.client_count())
    try:
        timer = interrupt_soon(signal.SIGUSR1)
        with pytest.raises(strongroom.InvalidError, match="signal's handler"):
            raw.fetch(ENDLESS)
        timer.join()
    finally:
        signal.signal(signal.SIGUSR1, old)
    assert raw.client_count() == 0


def test_a_progress_function_cannot_use_the_catalog(raw: _strongroom.Catalog) -> None:
    with pytest.raises(strongroom.InvalidError, match="progress function"):
        raw.backup(progress=lambda *_: raw.client_count() < 0)
    assert not list(Path(raw.path).parent.glob("*backup*"))
    assert raw.client_count() == 0


@pytest.mark.parametrize("call", ["backup()", "optimize()"])
def test_ctrl_c_in_maintenance(tmp_path: Path, call: str) -> None:
    """The signal comes by the first progress, so that it is in the midst of the work."""
    script = f"""
        import os, signal, sys
        from strongroom import _strongroom
        catalog = _strongroom.Catalog(sys.argv[1], create=True, migrate=True)
        sent = []
        def progress(*_):
            if not sent:
                sent.append(1)
                os.kill(os.getpid(), signal.SIGINT)
        try:
            catalog.{call.replace(")", "progress=progress)")}
        except KeyboardInterrupt:
            print("interrupted", catalog.client_count(), len(sent))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "catalog.db")],
        capture_output=True, text=True, check=False,
    )
    assert done.stdout == "interrupted 0 1\n", done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["catalog.db"]


STORM = """
    import os, random, signal, sqlite3, subprocess, sys, time
    from server.database import DatabaseManager
    import strongroom

    db = DatabaseManager("defensive.db", use_pool=sys.argv[1] == "pool")
    db.init_database()
    db.execute("CREATE TABLE done (number INTEGER)")
    modern = strongroom.Catalog("defensive.db")
    kinds = {
        "transaction": lambda i: insert_within(db.transaction(), i),
        "modern": lambda i: insert_modern(i),
        "many": lambda i: db.execute_many("INSERT INTO done VALUES (?)", [(i,)] * 3),
        "bulk": lambda i: db.bulk_insert_clients([{"id": os.urandom(16), "name": f"bulk {i}"}]),
    }

    def insert_within(block, i):
        with block as connection:
            connection.execute("INSERT INTO done VALUES (?)", (i,))
            connection.execute("INSERT INTO done VALUES (?)", (i,))

    def insert_modern(i):
        with modern.transaction():
            modern.execute("INSERT INTO done VALUES (?)", (i,))

    # Up to two a call, so that what follows a first one is hit, too, and this script is not.
    armed = interrupted = 0

    def raise_armed(number, frame):
        global armed, interrupted
        if armed > 0:
            armed -= 1
            interrupted += 1
            raise KeyboardInterrupt

    def call(kind, number):
        global armed
        armed = 2
        kind(number)
        armed = 0

    def survive(kind, number, depth=2):
        try:
            survive(kind, number, depth - 1) if depth else call(kind, number)
        except KeyboardInterrupt:
            pass
        except SystemError as error:  # The interpreter's own, where two come as one within its code.
            if not isinstance(error.__cause__, KeyboardInterrupt):
                raise

    signal.signal(signal.SIGINT, raise_armed)
    shooter = subprocess.Popen([sys.executable, "-c", (
        "import os, random, time\\n"
        "while os.getppid() == %d: time.sleep(random.random() * 0.01); os.kill(%d, 2)"
        % (os.getpid(), os.getpid()))], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for number in range(1500):
        survive(list(kinds.values())[number % len(kinds)], number)
        armed = 0
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    shooter.kill()
    shooter.wait()
    db.save_client_to_db(b"z" * 16, "last", b"", b"")
    modern.add_client("modern last")
    seen = sqlite3.connect("defensive.db")
    names = seen.execute("SELECT count(*) FROM clients WHERE Name LIKE '%last'").fetchone()
    torn = seen.execute(
        "SELECT number FROM done WHERE number % 4 IN (0, 2) GROUP BY number"
        " HAVING count(*) <> CASE number % 4 WHEN 0 THEN 2 ELSE 3 END").fetchall()
    print(interrupted > 20, names, torn)
"""


@pytest.mark.elsewhere
@pytest.mark.parametrize("pool", ["pool", "direct"])
def test_a_storm_of_ctrl_c_leaves_no_transaction(tmp_path: Path, pool: str) -> None:
    """What is written afterwards is seen by others, and nothing was written by halves."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(STORM), pool],
        capture_output=True, text=True, check=False, cwd=tmp_path,
        env=program.environment(),
    )
    assert done.stdout == "True (2,) []\n", done.stderr
