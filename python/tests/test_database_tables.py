"""The table editor, under the interface of old."""

from __future__ import annotations

import os
from typing import Any

import pytest

from server.database import DatabaseManager

EVIL = [
    'clients"; DROP TABLE files; --', "clients WHERE 1=1", "sqlite_master", "nosuch", "", "clients'"
]


def test_names(db: DatabaseManager) -> None:
    names = db.get_table_names()
    assert {"clients", "files", "metrics_history", "file_versions"} <= set(names)
    assert names == sorted(names) and not any(name.startswith("sqlite_") for name in names)


def test_schema(db: DatabaseManager) -> None:
    assert db.get_table_schema("clients")[:2] == [
        {"cid": 0, "name": "ID", "type": "BLOB(16)", "notnull": 0, "default": None, "pk": 1},
        {"cid": 1, "name": "Name", "type": "VARCHAR(255)", "notnull": 1, "default": None, "pk": 0},
    ]


def test_the_key_of_files_is_its_id(db: DatabaseManager) -> None:
    columns = db.get_table_schema("files")
    assert [column["name"] for column in columns[:8]] == [
        "ID", "FileName", "PathName", "Verified", "FileSize", "ModificationDate", "CRC", "ClientID"
    ]
    assert [column["name"] for column in columns if column["pk"]] == ["ID"]
    assert columns[3]["default"] == "0"


def test_content(db: DatabaseManager, anna: bytes) -> None:
    db.save_client_to_db(bytes(16), "bob", None, None)
    columns, rows = db.get_table_content("clients")
    assert columns == ["ID", "Name", "PublicKey", "LastSeen", "AESKey"]
    assert [set(row) for row in rows] == [set(columns)] * 2
    by_name = {row["Name"]: row for row in rows}
    assert by_name["anna"]["ID"] == anna.hex()
    assert by_name["anna"]["PublicKey"] == (b"k" * 160).hex()
    assert by_name["bob"]["PublicKey"] == by_name["bob"]["AESKey"] == ""


def test_content_ends_at_a_thousand(db: DatabaseManager) -> None:
    db.execute_many(
        "INSERT INTO metrics_history (timestamp, metric_name, value) VALUES ('x', 'y', ?)",
        [(i,) for i in range(1200)],
    )
    assert len(db.get_table_content("metrics_history")[1]) == 1000


def test_one_row(db: DatabaseManager, anna: bytes) -> None:
    row = db.get_row_by_primary_key("clients", anna.hex())
    assert row is not None and row["Name"] == "anna"
    assert db.get_row_by_primary_key("clients", anna) == row
    assert db.get_row_by_primary_key("clients", "00" * 16) is None
    db.save_file_info_to_db(anna, "a\n", "received_files/a", True, 5, None)
    [file] = db.get_table_content("files")[1]
    assert db.get_row_by_primary_key("files", file["ID"]) == file
    assert file["FileName"] == "a\n" and file["CRC"] == ""


def test_changing_a_row(db: DatabaseManager, anna: bytes) -> None:
    before = db.get_row_by_primary_key("clients", anna.hex())
    assert before is not None
    assert db.update_table_row("clients", anna.hex(), before | {"Name": "anne"}) is True
    assert db.update_table_row("clients", anna, {"PublicKey": "0102", "AESKey": ""}) is True
    found = db.get_client_by_id(anna)
    assert found is not None
    assert found[1:3] == ("anne", b"\1\2") and found[4] is None
    assert db.update_table_row("clients", anna, {"AESKey": ""}) is True
    assert db.update_table_row("clients", anna, {}) is True
    assert db.update_table_row("clients", "00" * 16, {"Name": "x"}) is False
    db.save_file_info_to_db(anna, "a", "received_files/a", False, 5, None)
    [file] = db.get_table_content("files")[1]
    assert db.update_table_row("files", file["ID"], {"FileSize": "7", "Verified": 1, "CRC": ""})
    info = db.get_file_info(anna.hex(), "a")
    assert info is not None and (info["size"], info["verified"], info["crc"]) == (7, True, None)


