"""Leaked references of the extension: every call a hundred times, under a debug build of Python.

usage: python3-dbg -m pytest python/tests/references.py

Only there does sys.gettotalrefcount() exist, and only when the extension was compiled against that
build's headers does it count what the extension does; tools/check-python-memory sees to both.
Every method of a catalog and every function of the module must have an entry below. Of each entry
the failing calls are made too: each argument in turn of a wrong type, a keyword that is not there, and
a catalog that is closed.
"""

from __future__ import annotations

import gc
import itertools
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from strongroom import _strongroom
from strongroom.errors import Error

FEW = 20
"""Rounds of calls that handle the whole database."""
WHOLE = {
    "backup", "backup_verify", "health_look", "keys_init", "keys_unwrap", "migrate_own", "optimize",
    "repair", "restore", "salvage", "search_index_build",
}
ID = bytes(range(16))
MISSING = bytes(16)
numbers = itertools.count()

Arguments = tuple[Any, ...]
Make = Callable[[], Arguments]
"""Gives the arguments of one call; a dictionary in the last place is the keywords."""


def growth(call: Callable[[], object], rounds: int) -> int:
    """By how many references so many calls grow what the process holds."""
    for _ in range(5):
        call()
    gc.collect()
    gc.freeze()  # What pytest holds need not be gone through again.
    before = sys.gettotalrefcount()  # type: ignore[attr-defined]
    for _ in range(rounds):
        call()
    gc.collect()
    return int(sys.gettotalrefcount() - before)  # type: ignore[attr-defined]


def leaks(call: Callable[[], object], rounds: int = 100) -> bool:
    """One reference a call is a leak; what is kept once, such as a warmed cache, is none."""
    return growth(call, rounds) >= rounds // 2


def one(*arguments: object, **keywords: object) -> list[Make]:
    return [lambda: (*arguments, keywords)]


def client() -> Arguments:
    return (os.urandom(16), f"client {next(numbers)}", b"k" * 160, None, "2026-01-01T00:00:00Z")


def file() -> Arguments:
    name = f"file {next(numbers)}"
    return (ID, name, "received_files/" + name, "/home/" + name, 9, "2026-01-31T09:30:00Z", 7)


def stop(*_: object) -> bool:
    return True


def broken(*_: object) -> bool:
    raise ValueError("planted")


def fresh(make: Callable[[], object]) -> Make:
    return lambda: (make(), {})


