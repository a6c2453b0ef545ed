"""What the tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import strongroom
from strongroom import _strongroom


@pytest.fixture
def raw(tmp_path: Path) -> Iterator[_strongroom.Catalog]:
    """A new catalog, as the extension has it."""
    catalog = _strongroom.Catalog(tmp_path / "catalog.db", create=True, migrate=True)
    yield catalog
    catalog.close()


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[strongroom.Catalog]:
    """A new catalog with the client "laptop", as people have it."""
    with strongroom.Catalog(tmp_path / "catalog.db", create=True) as opened:
        opened.add_client("laptop")
        yield opened
