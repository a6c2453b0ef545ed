"""What the tests share."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

import strongroom
from server.database import DatabaseManager
from strongroom import _strongroom

# A shell that starts something in the background has it ignore Ctrl-C, and all that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)


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


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new database, to be copied: making one takes much longer."""
    path = tmp_path_factory.mktemp("empty") / "defensive.db"
    manager = DatabaseManager(str(path))
    manager.init_database()
    manager.cleanup_connection_pool()
    return path


@pytest.fixture(params=[True, False], ids=["pool", "direct"])
def db(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    empty_database: Path,
) -> Iterator[DatabaseManager]:
    """A compatible manager of a new database, in a working folder of its own."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(empty_database, tmp_path)
    manager = DatabaseManager("defensive.db", use_pool=request.param)
    yield manager
    manager.cleanup_connection_pool()


@pytest.fixture
def anna(db: DatabaseManager) -> bytes:
    """A client of that database."""
    id = os.urandom(16)
    db.save_client_to_db(id, "anna", b"k" * 160, b"a" * 32)
    return id