METHODS: dict[str, list[Make]] = {
    # What fails by itself goes last: it opens a transaction first where need be.
    "client_save": [
        fresh(lambda: [client(), client()]),
        fresh(lambda: [(ID, "anna", None, None, None)]),
        fresh(lambda: [client(), (os.urandom(16), "anna", None, None, None)]),
        fresh(lambda: [client(), (ID, object(), None, None, None)]),
        fresh(lambda: [client(), (ID, "x")]),
        fresh(lambda: [client(), "x"]),
    ],
    "keys_init": [*one(), lambda: ({"progress": broken},), *one(stop)],
    "keys_status": [*one(), *one("too many")],
    "keys_check": [*one(), *one("too many")],
    "keys_unwrap": [*one(), *one("too many")],
    "client_by_id": [*one(ID), *one(ID.hex()), *one(MISSING), *one("short")],
    "client_by_name": [*one("anna"), *one(b"anna"), *one("nobody")],
    "client_update": [*one(ID, name="anna"), *one(ID, public_key=b"x" * 160), *one(MISSING, name="x")],
    "client_delete": one(MISSING),
    "client_count": one(),
    "client_list": [*one(), *one(counts=True)],
    "file_save": [
        fresh(lambda: [file(), file()]),
        fresh(lambda: [(ID, "same", None, None, 1, None, 1)]),
        fresh(lambda: [file(), (MISSING, "no such client")]),
        fresh(lambda: [file(), (ID, "a", "b", "c", "not a number")]),
        fresh(lambda: [file(), (ID, "a", "b", "c", 2**63)]),
        fresh(lambda: [file(), None]),
    ],
    "file_find": [*one(ID, "kept"), *one(ID, "nowhere")],
    "file_by_id": one(MISSING),
    "file_verify": [*one(ID, "kept"), *one(ID, "nowhere")],
    "file_delete": one(ID, "nowhere"),
    "file_delete_stored": one(ID, "nowhere"),
    "file_set_verified": [*one(ID, "kept", True, 7), *one(ID, "nowhere", False)],
    "file_list": [*one(), *one(ID)],
    "statistics": one(),
    "total_list": [*one("category"), *one("nothing")],
    "file_sums": one(),
    "client_usage_list": [*one(), *one(7)],
    "metric_record": [*one("load", 1.5), *one("load", float("nan"))],
    "metric_list": [*one("load"), *one("load", 1)],
    "metric_cleanup": [*one(7), *one(-1)],
    "health": [*one(), *one(full=True), *one(full=True, progress=stop), *one(progress=broken)],
    "size_limits": one(),
    "optimize": [*one(analyze_only=True), *one(), *one(progress=stop), *one(progress=broken)],
    "optimize_needs": one(),
    "in_transaction": one(),
    "pool_statistics": one(),
    "execute": [
        *one("INSERT INTO metrics_history (timestamp, metric_name, value) VALUES (?, ?, ?)",
             ("2026-01-01T00:00:00Z", "x", 1.0)),
        *one("UPDATE clients SET LastSeen = ? WHERE ID = ?", ["2026-01-01T00:00:00Z", ID]),
        *one("INSERT INTO nowhere VALUES (1)"),
        *one("UPDATE clients SET LastSeen = ?", (object(),)),
        *one("UPDATE clients SET LastSeen = ?", ("a", "b")),
    ],
    "execute_many": [
        *one("UPDATE clients SET LastSeen = ? WHERE ID = ?", [("a", ID), ("b", MISSING)]),
        *one("UPDATE clients SET LastSeen = ? WHERE ID = ?", [("a", ID), ("b",)]),
        *one("UPDATE clients SET LastSeen = ? WHERE ID = ?", [("a", ID), ("b", object())]),
        *one("UPDATE clients SET LastSeen = ?", []),
        *one("UPDATE nowhere SET x = ?", [(1,)]),
        fresh(lambda: "UPDATE clients SET LastSeen = ?"),
    ],
    "execute_script": [*one("UPDATE clients SET LastSeen = 'x'; SELECT 1"), *one("SELECT 1; nonsense")],
    "query": [
        *one("SELECT ID, Name, 1, 1.5, NULL FROM clients"),
        *one("SELECT ?, ?, ?", (b"x", "y", 2**40)),
        *one("SELECT * FROM nowhere"),
        *one("SELECT ?", (2**64,)),
    ],
    "fetch": [
        *one("SELECT ID, Name, 1, 1.5, NULL FROM clients"),
        *one("SELECT ID FROM files", (), 3),
        *one("SELECT * FROM nowhere"),
        *one("SELECT ?", ({},)),
    ],
    "search": [
        *one("file"),
        *one(matches=[("glob", False, "*.txt"), ("term", True, "x")], client_part="ann", limit=5),
        *one("file", matches=[("colour", False, "x")]),
        *one("file", matches=[("term", False, object())]),
        *one("file", matches=["x"]),
        *one("file", sort="colour"),
        *one("file", after="nonsense"),
    ],
    "search_page": [*one("file", limit=3), *one("file", limit=-5), *one("file", after="nonsense")],
    "search_count": [*one("file", by=("client", "type")), *one("file", by=("colour",))],
    "backup": [
        lambda: (FOLDER / f"backup {next(numbers)}", {}),
        lambda: (FOLDER / "no folder" / "x", {}),
        lambda: (FOLDER / f"backup {next(numbers)}", {"progress": stop}),
        lambda: (FOLDER / f"backup {next(numbers)}", {"progress": broken}),
    ],
    "migrate": [*one(), *one(10**12), *one(0, progress=stop), *one(progress=broken)],
    "migrate_verify": one(),
    "migrate_own": [
        lambda: (next(numbers) + 1, "mine", "SELECT 1", "SELECT 2", {}),
        *one(1, "mine", "DROP TABLE files"),
        *one(1, "mine", "CREATE"),
        *one(None, "mine", "SELECT 1"),
    ],
    "migrate_own_down": [*one(10**6), *one(-1)],
    "record": [
        *one(ID, ["/etc/hostname"]),
        *one(ID, ["/etc/hostname"], ["*.x", "y"], True, True, 1, reread=True),
        *one(ID, ["/no/such/file"], failure=broken),
        *one(ID, ["/no/such/file"], failure=lambda path, why: None),
        *one(ID, ["/etc/hostname"], reread=True, progress=broken),
        *one(ID, ["/etc/hostname"], reread=True, progress=stop),
        *one(ID, ["/etc/hostname", object()]),
        *one(ID, "/etc/hostname"),
        *one(MISSING, ["/etc/hostname"]),
    ],
    "repair": [*one(), *one(True, False), *one(progress=stop), *one(True, progress=broken)],
    "search_index_build": [*one(), *one(True), *one(progress=broken)],
    "folder": [*one(ID), *one(ID, "/home", True), *one(ID, "nowhere")],
    "version_list": [*one(ID, "kept"), *one(ID, "nowhere")],
    "version_find": [*one(ID, "kept", 1), *one(ID, "kept", 99)],
    "version_diff": [*one(ID, "kept", 1, 2), *one(ID, "kept", 1, 99)],
    "version_activate": [*one(ID, "kept", 1), *one(ID, "kept", 99)],
    "version_pin": [*one(ID, "kept"), *one(ID, "kept", 1, False), *one(ID, "kept", 99)],
    "quota_set": [*one(ID, 10**9, 0.5), *one(ID, 10**9), *one(MISSING, 5), *one(ID, -5)],
    "quota_clear": [*one(ID), *one(MISSING)],
    "quota_get": [*one(ID), *one(MISSING)],
    "quota_list": one(),
    "quota_default_set": [*one(10**9, 0.5), *one(None), *one(-5)],
    "quota_default": one(),
    "quota_enforce_set": [*one(False), *one(True)],
    "quota_enforce": one(),
    "activity_list": [*one(), *one(ID, "anna", "backup", 0, 5)],
    "activity_failed": [*one(ID, 1), *one(MISSING, 1)],
    "activity_cleanup": one(0),
    "transfer_list": [*one(), *one(7)],
    "category_list": [*one(), *one(True)],
    "category_rules": one(),
    "category_of": [*one("image/png", "png"), *one(None, None)],
    "category_add": [
        lambda: (f"kind {next(numbers)}", "words", "path/", "#123456", [], {}),
        lambda: (f"kind {next(numbers)}", {"rules": [("extension", f"x{next(numbers)}")]}),
        *one("image"),
        *one("x", rules=[("colour", "x")]),
        *one("x", rules=[("extension", object())]),
        *one("x", rules=["x"]),
    ],
    "category_update": [
        *one("image", description="words", path=None, color="#123456"),
        *one("image", add=[("extension", "zzz")], remove=[("extension", "zzz")]),
        *one("image", add=[("extension", object())]),
        *one("nothing", description="words"),
    ],
    "category_delete": [*one("nothing"), *one("document", "nothing")],
    "category_assign": [*one(ID, "kept", "image"), *one(ID, "kept", "nothing")],
    "category_classify": [*one(), *one(ID, "document", True), *one(progress=stop), *one(progress=broken)],
    "policy_set": [*one(ID, {"last": 1}), *one(None, {"daily": 3}), *one(MISSING, {"last": 1}),
                   *one(ID, {"colour": 1})],
    "policy_get": [*one(ID), *one(MISSING)],
    "policy_list": one(),
    "policy_clear": [*one(ID), *one(MISSING)],
    "prune": [
        *one({"last": 1}, [ID], dry_run=True),
        *one({"last": 1}, [ID], "kept", True, each=broken),
        *one({"last": 1}, [ID], "kept", True, progress=broken),
        *one({"last": 1}, [ID, object()]),
        *one({"last": 1}, [MISSING], "kept"),
        *one({"colour": 1}),
        *one(None),
    ],
    "file_sums": one(),
    "describe": [
        *one("SELECT ?, :name FROM clients"),
        *one("INSERT INTO metrics_history (timestamp, metric_name, value) VALUES (?, ?, ?)"),
        *one("nonsense"),
        *one("SELECT 1; SELECT 2"),
    ],
    "execute_fetch": [
        *one("UPDATE clients SET LastSeen = ? RETURNING ID, Name", ("x",)),
        *one("INSERT INTO clients (ID) VALUES (NULL) RETURNING ID"),
        *one("UPDATE clients SET LastSeen = ?", (object(),)),
    ],
    "execute_more": [
        *one("UPDATE clients SET LastSeen = ? WHERE ID = ?", [("a", ID), ("b", MISSING)]),
        *one("UPDATE clients SET LastSeen = ?", [("a", ID)]),
    ],
    "select": [
        *one("SELECT ID, Name FROM clients WHERE ID = ?", (ID,), 100),
        *one("SELECT FileName FROM files, metrics_history", (), 1),
        *one("SELECT nothing FROM nowhere"),
        *one("SELECT ?", (2**64,)),
    ],
    "more": one(object()),
    "lease": [*one(), *one("somebody")],
    "transaction_take": [*one(1), *one(2**62, 3)],
    "begin": one(),
    "undo": one([]),
    "commit": one(),
    "rollback": one(),
    "version": one(),
    "close": one(),
}

