"""Files, under the interface of old."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from server.database import DatabaseManager

DATE = "2026-01-31T09:30:00"


def save(
    db: DatabaseManager, client: bytes, name: str, size: int | None = 3, verified: bool = False,
    date: str | None = DATE, crc: int | None = None,
) -> None:
    db.save_file_info_to_db(client, name, f"received_files/{name}", verified, size, date, crc)


def test_a_file_comes_back(db: DatabaseManager, anna: bytes) -> None:
    assert db.save_file_info_to_db(
        anna, "a.txt", "received_files/a.txt", True, 1234, DATE, 4294967295
    ) is None
    path = "received_files/a.txt"
    assert db.get_client_files(anna) == [("a.txt", path, True)]
    assert type(db.get_client_files(anna)[0]) is tuple
    brief = {"filename": "a.txt", "path": path, "verified": True}
    assert db.get_files_for_client(anna.hex()) == [brief]
    whole = brief | {"client": "anna", "size": 1234, "date": DATE}
    assert db.get_all_files() == [whole | {"client_id": anna}]
    assert db.get_file_info(anna.hex(), "a.txt") == whole | {"crc": 4294967295}
    assert db.get_total_files_count() == 1


def test_what_is_not_known_is_null(db: DatabaseManager, anna: bytes) -> None:
    db.save_file_info_to_db(anna, "a", "received_files/a", False, None, None)
    db.save_file_info_to_db(anna, "b", "", False, None, "")
    found = db.get_file_info(anna.hex(), "a")
    assert found is not None
    assert found["size"] is None and found["date"] is None and found["crc"] is None
    assert found["verified"] is False
    assert db.get_file_info(anna.hex(), "b") is not None


@pytest.mark.parametrize(
    "name",
    ["a\nb", os.fsdecode(b"\xff\xfe.txt"), "x'; DROP TABLE files;--", "ä" * 500, "%_", "\x1b[31m",
     "a/b"],
)
def test_names_are_bytes(db: DatabaseManager, anna: bytes, name: str) -> None:
    save(db, anna, name, crc=1)
    path = f"received_files/{name}"
    assert db.get_client_files(anna) == [(name, path, False)]
    assert db.update_file_verification(anna.hex(), name, True, 7) is True
    found = db.get_file_info(anna.hex(), name)
    assert found is not None and (found["path"], found["verified"], found["crc"]) == (path, True, 7)
    assert [hit["filename"] for hit in db.search_files_advanced(search_term=name)] == [name]
    assert db.delete_file_record(anna, name) is True
    assert db.get_all_files() == []


def test_clients_have_files_of_their_own(db: DatabaseManager, anna: bytes) -> None:
    bob = os.urandom(16)
    db.save_client_to_db(bob, "bob", None, None)
    save(db, anna, "same", 1)
    save(db, bob, "same", 2)
    assert db.delete_file_record(anna, "same") is True
    assert db.get_client_files(anna) == []
    found = db.get_file_info(bob.hex(), "same")
    assert found is not None and found["size"] == 2


def test_ids_may_be_bytes_or_hex(db: DatabaseManager, anna: bytes) -> None:
    save(db, anna, "a")
    assert len(db.get_client_files(anna.hex())) == 1  # type: ignore[arg-type]
    assert len(db.get_files_for_client(anna)) == 1  # type: ignore[arg-type]
    assert db.get_file_info(anna.hex().upper(), "a") is not None


def test_verification(
    db: DatabaseManager, anna: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    save(db, anna, "a", crc=1)
    assert db.update_file_verification(anna.hex(), "a", True, 9) is True
    assert db.get_client_files(anna) == [("a", "received_files/a", True)]
    assert db.update_file_verification(anna.hex(), "a", False, None) is True
    found = db.get_file_info(anna.hex(), "a")
    assert found is not None and (found["verified"], found["crc"]) == (False, 9)
    assert db.update_file_verification(anna.hex(), "b", True, 9) is False
    assert db.update_file_verification("00" * 16, "a", True, 9) is False
    assert "'b'" in caplog.text and "00" * 16 in caplog.text


@pytest.mark.parametrize(
    ("size", "crc", "words"),
    [(-1, None, "-1"), (3, 2**32, "4294967296"), (2**70, None, "int"), ("3", None, "integer")],
)
def test_values_that_are_refused(
    db: DatabaseManager, anna: bytes, size: int, crc: int | None, words: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert db.save_file_info_to_db(anna, "a", "received_files/a", False, size, DATE, crc) is None
    assert db.get_all_files() == []
    assert words in caplog.text


def test_files_of_nobody(db: DatabaseManager, caplog: pytest.LogCaptureFixture) -> None:
    save(db, bytes(16), "a")
    assert "00" * 16 in caplog.text
    assert db.get_all_files() == []
    assert db.get_file_info("00" * 16, "a") is None
    assert db.get_files_for_client("00" * 16) == []
    assert db.delete_file_record(bytes(16), "a") is False
    assert db.delete_file("00" * 16, "a") is False


def test_no_client_has_no_files(
    db: DatabaseManager, anna: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """A look-up that found nobody must not show everybody's files."""
    save(db, anna, "a")
    assert db.get_client_files(None) == []  # type: ignore[arg-type]
    assert db.get_files_for_client(None) == []  # type: ignore[arg-type]
    assert caplog.text.count("not None") == 2