@pytest.mark.parametrize("changes", ["", None, 5, ["Name"], [("Name", "x")]])
def test_changes_that_are_no_dictionary(
    db: DatabaseManager, anna: bytes, changes: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert db.update_table_row("clients", anna, changes) is False
    assert repr(changes) in caplog.text


def test_deleting_a_row(db: DatabaseManager, anna: bytes) -> None:
    db.save_file_info_to_db(anna, "a", "received_files/a", False, 5, None)
    [file] = db.get_table_content("files")[1]
    assert db.delete_table_row("files", file["ID"]) is True
    assert db.delete_table_row("files", file["ID"]) is False
    db.save_file_info_to_db(anna, "b", "received_files/b", False, 5, None)
    assert db.delete_table_row("clients", anna.hex()) is True
    assert db.get_database_stats()["total_files"] == 0


def test_rows_by_a_number_and_by_several_columns(db: DatabaseManager, anna: bytes) -> None:
    number = db.execute(
        "INSERT INTO metrics_history (timestamp, metric_name, value) VALUES ('x', 'y', 1)",
        commit=True,
    ).lastrowid
    assert db.update_table_row("metrics_history", number, {"value": 2.5}) is True
    row = db.get_row_by_primary_key("metrics_history", str(number))
    assert row is not None and row["value"] == 2.5
    db.execute("CREATE TABLE pairs (a TEXT, b INTEGER, c TEXT, PRIMARY KEY (b, a))", commit=True)
    db.execute("INSERT INTO pairs VALUES ('x', 1, 'y')", commit=True)
    assert db.get_row_by_primary_key("pairs", (1, "x")) == {"a": "x", "b": 1, "c": "y"}
    assert db.get_row_by_primary_key("pairs", 1) is None
    assert db.delete_table_row("pairs", [1, "x"]) is True


@pytest.mark.parametrize("table", EVIL)
def test_names_of_tables_cannot_inject(
    db: DatabaseManager, anna: bytes, table: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert db.get_table_schema(table) == []
    assert db.get_table_content(table) == ([], [])
    assert db.get_row_by_primary_key(table, anna) is None
    assert db.update_table_row(table, anna, {"Name": "x"}) is False
    assert db.delete_table_row(table, anna) is False
    assert len(caplog.records) == 5
    assert all(repr(table) in record.getMessage() for record in caplog.records)
    assert db.get_client_by_name("anna") is not None and "files" in db.get_table_names()


@pytest.mark.parametrize("column", ["Name = 'x' --", 'Name" = 1, "AESKey', "nosuch", "", "name "])
def test_names_of_columns_cannot_inject(
    db: DatabaseManager, anna: bytes, column: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert db.update_table_row("clients", anna, {"Name": "changed", column: "x"}) is False
    assert repr(column) in caplog.text
    assert db.get_client_by_name("anna") is not None


def test_values_cannot_inject(db: DatabaseManager, anna: bytes) -> None:
    evil = "x', AESKey = x'00' WHERE 1=1; --"
    assert db.update_table_row("clients", anna, {"Name": evil}) is True
    found = db.get_client_by_id(anna)
    assert found is not None and found[1] == evil and found[4] == b"a" * 32
    assert db.get_row_by_primary_key("clients", "x' OR 1=1 --") is None


def test_a_table_with_an_odd_name(db: DatabaseManager) -> None:
    db.execute('CREATE TABLE "odd ""name;" (id INTEGER PRIMARY KEY, "a ""b" TEXT)', commit=True)
    db.execute('INSERT INTO "odd ""name;" VALUES (1, NULL)', commit=True)
    assert db.get_table_content('odd "name;') == (["id", 'a "b'], [{"id": 1, 'a "b': ""}])
    assert db.update_table_row('odd "name;', 1, {'a "b': "x"}) is True
    assert db.get_row_by_primary_key('odd "name;', 1) == {"id": 1, 'a "b': "x"}


def test_a_table_without_a_key(db: DatabaseManager, caplog: pytest.LogCaptureFixture) -> None:
    db.execute("CREATE TABLE loose (a TEXT)", commit=True)
    assert db.get_row_by_primary_key("loose", 1) is None
    assert db.delete_table_row("loose", os.urandom(16)) is False
    assert "'loose' has no primary key" in caplog.text
