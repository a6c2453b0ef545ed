"""Clients, under the interface of old."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

import server.database
from server.database import DatabaseManager


def test_which_module_this_is() -> None:
    """These tests also run on a copy in another package."""
    if expected := os.environ.get("SERVER_IS_A_COPY"):
        assert Path(server.database.__file__).parent == Path(expected)


def test_a_client_comes_back(db: DatabaseManager) -> None:
    id = os.urandom(16)
    assert db.save_client_to_db(id, "anna", b"key", b"secret") is None
    found = db.get_client_by_id(id)
    assert found is not None
    assert type(found) is tuple and found[:3] == (id, "anna", b"key") and found[4] == b"secret"
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", found[3])
    assert db.get_client_by_name("anna") == found
    assert db.load_clients_from_db() == [found[:4]]
    assert db.get_all_clients() == [{"id": id.hex(), "name": "anna", "last_seen": found[3]}]
    assert db.get_total_clients_count() == 1


def test_a_client_without_keys(db: DatabaseManager) -> None:
    db.save_client_to_db(bytes(16), "anna", None, None)
    found = db.get_client_by_id(bytes(16))
    assert found is not None and found[2] is None and found[4] is None


def test_clients_that_are_not_there(db: DatabaseManager, caplog: pytest.LogCaptureFixture) -> None:
    assert db.get_client_by_id(os.urandom(16)) is None
    assert db.get_client_by_name("nobody") is None
    assert caplog.records == []
    assert db.load_clients_from_db() == [] and db.get_all_clients() == []
    id = os.urandom(16)
    assert db.update_client(id, name="x") is False
    assert db.delete_client(id) is False
    assert all(id.hex() in record.getMessage() for record in caplog.records)
    assert len(caplog.records) == 2


@pytest.mark.parametrize("id", [b"", b"short", None, 5, "no hex", b"x" * 17])
def test_ids_that_are_none(
    db: DatabaseManager, anna: bytes, id: object, caplog: pytest.LogCaptureFixture
) -> None:
    given: bytes = id  # type: ignore[assignment]
    assert db.get_client_by_id(given) is None
    assert db.save_client_to_db(given, "x", None, None) is None
    assert db.delete_client(given) is False
    assert db.get_client_files(given) == []
    assert len(caplog.records) == 4
    assert db.get_total_clients_count() == 1


def test_saving_again_replaces(db: DatabaseManager, anna: bytes) -> None:
    db.save_client_to_db(anna, "anne", b"new", None)
    found = db.get_client_by_id(anna)
    assert found is not None and found[:3] == (anna, "anne", b"new") and found[4] is None
    assert db.get_total_clients_count() == 1


def test_a_name_that_another_has(
    db: DatabaseManager, anna: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    db.save_client_to_db(os.urandom(16), "anna", None, None)
    assert "'anna'" in caplog.text
    assert [client[0] for client in db.load_clients_from_db()] == [anna]


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 256, os.fsdecode(b"a\xff"), "a\0b"])
def test_names_that_are_refused_are_named(
    db: DatabaseManager, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert db.save_client_to_db(os.urandom(16), name, None, None) is None
    assert db.get_total_clients_count() == 0
    assert "name of a client" in caplog.text


@pytest.mark.parametrize("name", ["Robert'); DROP TABLE clients;--", "ä" * 127, "🎂 %_"])
def test_names_that_are_odd(db: DatabaseManager, name: str) -> None:
    id = os.urandom(16)
    db.save_client_to_db(id, name, None, None)
    found = db.get_client_by_name(name)
    assert found is not None and found[:2] == (id, name)


def test_updating(db: DatabaseManager, anna: bytes) -> None:
    db.execute("UPDATE clients SET LastSeen = '2020-01-01T00:00:00Z'")
    assert db.update_client(anna, public_key=b"new") is True
    found = db.get_client_by_id(anna)
    assert found is not None
    assert found[1:3] == ("anna", b"new") and found[4] == b"a" * 32
    assert found[3] > "2020-01-02"
    assert db.update_client(anna, "anne") is True
    assert db.get_client_by_name("anne") is not None and db.get_client_by_name("anna") is None


def test_deleting_takes_the_files_along(db: DatabaseManager, anna: bytes) -> None:
    db.save_file_info_to_db(anna, "a", "received_files/a", True, 1, None)
    assert db.delete_client(anna) is True
    assert db.get_total_clients_count() == 0 and db.get_total_files_count() == 0


def test_many_clients_at_once(db: DatabaseManager, anna: bytes) -> None:
    fresh = [{"id": os.urandom(16), "name": f"client {i}", "public_key": b"k"} for i in range(50)]
    told = db.bulk_insert_clients([
        *fresh,
        {"id": anna, "name": "somebody else"},
        {"id": os.urandom(16), "name": "anna"},
        dict(fresh[0]),
    ])
    assert told == {
        "success": True, "data": {"inserted": 50, "attempted": 53, "skipped": 3}, "error": None
    }
    assert db.get_total_clients_count() == 51
    found = db.get_client_by_id(anna)
    assert found is not None and found[1] == "anna"
    found = db.get_client_by_name("client 7")
    assert found is not None and found[2] == b"k"


def test_what_is_no_client_is_left_out(
    db: DatabaseManager, caplog: pytest.LogCaptureFixture
) -> None:
    good = {"id": os.urandom(16).hex(), "name": "good", "last_seen": "2026-01-31T09:30:00Z"}
    told = db.bulk_insert_clients([
        {"name": "without an id"}, {"id": b"short", "name": "x"},
        {"id": os.urandom(16), "name": ""}, good, {"id": os.urandom(16), "name": 5},
    ])
    assert told["success"] is True
    assert told["data"] == {"inserted": 1, "attempted": 5, "skipped": 4}
    assert len(caplog.records) == 4
    assert db.get_all_clients() == [good]
    assert db.bulk_insert_clients([])["data"] == {"inserted": 0, "attempted": 0, "skipped": 0}


@pytest.mark.parametrize("one", [None, "x", 5, ("id", "name")])
def test_what_is_no_dictionary_is_left_out(
    db: DatabaseManager, one: Any, caplog: pytest.LogCaptureFixture
) -> None:
    told = db.bulk_insert_clients([one, {"id": os.urandom(16), "name": "good"}])
    assert told["data"] == {"inserted": 1, "attempted": 2, "skipped": 1}
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert repr(one) in caplog.text


@pytest.mark.parametrize("what", [None, 5])
def test_what_is_no_list_of_clients(
    db: DatabaseManager, what: Any, caplog: pytest.LogCaptureFixture
) -> None:
    told = db.bulk_insert_clients(what)
    assert told["success"] is False and type(what).__name__ in told["error"]
    assert told["data"] == {"inserted": 0, "attempted": 0, "skipped": 0}
    assert "adding clients" in caplog.text


def test_adding_many_is_all_or_nothing(
    db: DatabaseManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(dict[str, object]):
        def get(self, key: object, default: object = None) -> object:
            raise OSError("broken")

    told = db.bulk_insert_clients([{"id": os.urandom(16), "name": "first"}, Broken()])
    assert told["success"] is False and "broken" in told["error"]
    assert told["data"]["inserted"] == 0
    assert db.get_total_clients_count() == 0
