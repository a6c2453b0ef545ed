"""The catalog: opening, closing, threads, forks, signals."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import strongroom


def test_it_is_made_where_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    with pytest.raises(strongroom.NotFoundError, match="new.db"):
        strongroom.Catalog(path)
    assert not path.exists()
    with strongroom.Catalog(path, create=True) as catalog:
        assert catalog.path == str(path)
        assert catalog.schema_version >= 5
        assert not catalog.closed
        assert repr(catalog) == f"<Catalog '{path}'>"
    assert catalog.closed and repr(catalog) == "<Catalog, closed>"
    with strongroom.Catalog(os.fsencode(path)) as again:
        assert again.count_clients() == 0


def test_the_environment_says_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRONGROOM_DB", str(tmp_path / "env.db"))
    with strongroom.Catalog(create=True) as catalog:
        assert catalog.path == str(tmp_path / "env.db")


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"pool_size": -1}, strongroom.InvalidError),
        ({"timeout": -1.0}, strongroom.InvalidError),
        ({"durability": "some"}, ValueError),
        ({"pool_size": "five"}, TypeError),
        ({"colour": "red"}, TypeError),
    ],
)
def test_options_that_make_no_sense(
    tmp_path: Path, options: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        strongroom.Catalog(tmp_path / "a.db", create=True, **options)  # type: ignore[arg-type]


def test_what_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "text.db"
    path.write_text("this is no database, and long enough to be seen as none " * 20)
    with pytest.raises(strongroom.Error) as caught:
        strongroom.Catalog(path).count_clients()
    assert caught.value.status in ("corrupt", "wrong key")
    assert "text.db" in str(caught.value)


def test_reading_only(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with strongroom.Catalog(path, create=True) as catalog:
        catalog.add_client("laptop")
    before = sorted(os.listdir(tmp_path))
    with strongroom.Catalog(path, read_only=True) as catalog:
        assert [client.name for client in catalog.clients()] == ["laptop"]
        with pytest.raises(strongroom.ReadOnlyError):
            catalog.add_client("server")
        assert sorted(os.listdir(tmp_path)) == before


def test_a_closed_catalog(tmp_path: Path) -> None:
    catalog = strongroom.Catalog(tmp_path / "a.db", create=True)
    catalog.add_client("laptop")
    rows = catalog.clients()
    search = catalog.search("x")
    assert next(rows).name == "laptop"
    catalog.close()
    catalog.close()
    assert list(rows) == []
    calls: list[Callable[[], object]] = [
        catalog.count_clients,
        search.count,
        lambda: next(search),
        lambda: catalog.path,
    ]
    for call in calls:
        with pytest.raises(strongroom.ClosedError):
            call()


def test_an_exception_closes_it(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        with strongroom.Catalog(tmp_path / "a.db", create=True) as catalog:
            1 / 0  # noqa: B018
    assert catalog.closed


def test_errors_are_of_their_kind(catalog: strongroom.Catalog) -> None:
    with pytest.raises(strongroom.ExistsError, match="'laptop'") as caught:
        catalog.add_client("laptop")
    assert isinstance(caught.value, strongroom.Error)
    assert caught.value.status == "exists"
    with pytest.raises(LookupError):
        catalog.client("nobody")
    with pytest.raises(ValueError):
        catalog.set_quota("laptop", "ten")


def test_many_threads(catalog: strongroom.Catalog) -> None:
    def save(number: int) -> int:
        with catalog.transaction(f"thread {number}"):
            catalog.save_files("laptop", [{"name": f"{number}-{i}", "size": 1} for i in range(50)])
        assert catalog.quota("laptop").used_bytes >= 50
        return sum(1 for _ in catalog.search(f"{number}-4"))

    with concurrent.futures.ThreadPoolExecutor(16) as executor:
        found = list(executor.map(save, range(40)))
    assert all(count >= 11 for count in found)
    assert catalog.search().count() == (2000, 2000)
    assert catalog.pool().active == 0


def test_an_iterator_belongs_to_one_thread_at_a_time(catalog: strongroom.Catalog) -> None:
    catalog.save_files("laptop", ({"name": str(i)} for i in range(1000)))
    seen: list[str] = []
    for rows in [catalog.files()]:
        for _ in range(3):
            thread = threading.Thread(target=lambda: seen.append(next(rows).name))
            thread.start()
            thread.join()
        seen += [file.name for file in rows]
    assert seen == [str(i) for i in range(1000)]


def in_child(catalog: strongroom.Catalog, answers: multiprocessing.SimpleQueue[str]) -> None:
    try:
        catalog.count_clients()
    except strongroom.ForkedError as error:
        answers.put(f"forked: {error}")
    path = os.environ["TEST_CATALOG"]
    with strongroom.Catalog(path) as fresh:
        fresh.add_client("of the child")
        answers.put(str(fresh.count_clients()))
    catalog.close()


def test_a_fork(catalog: strongroom.Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_CATALOG", catalog.path)
    context = multiprocessing.get_context("fork")
    answers: multiprocessing.SimpleQueue[str] = context.SimpleQueue()
    child = context.Process(target=in_child, args=(catalog, answers))
    child.start()
    assert answers.get().startswith("forked: ")
    assert answers.get() == "2"
    child.join()
    assert child.exitcode == 0
    assert [client.name for client in catalog.clients()] == ["laptop", "of the child"]


def test_processes_of_an_executor(catalog: strongroom.Catalog) -> None:
    catalog.save_files("laptop", ({"name": str(i)} for i in range(10)))
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as executor:
        names = list(executor.map(names_of, [catalog.path] * 4))
    assert names == [[str(i) for i in range(10)]] * 4


def names_of(path: str) -> list[str]:
    with strongroom.Catalog(path, read_only=True) as catalog:
        return [file.name for file in catalog.files()]


def test_old_databases_are_read_and_upgraded(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    old = sqlite3.connect(path)
    old.executescript(
        """
        CREATE TABLE clients (ID BLOB(16) PRIMARY KEY, Name VARCHAR(255) NOT NULL,
            PublicKey BLOB(160), LastSeen TEXT NOT NULL, AESKey BLOB(32));
        CREATE TABLE files (ID BLOB(16) NOT NULL, FileName VARCHAR(255) NOT NULL,
            PathName VARCHAR(255) NOT NULL, Verified BOOLEAN DEFAULT 0, FileSize INTEGER,
            ModificationDate TEXT, CRC INTEGER, PRIMARY KEY (ID, FileName),
            FOREIGN KEY (ID) REFERENCES clients (ID) ON DELETE CASCADE);
        INSERT INTO clients VALUES (zeroblob(16), 'laptop', NULL, '2026-01-31T09:30:00Z', NULL);
        INSERT INTO files VALUES (zeroblob(16), 'a.txt', 'a.txt', 1, 5, '2026-01-31', 7);
        """
    )
    old.close()
    with strongroom.Catalog(path) as catalog:
        assert catalog.schema_version < 5
        [file] = catalog.search("A.TXT")
        assert (file.id, file.size, file.client_name) == (None, 5, "laptop")
        with pytest.raises(strongroom.TooOldError, match="migrate"):
            catalog.save_file("laptop", "b")
    with strongroom.Catalog(path, migrate=True) as catalog:
        catalog.save_file("laptop", "b")
        assert catalog.search().count().files == 2
    assert any("backup" in name for name in os.listdir(tmp_path))
