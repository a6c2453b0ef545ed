"""The extension itself: values, cursors, closing, errors, the log."""

from __future__ import annotations

import gc
import os
import re
import threading
from pathlib import Path

import pytest

import strongroom
from strongroom import _strongroom, errors, log


def add_clients(raw: _strongroom.Catalog, *names: str) -> None:
    raw.client_save([(os.urandom(16), name, None, None, None) for name in names])


def test_one_engine_in_the_process(raw: _strongroom.Catalog) -> None:
    import sqlite3

    sqlite3.connect(":memory:").close()
    maps = Path("/proc/self/maps").read_text()
    assert len(set(re.findall(r"\S*/libsqlite3\S*", maps))) == 1
    assert _strongroom.ENGINE_VERSION == f"SQLite {sqlite3.sqlite_version}"


def test_every_status_has_a_class() -> None:
    for status, kind in errors.BY_STATUS.items():
        assert kind.status == status
        assert issubclass(kind, strongroom.Error)
    assert len(errors.BY_STATUS) == len(_strongroom.STATUSES)
    assert set(errors.BY_STATUS) == set(_strongroom.STATUSES)


@pytest.mark.parametrize(
    "value", [None, 0, -(2**63), 2**63 - 1, 1.5, "", "ä\0b", b"", b"\0\xff", True]
)
def test_values_come_back(raw: _strongroom.Catalog, value: object) -> None:
    names, rows = raw.fetch("SELECT ? AS value", (value,))
    assert names == ("value",)
    assert rows == [(value,)]


def test_bytes_of_every_kind_are_blobs(raw: _strongroom.Catalog) -> None:
    given = (bytearray(b"ab"), memoryview(b"cd"))
    assert raw.fetch("SELECT ?, ?", given)[1] == [(b"ab", b"cd")]


def test_a_name_that_is_not_utf8_keeps_its_bytes(raw: _strongroom.Catalog) -> None:
    name = os.fsdecode(b"a\xffb")
    assert raw.fetch("SELECT ?", (name,))[1] == [(b"a\xffb",)]


@pytest.mark.parametrize(
    ("value", "error"), [(2**63, OverflowError), (object(), TypeError), ({}, TypeError)]
)
def test_values_that_are_refused(
    raw: _strongroom.Catalog, value: object, error: type[Exception]
) -> None:
    with pytest.raises(error):
        raw.fetch("SELECT ?", (value,))


def test_words_name_what_is_missing(raw: _strongroom.Catalog) -> None:
    with pytest.raises(strongroom.NotFoundError, match="'zoe'"):
        raw.client_by_name("zoe")


def test_a_cursor_ends_with_its_catalog(raw: _strongroom.Catalog) -> None:
    add_clients(raw, "anna", "bob")
    cursor = raw.client_list()
    assert next(cursor)[1] == "anna"
    raw.close()
    assert list(cursor) == []
    with pytest.raises(strongroom.ClosedError):
        raw.client_count()
    raw.close()


def test_dropped_cursors_give_their_reader_back(raw: _strongroom.Catalog) -> None:
    add_clients(raw, "anna", "bob")
    for _ in range(100):
        next(raw.client_list())
    gc.collect()
    assert raw.pool_statistics()[_strongroom.POOL_FIELDS.index("active")] == 0


def test_closing_waits_for_calls_of_other_threads(raw: _strongroom.Catalog) -> None:
    slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300000) SELECT count(*) FROM n"
    results: list[object] = []

    def read() -> None:
        try:
            while True:
                results.append(raw.fetch(slow)[1])
        except strongroom.ClosedError as error:
            results.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    while not results:
        pass
    raw.close()
    for thread in threads:
        thread.join()
    assert sum(isinstance(result, strongroom.ClosedError) for result in results) == 4
    assert all(r == [(300000,)] for r in results if not isinstance(r, Exception))


def test_the_log_arrives(tmp_path: Path) -> None:
    heard: list[tuple[int, str, str]] = []
    _strongroom.set_log(lambda *message: heard.append(message))
    try:
        _strongroom.Catalog(tmp_path / "new.db", create=True, migrate=True).close()
    finally:
        log.install()
    assert any(module == "migrate" and "version 1" in text for _, module, text in heard)


def test_a_transaction_goes_on_while_others_close(raw: _strongroom.Catalog) -> None:
    begun, closing = threading.Event(), threading.Event()

    def write() -> None:
        raw.begin()
        begun.set()
        closing.wait()
        while not raw.closed:
            pass
        add_clients(raw, "anna")
        raw.commit()
        with pytest.raises(strongroom.ClosedError):
            raw.client_count()

    writer = threading.Thread(target=write)
    path = raw.path
    writer.start()
    begun.wait()
    closing.set()
    raw.close()
    writer.join()
    assert _strongroom.Catalog(path).client_count() == 1


def test_closing_rolls_back_what_this_thread_has_open(raw: _strongroom.Catalog) -> None:
    path = raw.path
    raw.begin()
    raw.begin()
    add_clients(raw, "anna")
    raw.close()
    assert _strongroom.Catalog(path).client_count() == 0


def test_levels_are_kept_in_step(raw: _strongroom.Catalog) -> None:
    levels: list[str | None] = []
    raw.begin("test", levels)
    raw.begin("test", levels, "inner")
    assert levels == [None, "inner"]
    raw.commit(levels)
    assert levels == [None]
    raw.begin("test", levels, "inner")
    add_clients(raw, "anna")
    raw.undo(levels)
    assert levels == []
    assert not raw.in_transaction()
    assert raw.client_count() == 0
    raw.undo(levels)