def test_deleting_a_file_and_its_record(db: DatabaseManager, anna: bytes, tmp_path: Path) -> None:
    db.ensure_storage_dir()
    stored = tmp_path / "received_files" / "a"
    stored.write_bytes(b"abc")
    (tmp_path / "received_files" / "b").write_bytes(b"abc")
    save(db, anna, "a")
    save(db, anna, "b")
    assert db.delete_file(anna.hex(), "a") is True
    assert not stored.exists()
    assert [name for name, _, _ in db.get_client_files(anna)] == ["b"]
    assert db.delete_file(anna.hex(), "a") is False
    assert db.delete_file_record(anna, "b") is True
    assert (tmp_path / "received_files" / "b").exists()


def test_nothing_outside_the_storage_folder_is_deleted(
    db: DatabaseManager, anna: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    db.ensure_storage_dir()
    outside = tmp_path / "outside"
    outside.write_text("keep me")
    db.save_file_info_to_db(anna, "a", "received_files/../outside", True, 7, DATE)
    assert db.delete_file(anna.hex(), "a") is False
    assert outside.read_text() == "keep me"
    assert db.get_file_info(anna.hex(), "a") is not None
    assert "outside" in caplog.text


def test_over_the_quota(
    db: DatabaseManager, anna: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    db.execute(
        "INSERT OR REPLACE INTO client_quotas (ClientID, QuotaBytes, UsedBytes, LastUpdated) "
        "VALUES (?, 10, 0, '2026-01-01')", (anna,), commit=True,
    )
    save(db, anna, "small", 10)
    save(db, anna, "large", 1)
    assert [file["filename"] for file in db.get_all_files()] == ["small"]
    assert "'large'" in caplog.text and "anna" in caplog.text


# ---- Searching


@pytest.fixture
def found(db: DatabaseManager, anna: bytes) -> DatabaseManager:
    """With some files in it."""
    bob = os.urandom(16)
    db.save_client_to_db(bob, "Bob's Laptop", None, None)
    save(db, anna, "report.txt", 100, True, "2026-01-10T10:00:00", 1)
    save(db, anna, "Photo.JPG", 5000, False, "2026-01-20T10:00:00")
    save(db, bob, "report.pdf", 2000, True, "2026-01-15")
    save(db, bob, "100%_sure", None, False, None)
    return db


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["Photo.JPG", "report.pdf", "report.txt", "100%_sure"]),
        ({"search_term": "REPORT"}, ["report.pdf", "report.txt"]),
        ({"search_term": "received_files/p"}, ["Photo.JPG"]),
        ({"search_term": "%_"}, ["100%_sure"]),
        ({"file_type": "jpg"}, ["Photo.JPG"]),
        ({"file_type": ".TXT"}, ["report.txt"]),
        ({"client_name": "LAPTOP"}, ["report.pdf", "100%_sure"]),
        ({"client_name": "nobody"}, []),
        ({"date_from": "2026-01-15"}, ["Photo.JPG", "report.pdf"]),
        ({"date_to": "2026-01-15"}, ["report.pdf", "report.txt"]),
        ({"date_from": "2026-01-10T10:00:00", "date_to": "2026-01-10T10:00:00"}, ["report.txt"]),
        ({"min_size": 2000}, ["Photo.JPG", "report.pdf"]),
        ({"max_size": 2000}, ["report.pdf", "report.txt"]),
        ({"verified_only": True, "client_name": "ann"}, ["report.txt"]),
    ],
)
def test_searching(found: DatabaseManager, query: dict[str, object], names: list[str]) -> None:
    hits = found.search_files_advanced(**query)  # type: ignore[arg-type]
    assert [hit["filename"] for hit in hits] == names


def test_what_a_search_tells(found: DatabaseManager) -> None:
    [hit] = found.search_files_advanced("report.txt")
    assert hit == {
        "filename": "report.txt", "path": "received_files/report.txt", "size": 100,
        "date": "2026-01-10T10:00:00", "verified": True, "crc": 1, "client": "anna",
        "category": "document", "mime_type": None, "extension": "txt",
        "transfer_duration": None, "transfer_speed": None,
    }


def test_a_search_ends_at_a_thousand(db: DatabaseManager, anna: bytes) -> None:
    db.execute_many(
        "INSERT INTO files (ID, FileName, PathName, ModificationDate, ClientID) "
        "VALUES (?, ?, ?, ?, ?)",
        [(os.urandom(16), f"{i:04}", "p", f"2026-01-31T00:{i // 60:02}:{i % 60:02}", anna)
         for i in range(1500)],
    )
    hits = db.search_files_advanced()
    assert [hit["filename"] for hit in hits] == [f"{i:04}" for i in range(1499, 499, -1)]


def test_dates_that_are_none(
    db: DatabaseManager, anna: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    save(db, anna, "a")
    assert db.search_files_advanced(date_from="last week") == []
    assert "'last week'" in caplog.text
