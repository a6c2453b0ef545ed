"""Searches and sums of the compatible module beside a model of what its documentation says."""

from __future__ import annotations

import random
import unicodedata
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

import pytest

from server.database import DatabaseManager

WORDS = ("report", "Bild", "straße", "data_1", "a%b", "Photo", "ÜBER", "x")
TYPES = ("txt", "JPG", "tar.gz", "", None)
QUERIES = 150


class File(NamedTuple):
    """A file as it was saved."""

    name: str
    size: int | None
    date: str | None
    verified: bool
    crc: int | None
    client: str


def fold(text: str) -> str:
    return unicodedata.normalize("NFC", text.casefold())


def instant(date: str) -> datetime:
    return datetime.fromisoformat(date).replace(tzinfo=timezone.utc)


def day(chance: random.Random) -> str:
    return f"2026-{chance.randrange(1, 9):02}-{chance.randrange(1, 28):02}"


def fill(db: DatabaseManager, chance: random.Random) -> list[File]:
    ids = {}
    for name in ("Anna", "bert", "ÄRGER", "Anna2"):
        ids[name] = chance.randbytes(16)
        db.save_client_to_db(ids[name], name, b"", b"")
    files: dict[tuple[str, str], File] = {}
    for _ in range(400):
        client, kind = chance.choice(list(ids)), chance.choice(TYPES)
        name = chance.choice(WORDS) + str(chance.randrange(60)) + (f".{kind}" if kind else "")
        date = chance.choice([None, day(chance), f"{day(chance)}T{chance.randrange(24):02}:30:00"])
        file = File(
            name, chance.choice([None, 0, chance.randrange(5000)]), date, chance.random() < 0.5,
            chance.choice([None, chance.randrange(2**32)]), client,
        )
        if (client, name) not in files:
            files[client, name] = file
            db.save_file_info_to_db(
                ids[client], name, f"received_files/{name}", file.verified, file.size, date, file.crc
            )
    return list(files.values())


def ask(chance: random.Random) -> dict[str, Any]:
    """Some of the filters."""
    filters = {
        "search_term": chance.choice([*WORDS, "1", "received", "ü", "SS", "_", ".TXT"]),
        "file_type": chance.choice(["txt", ".txt", "jpg", "gz", "TXT"]),
        "client_name": chance.choice(["an", "ANNA", "rge", "ä", "zzz", "2"]),
        "date_from": day(chance),
        "date_to": chance.choice([day(chance), f"{day(chance)}T12:00:00"]),
        "min_size": chance.randrange(1, 4000),
        "max_size": chance.randrange(1, 5000),
        "verified_only": True,
    }
    return {name: value for name, value in filters.items() if chance.random() < 0.3}


def last_moment(date: str) -> datetime:
    """Of a day, or the moment itself."""
    whole = timedelta(0) if "T" in date else timedelta(days=1, microseconds=-1)
    return instant(date) + whole


def matches(file: File, query: dict[str, Any]) -> bool:
    term = fold(query.get("search_term", ""))
    if term not in fold(file.name) and term not in fold(f"received_files/{file.name}"):
        return False
    if kind := query.get("file_type", "").lstrip(".").lower():
        if not file.name.lower().endswith("." + kind):
            return False
    if fold(query.get("client_name", "")) not in fold(file.client):
        return False
    if "date_from" in query or "date_to" in query:
        if file.date is None:
            return False
        if "date_from" in query and instant(file.date) < instant(query["date_from"]):
            return False
        if "date_to" in query and instant(file.date) > last_moment(query["date_to"]):
            return False
    if "min_size" in query and (file.size is None or file.size < query["min_size"]):
        return False
    if "max_size" in query and (file.size is None or file.size > query["max_size"]):
        return False
    return file.verified or "verified_only" not in query


@pytest.mark.parametrize("seed", [1, 2])
def test_searches_find_what_the_model_finds(db: DatabaseManager, seed: int) -> None:
    chance = random.Random(seed)
    files = fill(db, chance)
    some = 0
    for _ in range(QUERIES):
        query = ask(chance)
        rows = db.search_files_advanced(**query)
        found = [
            File(row["filename"], row["size"], row["date"], row["verified"], row["crc"],
                 row["client"])
            for row in rows
        ]
        wanted = [file for file in files if matches(file, query)]
        assert sorted(found, key=repr) == sorted(wanted, key=repr), query
        dates = [file.date for file in found]
        dated = [instant(date) for date in dates if date is not None]
        assert dated == sorted(dated, reverse=True), query
        assert None not in dates[: len(dated)], query
        some += bool(wanted)
    assert some > QUERIES // 2


def test_sums_are_those_of_the_model(db: DatabaseManager) -> None:
    files = fill(db, random.Random(3))
    sizes = [file.size for file in files if file.size is not None]
    verified = [file.size for file in files if file.size is not None and file.verified]
    assert db.get_total_files_count() == len(files)
    assert db.get_total_storage_bytes() == sum(sizes)
    assert db.get_total_storage_bytes(verified_only=True) == sum(verified)
    assert db.get_total_bytes_transferred() == sum(verified)
    assert db.get_average_backup_size_bytes() == pytest.approx(sum(sizes) / len(sizes))
    assert db.get_average_backup_size_bytes(True) == pytest.approx(sum(verified) / len(verified))
    assert db.get_database_stats()["verified_files"] == sum(file.verified for file in files)