FUNCTIONS: dict[str, list[Make]] = {
    "set_log": [fresh(lambda: None), fresh(lambda: (lambda *message: None)), fresh(lambda: 5)],
    "backup_verify": [
        lambda: ({}, FOLDER / "kept backup", {}),
        lambda: ({"pool_size": 1}, FOLDER / "kept backup", None, True, {"progress": stop}),
        lambda: ({}, FOLDER / "kept backup", {"progress": broken}),
        lambda: ({}, FOLDER / "none", b"key", {}),
        lambda: ({"colour": 1}, FOLDER / "none", {}),
    ],
    "restore": [
        lambda: ({"path": FOLDER / "restored.db"}, FOLDER / "kept backup", {}),
        lambda: ({"path": FOLDER / "restored.db"}, FOLDER / "kept backup", {"progress": broken}),
        lambda: ({"path": FOLDER / "restored.db"}, FOLDER / "none", {}),
    ],
    "backup_rotate": [
        lambda: ({}, FOLDER, {"last": 1}, True, {}),
        lambda: ({}, FOLDER, {"last": -5}, {}),
        lambda: ({}, FOLDER / "none", {"daily": 1}, {}),
    ],
    "health_look": [
        lambda: ({"path": FOLDER / "kept backup"}, {}),
        lambda: ({"path": FOLDER / "kept backup"}, True, broken, {}),
        lambda: ({"path": FOLDER / "none"}, {}),
    ],
    "salvage": [
        lambda: (FOLDER / "kept backup", FOLDER / f"salvaged {next(numbers)}", {}),
        lambda: (FOLDER / "kept backup", FOLDER / "stopped", {"progress": broken}),
        lambda: (FOLDER / "none", FOLDER / "none either", {"refused": stop}),
    ],
    "migration_status": [
        lambda: ({"path": FOLDER / "catalog.db"}, {}),
        lambda: ({"path": FOLDER / "none"}, {}),
        lambda: ({"path": FOLDER}, {}),
        lambda: ({"colour": 1}, {}),
    ],
    "parse_when": [*one("2026-01-31"), *one("7d"), *one("nonsense")],
    "parse_time": [*one("2026-01-31T09:30:00Z"), *one("nonsense")],
    "parse_size": [*one("10 K"), *one("nonsense")],
    "parse_span": [*one("7d"), *one("nonsense")],
    "day_end": one(0),
    "format_time": one(10**15),
    "new_id": one(),
}

