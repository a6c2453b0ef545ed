"""An application written against the old module runs, and the same with a pool and without."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from program import environment, strongroom

pytestmark = pytest.mark.elsewhere

APPLICATION = Path(__file__).with_name("application.py")


Ran = tuple[str, Path]
"""What the application printed, and its database."""


def run(how: str, folder: Path) -> Ran:
    done = subprocess.run(
        [sys.executable, APPLICATION, folder, how],
        cwd=folder,
        env=environment(DATABASE_NAME="server.db", FILE_STORAGE_DIR="received_files"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout, folder / "server.db"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ran]:
    return {how: run(how, tmp_path_factory.mktemp(how)) for how in ("pool", "direct")}


def digest(path: Path) -> str:
    """Of all that does not differ from run to run."""
    connection = sqlite3.connect(path)
    statements = (
        "SELECT ID, Name, PublicKey, AESKey FROM clients",
        "SELECT FileName, PathName, Verified, FileSize, ModificationDate, CRC, ClientID, FileCategory, "
        "MimeType, FileExtension, TotalVersions FROM files",
        "SELECT ClientID, Balance FROM accounts",
        "SELECT ClientID, Bytes, Cents, Remark FROM invoices JOIN accounts USING (AccountID)",
        "SELECT metric_name, value FROM metrics_history",
        "SELECT version, description FROM database_migrations",
        "SELECT type, name, sql FROM sqlite_master",
    )
    rows = [sorted(map(repr, connection.execute(statement))) for statement in statements]
    connection.close()
    assert all(rows)
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def test_what_it_says(runs: dict[str, Ran]) -> None:
    """Each of these lines can be reckoned from what the application does."""
    said, _ = runs["pool"]
    assert [line for line in said.splitlines() if line in EXPECTED] == EXPECTED


def test_with_and_without_a_pool_it_is_the_same(runs: dict[str, Ran]) -> None:
    (said_with, made_with), (said_without, made_without) = runs["pool"], runs["direct"]
    assert said_with == said_without
    assert digest(made_with) == digest(made_without)


def test_the_program_finds_it_healthy(runs: dict[str, Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    for _, database in runs.values():
        monkeypatch.chdir(database.parent)
        report = json.loads(strongroom(database, "health", "--full", "--json"))
        assert report["healthy"] is True
        assert report["issues"] == []


def test_its_log_tells_what_went_wrong_and_nothing_else(runs: dict[str, Ran]) -> None:
    for _, database in runs.values():
        log = (database.parent / "application.log").read_text()
        errors = {line for line in log.splitlines() if line.startswith(("ERROR", "CRITICAL"))}
        assert any("dangerous" in line for line in errors)
        assert any("no such table: nowhere" in line for line in errors)
        assert not any("locked" in line or "Traceback" in line for line in log.splitlines())


EXPECTED = """\
storage folder: True
up to date: True
pending: 0 there: True
first migration: 1 False
migrate again: True True
sound: True
billing: True again: False
dangerous: False
broken: False
new tables: ['accounts', 'invoices']
empty: 0 0 0
clients: 12 12
bulk: True {'inserted': 3, 'attempted': 4, 'skipped': 1} None
renamed: True
renamed: True
nobody: None None
errors: []
files: 276 stored: 276
client 0 has 23 verified 20
watched: True alarms: []
cleanup: True
lent: 2 of 2
counted: (15,)
never seen: (0,)
second account: UNIQUE constraint failed: accounts.ClientID
overdrawn: CHECK constraint failed: Balance >= 0
balances: [(5000,)]
billing errors: []
within: 14 True
undone: 15 (24,)
bonus for: 12
many: True
none of many: False
failed write: None
duplicate: None
not there: None False False False False False
injected: ([], []) [] True
seen by another: True
gone: True None
metrics: [1.0, 2.5, 4.0] 0
cleaned: 1 2
key of files: ['ID']
edited: True
bad column: False
row: with thanks
deleted: True None
health: True True True []
optimized: True True
backup: evening.db 276 15
cascades: True 253 (11,)
untouched: 276
beside: True True
the program's own manager: 15
after closing: True
""".splitlines()
