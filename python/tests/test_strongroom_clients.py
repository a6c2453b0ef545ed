"""Clients: adding, naming, changing, deleting them."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

import pytest

import strongroom
from strongroom.words import AnyClient


def test_adding(catalog: strongroom.Catalog) -> None:
    row = catalog.add_client("server", public_key=b"p", aes_key=b"k", last_seen="2026-01-31")
    assert (row.name, row.public_key, row.aes_key, row.last_seen) == ("server", b"p", b"k", "2026-01-31")
    assert len(row.id) == 16 and row.files is row.bytes is None
    assert row.last_seen_at == datetime.datetime(2026, 1, 31, tzinfo=datetime.timezone.utc)
    assert catalog.client("server") == row
    assert catalog.count_clients() == 2
    now = catalog.client("laptop").last_seen_at
    assert now is not None and now.tzinfo is not None


def test_listing_counts(catalog: strongroom.Catalog) -> None:
    catalog.add_client("a")
    catalog.save_files("laptop", [{"name": "x", "size": 5}, {"name": "y", "size": 6}])
    assert [(c.name, c.files, c.bytes) for c in catalog.clients()] == [("a", 0, 0), ("laptop", 2, 11)]
    assert [c.files for c in catalog.clients(counts=False)] == [None, None]


def test_a_client_is_named_in_many_ways(catalog: strongroom.Catalog) -> None:
    row = catalog.client("laptop")
    names: list[AnyClient] = ["laptop", row.id, row.id.hex(), row.id.hex().upper(), str(uuid.UUID(bytes=row.id)),
                 uuid.UUID(bytes=row.id), row]
    for name in names:
        assert catalog.client(name) == row
        assert catalog.search(client=name).count().files == 0
        assert list(catalog.activity(name)) == []


def test_a_name_goes_before_an_id(catalog: strongroom.Catalog) -> None:
    first = catalog.client("laptop")
    second = catalog.add_client(first.id.hex())
    assert catalog.client(first.id.hex()) == second


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("nobody", strongroom.NotFoundError, "'nobody'"),
        ("ab" * 16, strongroom.NotFoundError, "abab"),
        (bytes(16), strongroom.NotFoundError, "0000"),
        (b"short", ValueError, "16 bytes, not 5"),
        (5, TypeError, "not as 5"),
        (None, TypeError, "None"),
    ],
)
def test_clients_that_are_none(
    catalog: strongroom.Catalog, name: str | bytes, error: type[Exception], words: str
) -> None:
    calls: list[Any] = [catalog.client, catalog.quota, catalog.delete_client, catalog.folder]
    for call in calls:
        with pytest.raises(error, match=words):
            list(call(name))


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 256])
def test_names_that_none_may_have(catalog: strongroom.Catalog, name: str) -> None:
    with pytest.raises(strongroom.InvalidError):
        catalog.add_client(name)
    assert catalog.count_clients() == 1


def test_changing_what_is_given(catalog: strongroom.Catalog) -> None:
    before = catalog.update_client("laptop", public_key=b"p", aes_key=b"k")
    after = catalog.update_client("laptop", name="desk")
    assert after == before._replace(name="desk")
    catalog.add_client("laptop")
    with pytest.raises(strongroom.ExistsError):
        catalog.update_client("desk", name="laptop")
    when = datetime.datetime(2026, 1, 31, 9, tzinfo=datetime.timezone(datetime.timedelta(hours=1)))
    assert catalog.update_client("desk", last_seen=when).last_seen == "2026-01-31T08:00:00Z"


def test_saving_again_keeps_the_files(catalog: strongroom.Catalog) -> None:
    catalog.save_file("laptop", "a", size=1)
    row = catalog.client("laptop")
    assert catalog.save_clients([row._replace(name="desk"), {"id": bytes(16), "name": "n"}]) == (1, 1, 0, 0)
    assert catalog.file("desk", "a").size == 1
    assert catalog.save_clients([catalog.client("desk")]).unchanged == 1
    with pytest.raises(strongroom.ExistsError):
        catalog.save_clients([{"id": bytes(15) + b"1", "name": "good"}, {"id": bytes(15) + b"2", "name": "n"}])
    assert [c.name for c in catalog.clients()] == ["desk", "n"]


def test_deleting(catalog: strongroom.Catalog) -> None:
    catalog.save_files("laptop", [{"name": "x"}, {"name": "y"}])
    assert catalog.delete_client("laptop") == 2
    assert catalog.count_clients() == 0 == catalog.search().count().files
    [*done] = catalog.activity("laptop")
    assert [(a.type, a.deleted) for a in done] == [("delete", True), ("save", True)]