FOLDER = Path()  # Of the running test.
APART = {"begin", "commit", "rollback", "undo", "close"}
"""Tried in an order of their own."""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small catalog, which each test copies, since migrating takes longer than most tests."""
    path = tmp_path_factory.mktemp("template") / "catalog.db"
    catalog = _strongroom.Catalog(path, create=True, migrate=True)
    catalog.client_save([(ID, "anna", b"k" * 160, None, None)])
    for size in (5, 6):
        catalog.file_save([(ID, "kept", None, None, size, "2026-01-01T00:00:00Z", size)])
    catalog.backup(path.with_name("kept backup"))
    catalog.close()
    return path


@pytest.fixture
def catalog(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[_strongroom.Catalog]:
    monkeypatch.setattr(sys.modules[__name__], "FOLDER", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STRONGROOM_MASTER_KEY_FILE", str(tmp_path / "ring"))
    _strongroom.set_log(lambda *message: None)
    for name in (template.name, "kept backup"):
        shutil.copy(template.with_name(name), tmp_path)
    catalog = _strongroom.Catalog(tmp_path / template.name, durability="normal", pool_size=2)
    yield catalog
    catalog.close()
    _strongroom.set_log(None)


def outcome(function: Callable[..., Any], arguments: Arguments, half: bool = False) -> None:
    """Calls, and drops whatever comes of it; a cursor is read to its end, or half."""
    *positional, keywords = arguments
    try:
        result = function(*positional, **keywords)
        for item in result if isinstance(result, tuple) else (result,):
            if type(item).__name__ == "Cursor":
                for _ in item:
                    if half:
                        break
    except (Error, TypeError, ValueError, OverflowError, ArithmeticError):
        pass


def spoilt(arguments: Arguments) -> Iterator[Arguments]:
    """The same call with each argument of a type that no call takes, and one too many."""
    *positional, keywords = arguments
    wrong = object()
    for i in range(len(positional)):
        yield (*positional[:i], wrong, *positional[i + 1 :], keywords)
    for name in keywords:
        yield (*positional, {**keywords, name: wrong})
    yield (*positional, {**keywords, "no_such_argument": wrong})
    yield (*positional, *[wrong] * 30, keywords)


def cases(table: dict[str, list[Make]]) -> list[Any]:
    return [
        pytest.param(name, make, id=f"{name}-{i}")
        for name, makes in table.items()
        if name not in APART
        for i, make in enumerate(makes)
    ]


def callables(thing: object) -> set[str]:
    return {
        name
        for name in dir(thing)
        if not name.startswith("_")
        and callable(getattr(thing, name))
        and not isinstance(getattr(thing, name), type)
    }


def test_this_is_a_debug_build() -> None:
    assert hasattr(sys, "gettotalrefcount"), "run this with python3-dbg"


def test_a_planted_leak_is_found(catalog: _strongroom.Catalog) -> None:
    import ctypes

    def leak() -> None:
        rows = catalog.client_list()
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(next(rows)))

    assert leaks(leak)
    assert not leaks(lambda: next(catalog.client_list()))


def test_the_tables_have_every_call() -> None:
    assert set(METHODS) == callables(_strongroom.Catalog)
    assert set(FUNCTIONS) == callables(_strongroom)


@pytest.mark.parametrize(("name", "make"), cases(METHODS))
def test_method(catalog: _strongroom.Catalog, name: str, make: Make) -> None:
    assert not leaks(lambda: outcome(getattr(catalog, name), make()), FEW if name in WHOLE else 100)


@pytest.mark.parametrize("name", [name for name in METHODS if name not in APART])
def test_spoilt_and_half(catalog: _strongroom.Catalog, name: str) -> None:
    method = getattr(catalog, name)
    good = METHODS[name][0]
    assert not leaks(lambda: outcome(method, good(), half=True), FEW if name in WHOLE else 100)
    assert not leaks(lambda: [outcome(method, bad) for bad in spoilt(good())], FEW if name in WHOLE else 100)
    catalog.close()
    assert not leaks(lambda: outcome(method, good()))


@pytest.mark.parametrize(("name", "make"), cases(FUNCTIONS))
def test_function(catalog: _strongroom.Catalog, name: str, make: Make) -> None:
    function = getattr(_strongroom, name)
    assert not leaks(lambda: outcome(function, make()), FEW if name in WHOLE else 100)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_spoilt_function(catalog: _strongroom.Catalog, name: str) -> None:
    function, good = getattr(_strongroom, name), FUNCTIONS[name][0]
    assert not leaks(lambda: [outcome(function, bad) for bad in spoilt(good())], FEW if name in WHOLE else 100)


def test_deleting(catalog: _strongroom.Catalog) -> None:
    def saved_and_deleted() -> None:
        _, _, _, _, [(_, id)], _ = catalog.file_save([(ID, "short-lived", None, None, 1)])
        catalog.file_by_id(id)
        catalog.file_delete(ID, "short-lived")
        someone = client()
        catalog.client_save([someone])
        catalog.client_delete(someone[0])
        catalog.category_add("short-lived")
        catalog.category_delete("short-lived", "document")

    assert not leaks(saved_and_deleted)


def test_transactions(catalog: _strongroom.Catalog) -> None:
    def transaction(end: str) -> None:
        catalog.begin("here")
        outcome(catalog.begin, ({},))
        catalog.execute("UPDATE clients SET LastSeen = 'x'")
        outcome(catalog.execute, ("INSERT INTO clients (ID) VALUES (NULL)", {}))
        getattr(catalog, end)()
        outcome(getattr(catalog, end), ({},))

    assert not leaks(lambda: transaction("commit"))
    assert not leaks(lambda: transaction("rollback"))


def test_leases(catalog: _strongroom.Catalog) -> None:
    many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300) SELECT i, 'x' FROM n"

    def lent(close: bool) -> None:
        lease = catalog.lease("here")
        catalog.describe("SELECT Name FROM clients", lease)
        outcome(catalog.describe, ("nonsense", lease, {}))
        outcome(catalog.select, ("nonsense", (), 0, lease, {}))
        _, rows, cursor = catalog.select(many, (), 100, lease)
        assert len(rows) == 100 and len(catalog.more(cursor, 50)) == 50
        outcome(catalog.more, (lease, 1, {}))
        if close:
            lease.close()
            outcome(catalog.select, ("SELECT 1", (), 0, lease, {}))
            cursor.close()

    assert not leaks(lambda: lent(close=True))
    assert not leaks(lambda: lent(close=False))


def test_taking_a_transaction_over(catalog: _strongroom.Catalog) -> None:
    def left_and_taken() -> None:
        def leave() -> None:
            catalog.begin("there")
            threads.append(threading.get_native_id())

        threads: list[int] = []
        thread = threading.Thread(target=leave)
        thread.start()
        thread.join()
        outcome(catalog.transaction_take, (threads[0], {}))
        outcome(catalog.rollback, ({},))

    assert not leaks(left_and_taken)


def test_opening_and_closing(tmp_path: Path, catalog: _strongroom.Catalog) -> None:
    def opened(**settings: Any) -> None:
        fresh = _strongroom.Catalog(catalog.path, **settings)
        rows = fresh.client_list()
        next(rows)
        fresh.close()
        outcome(fresh.close, ({},))

    def dropped() -> None:
        fresh = _strongroom.Catalog(catalog.path)
        _ = fresh.client_list(), fresh.path, fresh.closed

    assert not leaks(opened)
    assert not leaks(dropped)
    assert not leaks(lambda: outcome(_strongroom.Catalog, (tmp_path / "none" / "x.db", {})))
    assert not leaks(lambda: outcome(_strongroom.Catalog, (tmp_path / "x", {"timeout": "long"})))
    assert not leaks(lambda: outcome(_strongroom.Catalog, (tmp_path / "x", {"durability": "x"})))


def test_a_log_that_raises(catalog: _strongroom.Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    _strongroom.set_log(broken)
    assert not leaks(lambda: outcome(catalog.begin, ({},)) or catalog.rollback())
