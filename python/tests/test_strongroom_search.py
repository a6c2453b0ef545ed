"""Searching."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

import strongroom


@pytest.fixture
def filled(catalog: strongroom.Catalog) -> strongroom.Catalog:
    catalog.add_client("server")
    rows: list[tuple[str, str, int | None, str | None, dict[str, Any]]] = [
        ("laptop", "/home/ann/Budget 2026.TXT", 100, "2026-01-31T23:59:59Z", {"verified": True}),
        ("laptop", "/home/ann/photos/img_1.jpg", 5_000_000, "2026-02-01T00:00:00Z", {"hash": "ab" * 32}),
        ("laptop", "/home/ann/old/budget.txt.bak", 50, "2025-06-01", {}),
        ("server", "/srv/budget_100%.txt", 0, "2026-01-01T00:00:00Z", {}),
        ("server", "/srv/core", None, None, {}),
    ]
    for client, path, size, date, extra in rows:
        catalog.save_file(client, original_path=path, size=size, date=date, stored=False, **extra)
    return catalog


def names(search: Any) -> list[str]:
    return [file.name for file in search]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["img_1.jpg", "Budget 2026.TXT", "budget_100%.txt", "budget.txt.bak", "core"]),
        ({"term": "BUDGET"}, ["Budget 2026.TXT", "budget_100%.txt", "budget.txt.bak"]),
        ({"term": ""}, ["img_1.jpg", "Budget 2026.TXT", "budget_100%.txt", "budget.txt.bak", "core"]),
        ({"term": "0%"}, ["budget_100%.txt"]),
        ({"term": ["budget", "ann"]}, ["Budget 2026.TXT", "budget.txt.bak"]),
        ({"term": "budget", "type": "txt"}, ["Budget 2026.TXT", "budget_100%.txt"]),
        ({"type": ".TXT"}, ["Budget 2026.TXT", "budget_100%.txt"]),
        ({"client": "server"}, ["budget_100%.txt", "core"]),
        ({"client_part": "ERV"}, ["budget_100%.txt", "core"]),
        ({"glob": "*.txt*", "not_glob": "*.bak"}, ["Budget 2026.TXT", "budget_100%.txt"]),
        ({"glob": "photos/**/img_*.jpg"}, ["img_1.jpg"]),
        ({"name": "CORE"}, ["core"]),
        ({"path": "/home/ann/", "not_path": ["/home/ann/old/", "/home/ann/photos/"]}, ["Budget 2026.TXT"]),
        ({"hash": "abab"}, ["img_1.jpg"]),
        ({"term": "budget", "not_term": "old"}, ["Budget 2026.TXT", "budget_100%.txt"]),
        ({"min_size": "1M"}, ["img_1.jpg"]),
        ({"min_size": 50, "max_size": "0.1K"}, ["Budget 2026.TXT", "budget.txt.bak"]),
        ({"from_": "2026-01-31", "to": "2026-01-31"}, ["Budget 2026.TXT"]),
        ({"from_": datetime.date(2026, 1, 31), "to": datetime.date(2026, 1, 31)}, ["Budget 2026.TXT"]),
        ({"to": datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)}, ["budget_100%.txt", "budget.txt.bak"]),
        ({"from_": datetime.timedelta(days=-1)}, []),
        ({"verified": True}, ["Budget 2026.TXT"]),
        ({"sort": "size", "limit": 2}, ["img_1.jpg", "Budget 2026.TXT"]),
        ({"sort": "name", "reverse": True, "limit": 1}, ["img_1.jpg"]),
    ],
)
def test_filters(filled: strongroom.Catalog, query: dict[str, Any], expected: list[str]) -> None:
    assert names(filled.search(**query)) == expected


def test_present_and_all_versions(filled: strongroom.Catalog, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    core = tmp_path / "disk" / "core"
    for content in ("a", "abc"):
        core.write_text(content)
        filled.record("laptop", tmp_path / "disk")
    found = list(filled.search(path=str(tmp_path), all_versions=True, sort="size"))
    assert [(file.version, file.size) for file in found] == [(None, 3), (1, 1)]
    core.unlink()
    filled.record("laptop", tmp_path / "disk")
    assert [file.missing for file in filled.search(path=str(tmp_path))] == [True]
    assert list(filled.search(path=str(tmp_path), present=True)) == []


def test_rows_are_mappings(filled: strongroom.Catalog) -> None:
    [row] = map(dict[str, Any], filled.search("img", type="jpg"))
    assert row["size"] == 5_000_000 and row["client_name"] == "laptop"
    assert tuple(row) == strongroom.File._fields


def test_counts_and_facets(filled: strongroom.Catalog) -> None:
    search = filled.search("budget", limit=1)
    assert search.count() == (3, 150)
    assert search.facets("client", "month") == [
        ("client", "laptop", False, 2, 150),
        ("client", "server", False, 1, 0),
        ("month", "2026-01", False, 2, 100),
        ("month", "2025-06", False, 1, 50),
    ]
    assert [facet.value for facet in filled.search().facets("type")] == ["txt", "bak", "jpg", None]
    with pytest.raises(ValueError, match="'colour'"):
        search.facets("colour")  # type: ignore[arg-type]


def test_pages(filled: strongroom.Catalog) -> None:
    search = filled.search(sort="name")
    seen: list[str] = []
    after = None
    pages = 0
    while True:
        page = search.page(2, after)
        assert page.explanation.choice
        seen += names(page.files)
        pages += 1
        after = page.after
        if after is None:
            break
    assert pages == 3
    assert seen == names(search)
    first = search.page(2)
    assert names(filled.search(sort="name", after=first.after)) == seen[2:]
    with pytest.raises(strongroom.InvalidError):
        filled.search(sort="size").page(2, first.after)
    with pytest.raises(strongroom.InvalidError, match="'nonsense'"):
        search.page(2, "nonsense")


def test_an_iterator_that_is_left(filled: strongroom.Catalog) -> None:
    search = filled.search()
    assert next(search).name == "img_1.jpg"
    assert iter(search) is search
    assert filled.pool().active == 1
    search.close()
    assert filled.pool().active == 0
    assert list(search) == []
    for _ in range(50):
        next(filled.search())
    assert filled.pool().active == 0


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"min_size": "many"}, strongroom.InvalidError),
        ({"from_": "yesterday"}, strongroom.InvalidError),
        ({"from_": datetime.datetime(2026, 1, 1)}, strongroom.InvalidError),
        ({"to": 5}, TypeError),
        ({"client": "nobody"}, strongroom.NotFoundError),
        ({"colour": "red"}, TypeError),
    ],
)
def test_what_makes_no_sense_is_told_at_once(
    catalog: strongroom.Catalog, query: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        catalog.search(**query)


@pytest.mark.parametrize(
    "query",
    [{"sort": "colour"}, {"limit": -1}, {"hash": "xyz"}, {"min_size": -1}, {"glob": ""}],
)
def test_what_the_library_refuses(catalog: strongroom.Catalog, query: dict[str, Any]) -> None:
    search = catalog.search(**query)
    with pytest.raises(ValueError):
        next(search)
    if "limit" not in query:
        with pytest.raises(ValueError):
            search.page(1)
