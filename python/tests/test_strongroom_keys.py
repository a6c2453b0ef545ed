"""Clients' AES keys, wrapped: in the package, in the compatible module, and what old code sees."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

import strongroom
from server.database import DatabaseManager

KEY = b"0123456789abcdef0123456789abcdef"
MAGIC = b"\x93SRKEY\n\x01"

Open = Callable[[], strongroom.Catalog]


@pytest.fixture
def ring(tmp_path: Path) -> Path:
    return tmp_path / "master.keys"


@pytest.fixture
def open_keyed(tmp_path: Path, ring: Path) -> Open:
    def opened() -> strongroom.Catalog:
        return strongroom.Catalog(tmp_path / "catalog.db", create=True, master_key_file=ring)

    return opened


def stored(path: str | Path, name: str) -> bytes:
    connection = sqlite3.connect(path)
    try:
        found = connection.execute("SELECT AESKey FROM clients WHERE Name = ?", (name,)).fetchone()
        assert isinstance(found[0], bytes)
        return found[0]
    finally:
        connection.close()


def test_wrapped_and_unwrapped(open_keyed: Open, ring: Path) -> None:
    with open_keyed() as catalog:
        catalog.add_client("laptop", aes_key=KEY)
        catalog.add_client("none")
        before = catalog.keys_status()
        assert (before.wrapping, before.plain, before.without, before.ring_read) == (False, 1, 1, False)
        steps: list[str] = []
        done = catalog.init_keys(progress=lambda step, done, total: steps.append(step))
        assert (done.ring_made, done.begun, done.changed, done.cleaned, done.why) == (
            True, True, 1, True, None
        )
        assert steps[0] == "wrapping" and "removing plain copies" in steps
        assert ring.stat().st_mode & 0o777 == 0o600
        status = catalog.keys_status()
        assert (status.wrapping, status.wrapped, status.plain, status.ring) == (True, 1, 0, str(ring))
        master = status.masters[0]
        assert (master.id, master.current, master.in_ring, master.clients) == (done.id, True, True, 1)
        assert stored(catalog.path, "laptop").startswith(MAGIC)
        assert catalog.client("laptop").aes_key == KEY
        assert catalog.client("none").aes_key is None
        assert [c.aes_key for c in catalog.clients()] == [KEY, None]
        assert catalog.update_client("none", aes_key=KEY).aes_key == KEY
        assert len(stored(catalog.path, "none")) == len(KEY) + 44
        assert catalog.check_keys() == []
        assert catalog.unwrap_keys() == 2
        assert stored(catalog.path, "none") == KEY


def test_a_restore_tells_of_keys(open_keyed: Open, ring: Path, tmp_path: Path) -> None:
    with open_keyed() as catalog:
        catalog.add_client("laptop", aes_key=KEY)
        plain = catalog.backup(tmp_path / "plain.db")
        catalog.init_keys()
        wrapped = catalog.backup(tmp_path / "wrapped.db")
    other = tmp_path / "other.keys"
    with strongroom.Catalog(tmp_path / "other.db", create=True, master_key_file=other) as catalog:
        catalog.init_keys()
    told = []
    for backup, keys in ((plain, ring), (wrapped, ring), (wrapped, other)):
        restored = strongroom.restore(tmp_path / "new.db", backup.path, master_key_file=keys)
        told.append((restored.keys_plain, restored.keys_lost))
    assert told == [(True, 0), (False, 0), (False, 1)]


def test_without_the_ring(open_keyed: Open, ring: Path, tmp_path: Path) -> None:
    with open_keyed() as catalog:
        catalog.add_client("laptop", aes_key=KEY)
        catalog.init_keys()
    ring.rename(tmp_path / "away")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_text("x")
    with open_keyed() as catalog:
        with pytest.raises(strongroom.WrongKeyError, match="no key ring"):
            catalog.client("laptop")
        with pytest.raises(strongroom.WrongKeyError):
            list(catalog.clients())
        with pytest.raises(strongroom.WrongKeyError):
            catalog.update_client("laptop", name="other")
        with pytest.raises(strongroom.WrongKeyError):
            catalog.add_client("second", aes_key=KEY)
        assert [c.name for c in catalog.clients(keys=False)] == ["laptop"]
        assert catalog.client("laptop", keys=False).aes_key is None
        (fault,) = catalog.check_keys()
        assert (fault.client_name, fault.status) == ("laptop", "wrong key")
        assert fault.client_id == catalog.client("laptop", keys=False).id
        with pytest.raises(strongroom.WrongKeyError):
            catalog.init_keys()
        # What is about files and not about keys goes on.
        catalog.record("laptop", tmp_path / "tree")
        assert [file.name for file in catalog.search("file", client="laptop")] == ["file"]
        assert catalog.quota("laptop").used_bytes == 1
        catalog.add_client("second")


def test_no_ring_is_set(catalog: strongroom.Catalog) -> None:
    with pytest.raises(strongroom.InvalidError, match="STRONGROOM_MASTER_KEY_FILE"):
        catalog.init_keys()
    assert catalog.keys_status().ring is None


def test_the_old_module_on_wrapped_keys(
    tmp_path: Path, ring: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(empty_database, tmp_path)
    monkeypatch.setenv("STRONGROOM_MASTER_KEY_FILE", str(ring))
    client, other = os.urandom(16), os.urandom(16)
    manager = DatabaseManager("defensive.db")
    try:
        manager.save_client_to_db(client, "laptop", b"p" * 160, KEY)
        with strongroom.Catalog("defensive.db") as catalog:
            assert catalog.init_keys().changed == 1
        found = manager.get_client_by_id(client)
        assert found is not None and found[4] == KEY
        manager.save_client_to_db(other, "second", None, KEY[:16])
        assert stored("defensive.db", "second").startswith(MAGIC)
        found = manager.get_client_by_name("second")
        assert found is not None and found[4] == KEY[:16]
        # Statements of old code's own read what is wrapped, and what they write is wrapped, too.
        rows = manager.execute("SELECT AESKey FROM clients WHERE ID = ?", (client,)).fetchall()
        assert rows[0][0] == stored("defensive.db", "laptop")
        manager.execute("UPDATE clients SET AESKey = ? WHERE ID = ?", (KEY[::-1], client), commit=True)
        assert stored("defensive.db", "laptop").startswith(MAGIC)
        found = manager.get_client_by_id(client)
        assert found is not None and found[4] == KEY[::-1]
        # Lists without keys need no ring.
        ring.unlink()
        assert len(manager.get_all_clients()) == len(manager.load_clients_from_db()) == 2
    finally:
        manager.cleanup_connection_pool()
