"""Files: saving, finding, verifying, deleting them."""

from __future__ import annotations

import datetime
import os
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

import strongroom


def test_every_field(catalog: strongroom.Catalog) -> None:
    given: dict[str, Any] = {
        "name": "a.txt", "path": "received_files/a", "original_path": "/home/ann/a.txt", "size": "1.5K",
        "date": datetime.datetime(2026, 1, 31, 9, 30, tzinfo=datetime.timezone.utc), "crc": 7,
        "hash": "ab" * 32, "verified": True, "category": "image", "mime_type": "text/plain",
        "extension": "txt", "transfer_duration": 5, "transfer_speed": 6, "compression_ratio": 0.5,
        "modified_ns": 1_700_000_000_000_000_001, "inode": 99, "stored": False,
    }
    saved = catalog.save_file("laptop", **given)
    assert saved.outcome == "added"
    file = catalog.file("laptop", "/home/ann/a.txt")
    assert file == catalog.file_by_id(saved.id) == catalog.file_by_id(saved.id.hex())
    expected = given | {"size": 1536, "date": "2026-01-31T09:30:00Z"}
    assert {name: file[name] for name in given} == expected
    assert file.modified == given["date"]
    assert file.key == "/home/ann/a.txt"
    assert file.client_name == "laptop" and file.versions == 1 and not file.missing
    assert file.recorded is not None
    assert list(catalog.files()) == list(catalog.files("laptop")) == [file]


def test_saving_again(catalog: strongroom.Catalog) -> None:
    first = catalog.save_file("laptop", "a", size=1, crc=1)
    assert catalog.save_file("laptop", "a", size=1, crc=1) == ("unchanged", first.id)
    assert catalog.save_file("laptop", "a", size=2, crc=2) == ("changed", first.id)
    assert catalog.file("laptop", "a").versions == 2


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"name": "a", "size": "ten"}, strongroom.InvalidError),
        ({"name": "a", "size": -1}, strongroom.InvalidError),
        ({"name": "a", "size": 2**64}, OverflowError),
        ({"name": "a", "date": datetime.datetime(2026, 1, 31)}, strongroom.InvalidError),
        ({"name": "a", "date": 5}, TypeError),
        ({"name": 5}, TypeError),
        ({"name": ""}, strongroom.InvalidError),
        ({}, strongroom.InvalidError),
        ({"name": "a", "hash": "xyz"}, strongroom.InvalidError),
        ({"name": "a", "colour": 5}, TypeError),
    ],
)
def test_files_that_are_none(
    catalog: strongroom.Catalog, given: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        catalog.save_file("laptop", **given)
    with pytest.raises(error):
        catalog.save_files("laptop", [{"name": "good"}, given])
    assert list(catalog.files()) == []


def test_names_that_are_not_utf8(catalog: strongroom.Catalog) -> None:
    name = os.fsdecode(b"caf\xe9\n.txt")
    catalog.save_file("laptop", name)
    catalog.save_file("laptop", b"bytes\xff")
    catalog.save_file("laptop", Path("a path"))
    assert {file.name for file in catalog.files()} == {name, os.fsdecode(b"bytes\xff"), "a path"}
    assert catalog.file("laptop", os.fsencode(name)).name == name
    assert [file.name for file in catalog.search("CAF")] == [name]
    catalog.delete_file("laptop", name)
    with pytest.raises(strongroom.NotFoundError):
        catalog.file("laptop", name)


def test_quota_refuses_one_and_saves_the_others(catalog: strongroom.Catalog) -> None:
    catalog.set_quota("laptop", 10)
    with pytest.raises(strongroom.QuotaError, match="'big'"):
        catalog.save_file("laptop", "big", size=11)
    saved = catalog.save_files("laptop", [{"name": "big", "size": 11}, {"name": "small", "size": 10}])
    assert saved == (1, 0, 0, 1)
    assert [file.name for file in catalog.files()] == ["small"]


def test_many_are_taken_as_they_come(catalog: strongroom.Catalog) -> None:
    taken: list[int] = []

    def files() -> Any:
        for i in range(2500):
            taken.append(catalog.search().count().files)
            yield {"name": str(i)}

    assert catalog.save_files("laptop", files()).added == 2500
    assert sorted(set(taken)) == [0, 1000, 2000]


def test_rows_can_be_saved_elsewhere(catalog: strongroom.Catalog) -> None:
    catalog.save_files("laptop", [{"name": "a", "size": 1, "stored": False}, {"name": "b", "crc": 5}])
    catalog.add_client("copy")
    assert catalog.save_files("copy", catalog.files("laptop")).added == 2
    assert catalog.file("copy", "a").stored is False
    assert catalog.file("copy", "b").crc == 5


def test_a_transaction_is_all_or_nothing(catalog: strongroom.Catalog) -> None:
    with pytest.raises(ZeroDivisionError):
        with catalog.transaction():
            catalog.save_files("laptop", ({"name": str(i)} for i in range(1500)))
            assert catalog.in_transaction()
            assert catalog.search().count().files == 1500
            1 / 0  # noqa: B018
    assert not catalog.in_transaction()
    assert catalog.search().count().files == 0
    with catalog.transaction():
        catalog.save_file("laptop", "kept")
        with pytest.raises(ZeroDivisionError):
            with catalog.transaction():
                catalog.save_file("laptop", "not kept")
                1 / 0  # noqa: B018
    assert [file.name for file in catalog.files()] == ["kept"]


def test_verifying_and_deleting(catalog: strongroom.Catalog, tmp_path: Path) -> None:
    stored = tmp_path / "received_files" / "a"
    stored.parent.mkdir()
    stored.write_bytes(b"abc")
    catalog.save_file("laptop", "a", path="received_files/a", size=3)
    catalog.verify_file("laptop", "a")
    assert catalog.file("laptop", "a").verified
    stored.write_bytes(b"abd")
    with pytest.raises(strongroom.CorruptError, match="received_files/a"):
        catalog.verify_file("laptop", "a")
    assert not catalog.file("laptop", "a").verified
    catalog.set_verified("laptop", "a", crc=5)
    assert catalog.file("laptop", "a")["crc"] == 5
    catalog.delete_file("laptop", "a", stored=True)
    assert not stored.exists()
    catalog.save_file("laptop", "out", path="../../etc/passwd")
    with pytest.raises(strongroom.RefusedError):
        catalog.delete_file("laptop", "out", stored=True)
    catalog.delete_file("laptop", "out")
    assert list(catalog.files()) == []


def test_where_relative_paths_start(tmp_path: Path) -> None:
    (tmp_path / "base" / "received_files").mkdir(parents=True)
    (tmp_path / "base" / "received_files" / "a").write_bytes(b"abc")
    with strongroom.Catalog(tmp_path / "c.db", create=True, base_dir=tmp_path / "base") as opened:
        opened.add_client("laptop")
        opened.save_file("laptop", "a", path="received_files/a", size=3)
        opened.verify_file("laptop", "a")
    with strongroom.Catalog(tmp_path / "c.db") as opened:
        with pytest.raises(strongroom.NotFoundError):
            opened.verify_file("laptop", "a")


def test_folders(catalog: strongroom.Catalog) -> None:
    for path in ("/home/ann/a.txt", "/home/ann/b/c.txt", "/home/x"):
        catalog.save_file("laptop", original_path=path, size=2, date="2026-01-31")
    [home] = catalog.folder("laptop")
    assert (home.name, home.is_folder, home.files, home.bytes, home.file) == ("home", True, 3, 6, None)
    assert home.modified is not None
    found = list(catalog.folder("laptop", "/home/ann/"))
    assert [(e.name, e.is_folder) for e in found] == [("a.txt", False), ("b", True)]
    assert found[0].file == catalog.file("laptop", "/home/ann/a.txt")
    names = [entry.name for entry in catalog.folder("laptop", "/home", recursive=True)]
    assert names == ["ann/a.txt", "ann/b/c.txt", "x"]
    with pytest.raises(strongroom.NotFoundError):
        list(catalog.folder("laptop", "/nowhere"))


def test_memory_does_not_grow_with_rows(catalog: strongroom.Catalog) -> None:
    catalog.save_files("laptop", ({"name": f"{i}.txt", "size": i} for i in range(100_000)))

    def peak(rows: Any) -> int:
        tracemalloc.start()
        try:
            assert sum(1 for _ in rows) == 100_000
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    for rows in (
        map(dict, catalog.files()),
        catalog.search(type="txt"),
        catalog.sql("SELECT FileName, FileSize FROM files"),
    ):
        assert peak(rows) < 500_000
    resident = Path("/proc/self/statm")
    pages = int(resident.read_text().split()[1])
    assert sum(1 for _ in catalog.search(sort="name")) == 100_000
    grown = (int(resident.read_text().split()[1]) - pages) * os.sysconf("SC_PAGESIZE")
    assert grown < 20_000_000
