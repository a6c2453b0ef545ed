"""Every block of the document that the old module came with, run as it is written there.

document/ holds them byte for byte, in the document's order. What a block takes for granted (names
such as `db`) and what must hold after it stand in the table below; each runs in a process and a
folder of its own.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import server
from program import environment

pytestmark = pytest.mark.elsewhere

BLOCKS = Path(__file__).parent / "document"
SOURCES = Path(__file__).parents[1] / "src"

NEW = """
import logging, os, textwrap
from pathlib import Path
from server.database import DatabaseManager
logger = logging.getLogger("application")
said = []
logger.info = logger.warning = logger.error = logger.critical = said.append
db = DatabaseManager()
db.init_database()
"""

FILLED = NEW + """
client_id = bytes(range(16))
db.save_client_to_db(client_id, "testuser", b"k" * 160, b"a" * 32)
db.ensure_storage_dir()
for stored, size, day in ("backup.tar", 2048, 31), ("backup-small.tar", 10, 30):
    path = Path("received_files", stored)
    path.write_bytes(b"s" * size)
    db.save_file_info_to_db(
        client_id, stored, str(path), True, size, f"2026-01-{day}T09:30:00", 7)
"""

CALLS = FILLED + """
name, public_key, aes_key = "testuser", b"n" * 160, b"b" * 32
filename = file_name = "letter.txt"
path_name, verified, file_size, mod_date, crc = "received_files/letter.txt", True, 5, "2026-02-01", 9
query, params = "SELECT Name FROM clients", ()
Path(path_name).write_bytes(b"hello")
for method in dir(db):
    if not method.startswith("_"):
        globals()[method] = getattr(db, method)
"""

OLD = """
import sqlite3
old = sqlite3.connect("defensive.db")
old.executescript(Path(CORE).read_text())
old.execute("INSERT INTO clients VALUES (?, 'testuser', NULL, '2025-08-05T18:20:36+00:00Z', NULL)", (bytes(16),))
old.execute("INSERT INTO files VALUES (?, 'a.txt', 'received_files/a.txt', 1, 5, '2025-01-01', 7, ?)",
            (b"f" * 16, bytes(16)))
old.commit()
old.close()
Path("received_files").mkdir()
Path("received_files/a.txt").write_bytes(b"hello")
"""


@dataclass
class Surroundings:
    """What stands around a block: Python to run before it and after it."""

    before: str
    after: str


TABLE = {
    "01-basic-usage.py": Surroundings(
        "",
        """
assert db.use_pool is True and db.db_name == "defensive.db" and db.connection_pool is not None
assert stats["total_clients"] == stats["total_files"] == stats["verified_files"] == 0
assert stats["database_size_bytes"] > 0 and clients == []
assert {"clients", "files", "client_quotas", "file_versions"} <= set(db.get_table_names())
""",
    ),
    "02-new-features.py": Surroundings(
        FILLED,
        """
assert storage_stats["client_stats"]["total_clients"] == 1
assert health["integrity_check"] is True and health["connection_pool_healthy"] is True
assert [result["filename"] for result in results] == ["backup.tar"]
assert optimization["space_saved_mb"] >= 0
""",
    ),
    "05-migration-management.py": Surroundings(
        "",
        """
assert status["current_version"] == 0 < status["latest_version"] == status["total_migrations"]
assert success is True
assert migration.version == 1
assert manager.get_current_version() == status["latest_version"]
assert manager.get_pending_migrations() == []
assert manager.apply_migration(migration) is False
""",
    ),
    "07-initialization.py": Surroundings(
        "from server.database import DatabaseManager",
        """
db = DatabaseManager(db_name=None, use_pool=True)
assert db.db_name == "defensive.db"
""",
    ),
    "08-core-methods.py": Surroundings(
        CALLS,
        """
row = db.get_client_by_name("testuser")
assert row == db.get_client_by_id(client_id)
assert row[:3] == (client_id, "testuser", public_key) and row[4] == aes_key
assert {file["filename"] for file in db.get_all_files()} == {"backup.tar", "backup-small.tar"}
assert not Path(path_name).exists()
assert db.get_total_bytes_transferred() == 2058
""",
    ),
    "09-enhanced-methods.py": Surroundings(
        CALLS
        + """
query, param_list = "UPDATE clients SET LastSeen = ? WHERE Name = ?", [("2026-03-01", "testuser")]
""",
        """
assert db.execute("SELECT LastSeen FROM clients", fetchone=True) == ("2026-03-01",)
backup, = Path().glob("defensive.db_backup_*.db")
assert DatabaseManager(str(backup)).get_total_clients_count() == 1
""",
    ),
    "10-pool-configuration.py": Surroundings(
        "",
        """
from server.database import DatabaseConnectionPool, DatabaseManager
import inspect
defaults = inspect.signature(DatabaseConnectionPool).parameters
assert defaults["pool_size"].default == pool_size and defaults["timeout"].default == timeout
db = DatabaseManager()
db.init_database()
assert db.get_storage_statistics()["database_info"]["pool_size"] == pool_size
""",
    ),
    "11-pool-monitoring.py": Surroundings(
        FILLED, "assert pool_healthy is True and pool_enabled is True and pool_size == 5"
    ),
    "13-query-tips.py": Surroundings(
        FILLED
        + """
class Remembering:
    every = []
    def execute(self, *arguments):
        self.every.append(real.execute(*arguments))
        return self.every[-1]
real, db = db, Remembering()
""",
        """
for result in db.every:
    names = [column[0] for column in result.description]
    rows = [dict(zip(names, row)) for row in result]
    assert [row["FileName"] for row in rows] == ["backup.tar", "backup-small.tar"], rows
    assert all(row["ClientID"] == client_id and row["FileCategory"] for row in rows)
assert len(db.every) == 3
""",
    ),
    "14-health-monitoring.py": Surroundings(
        FILLED, "assert said == [] and health['issues'] == [] and 0 < db_size_mb < 100"
    ),
    "15-maintenance-tasks.py": Surroundings(
        FILLED,
        """
assert said[-1] == f"Database backup created: {backup_path}"
assert DatabaseManager(backup_path).get_total_files_count() == 2
assert db.connection_pool is None or db.get_total_files_count() == 2
""",
    ),
    "16-error-handling.py": Surroundings(
        NEW
        + """
from server.exceptions import ServerError
Path("no-database").write_bytes(b"no database at all, " * 500)
db = DatabaseManager("no-database")
""",
        "assert len(said) == 1 and said[0].startswith(('Critical database error: ', "
        "'Database initialization error: ')), said",
    ),
    "17-database-settings.py": Surroundings(
        "",
        """
from server import config
assert config.DATABASE_NAME == DATABASE_NAME
assert config.FILE_STORAGE_DIR == FILE_STORAGE_DIR
assert config.CONNECTION_POOL_SIZE == CONNECTION_POOL_SIZE
assert config.CONNECTION_TIMEOUT == CONNECTION_TIMEOUT
""",
    ),
    "18-migration-settings.py": Surroundings(
        "",
        """
from server import config
assert config.MIGRATION_BACKUP_ENABLED is MIGRATION_BACKUP_ENABLED
assert config.MIGRATION_VALIDATION_ENABLED is MIGRATION_VALIDATION_ENABLED
assert config.DANGEROUS_OPERATIONS_BLOCKED is DANGEROUS_OPERATIONS_BLOCKED
""",
    ),
    "20-pool-exhaustion.py": Surroundings(
        "from server.database import DatabaseManager", "assert db.connection_pool is not None"
    ),
    "24-missing-columns.py": Surroundings(
        "from pathlib import Path"
        + OLD
        + """
from server.database import DatabaseManager
from server.exceptions import ServerError
db = DatabaseManager()
try:
    db.execute("SELECT FileCategory FROM files", fetchall=True)
    raise SystemExit("the column is there already")
except ServerError as error:
    assert "no such column: FileCategory" in str(error), error
""",
        """
assert db.execute("SELECT FileName, FileCategory FROM files", fetchall=True) == [("a.txt", "document")]
""",
    ),
    "25-debug-mode.py": Surroundings(
        """
records = []
class Keep(__import__("logging").Handler):
    def emit(self, record):
        records.append(record)
__import__("logging").getLogger("server").addHandler(Keep())
""",
        """
from server.database import DatabaseManager
db = DatabaseManager()
db.init_database()
db.optimize_database()
assert any(r.name == "server.database" and r.levelno == logging.DEBUG for r in records), records
""",
    ),
    "30-health-check.py": Surroundings(
        FILLED,
        """
checked = health_check()
assert checked.pop("database_size_mb") > 0
assert checked == {
    "database_healthy": True, "connection_pool_ok": True, "total_clients": 1, "total_files": 2}
""",
    ),
    "31-complete-example.py": Surroundings(
        "",
        """
from pathlib import Path
assert health["integrity_check"] is True
assert search_results == []
assert Path(backup_path).stat().st_size > 0
""",
    ),
}


def run(folder: Path, *command: str | Path) -> str:
    """What it printed."""
    done = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def python(folder: Path, *parts: str) -> str:
    code = "\n".join((f"CORE = {str(BLOCKS / '03-core-tables.sql')!r}", *parts))
    return run(folder, sys.executable, "-c", code)


def shell(folder: Path, block: Path) -> str:
    """`python` is the one that runs this test, and is not told where to look for anything."""
    called = folder / "bin" / "python"
    called.parent.mkdir(exist_ok=True)
    called.write_text(f'#!/bin/sh\nunset PYTHONPATH\nexec "{sys.executable}" "$@"\n')
    called.chmod(0o755)
    return run(folder, "env", f"PATH={called.parent}:{os.environ['PATH']}", "bash", "-e", block)


def block(name: str) -> str:
    """A line that runs it, under its own name in tracebacks; within a list it is indented."""
    return (
        f"exec(compile(__import__('textwrap').dedent(open({str(BLOCKS / name)!r}).read()), "
        f"{name!r}, 'exec'))"
    )


# ---- Python ----


@pytest.mark.parametrize("name", [name for name in TABLE if not name.startswith("09")])
def test_block(tmp_path: Path, name: str) -> None:
    python(tmp_path, TABLE[name].before, block(name), TABLE[name].after)


RETURNS = re.compile(r"^(\w+)\(\).*\n    Returns: (\{\n(?: {8}.*\n)+    \})\n", re.MULTILINE)


def test_block_that_says_what_is_returned(tmp_path: Path) -> None:
    """Between its calls it has what they return, which is no Python: each is held to that."""
    name = "09-enhanced-methods.py"
    text = (BLOCKS / name).read_text()
    assert len(RETURNS.findall(text)) == 2
    (tmp_path / "calls.py").write_text(RETURNS.sub(r"\1()\n", text))
    described = """
def hold(returned, described):
    assert set(described) <= set(returned), returned
    for key, value in described.items():
        kind = value if isinstance(value, type) else {set: dict}.get(type(value), type(value))
        assert isinstance(returned[key], kind), (key, returned[key])
"""
    held = [f"hold({call}(), {returned})" for call, returned in RETURNS.findall(text)]
    calls = "exec(compile(open('calls.py').read(), 'calls.py', 'exec'))"
    python(tmp_path, TABLE[name].before, described, *held, calls, TABLE[name].after)


def test_every_python_block_is_run() -> None:
    guide = {"27-guide-update.py", "28-guide-migrate.py", "29-guide-verify.py"}
    assert {path.name for path in BLOCKS.glob("*.py")} == set(TABLE) | guide
    for path in BLOCKS.glob("*.py"):
        if not path.name.startswith("09"):
            ast.parse("if True:\n" + re.sub("^", "  ", path.read_text(), flags=re.MULTILINE))


# ---- The guide, step by step ----


def test_the_guide(tmp_path: Path) -> None:
    """From a database that has the core tables alone, with a copy to go back to."""
    python(tmp_path, "from pathlib import Path", OLD)
    shell(tmp_path, BLOCKS / "26-guide-backup.sh")
    assert (tmp_path / "defensive.db.backup").read_bytes() == (tmp_path / "defensive.db").read_bytes()
    python(
        tmp_path,
        "from server.database import DatabaseManager",
        block("27-guide-update.py"),
        "assert db.get_total_files_count() == 1",
        block("28-guide-migrate.py"),
        "assert success is True",
        block("29-guide-verify.py"),
        "assert health['foreign_key_check'] is True and health['issues'] == []",
        "assert [file['filename'] for file in db.get_all_files()] == ['a.txt']",
    )
    assert list(tmp_path.glob("defensive.db_backup_*.db")), "made before the migrations"


def test_settings_as_somebody_elses_config(tmp_path: Path) -> None:
    """The two modules copied into another package called server, whose config.py is the blocks."""
    package = tmp_path / "server"
    package.mkdir()
    settings = [BLOCKS / "17-database-settings.py", BLOCKS / "18-migration-settings.py"]
    (package / "__init__.py").touch()
    (package / "config.py").write_text(
        "".join(block.read_text() for block in settings).replace("POOL_SIZE = 5", "POOL_SIZE = 3")
    )
    (package / "exceptions.py").write_text("class ServerError(Exception):\n    pass\n")
    for module in ("database.py", "database_migrations.py"):
        shutil.copy(Path(server.__file__).with_name(module), package)
    python(
        tmp_path,
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})",
        "import server.database, server.exceptions, server.config",
        f"assert server.__path__ == [{str(package)!r}], server.__path__",
        block("31-complete-example.py"),
        "assert db.get_storage_statistics()['database_info']['pool_size'] == 3",
        "assert issubclass(server.database.ServerError, server.exceptions.ServerError)",
    )
    assert (tmp_path / "defensive.db").exists()


def test_a_copy_is_put_back(tmp_path: Path) -> None:
    """`cp defensive.db_backup_TIMESTAMP.db defensive.db`, as under Rolling Back Migrations."""
    made = python(
        tmp_path,
        FILLED,
        "print(db.backup_database_to_file())",
        "db.delete_client(client_id)",
        "db.cleanup_connection_pool()",
    ).split()[-1]
    assert re.fullmatch(r"(.*/)?defensive\.db_backup_\d{8}_\d{6}\.db", made)
    run(tmp_path, "sh", "-c", f"cp {made} defensive.db")
    python(tmp_path, NEW, "assert db.get_total_files_count() == 2")


# ---- The shell ----


def server_folder(tmp_path: Path) -> Path:
    """Looks as python/ does, and what is made in it is not kept."""
    (tmp_path / "src").symlink_to(SOURCES)
    return tmp_path


def test_migration_commands(tmp_path: Path) -> None:
    folder = server_folder(tmp_path)
    said = shell(folder, BLOCKS / "06-migration-commands.sh")
    [current, latest], *_ = re.findall(r"^Database version: (\d+)/(\d+)$", said, re.MULTILINE)
    assert current == "0" and int(latest) >= 5, said
    assert f"Pending migrations: {latest}" in said
    assert (folder / "defensive.db").exists()
    said = shell(folder, BLOCKS / "06-migration-commands.sh")
    assert f"Database version: {latest}/{latest}\n" in said and "Pending migrations: 0\n" in said


# ---- The schema ----


def described(*scripts: str) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    for script in scripts:
        connection.executescript((BLOCKS / script).read_text())
    return connection


def columns(connection: sqlite3.Connection, table: str) -> dict[str, tuple[object, ...]]:
    """Type, whether nulls are refused, and default."""
    rows = connection.execute(f"SELECT * FROM pragma_table_info('{table}')")
    return {name: (kind, notnull, default) for _, name, kind, notnull, default, _ in rows}


def references(connection: sqlite3.Connection, table: str) -> set[tuple[str, ...]]:
    rows = connection.execute(f"SELECT * FROM pragma_foreign_key_list('{table}')")
    return {(of, column, to or "ID", on_delete) for _, _, of, column, to, _, on_delete, _ in rows}


def keys(connection: sqlite3.Connection, table: str) -> set[tuple[str, ...]]:
    """Columns that are unique together."""
    primary = connection.execute(f"SELECT name FROM pragma_table_info('{table}') WHERE pk ORDER BY pk")
    names = connection.execute(f"SELECT name FROM pragma_index_list('{table}') WHERE \"unique\"")
    found = {index_columns(connection, name) for (name,) in names}
    return found | {tuple(name for (name,) in primary)}


def index_columns(connection: sqlite3.Connection, index: str) -> tuple[str, ...]:
    rows = connection.execute(f"SELECT name FROM pragma_index_info('{index}') ORDER BY seqno")
    return tuple(name for (name,) in rows)


def indexes(connection: sqlite3.Connection) -> dict[str, tuple[str, ...]]:
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'").fetchall()
    return {name: index_columns(connection, name) for (name,) in rows}


MIGRATE = """
from server.database_migrations import DatabaseMigrationManager
manager = DatabaseMigrationManager()
for migration in manager.migrations[:LAST]:
    assert manager.apply_migration(migration) is True
"""


@pytest.fixture(params=[5, None], ids=["the document's version", "the newest"])
def migrated(tmp_path: Path, request: pytest.FixtureRequest) -> sqlite3.Connection:
    python(tmp_path, "from pathlib import Path", OLD, f"LAST = {request.param}", MIGRATE)
    return sqlite3.connect(tmp_path / "defensive.db")


def test_tables(migrated: sqlite3.Connection) -> None:
    wanted = described("03-core-tables.sql", "04-enhanced-tables.sql")
    rows = wanted.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    tables = {name for (name,) in rows} - {"sqlite_sequence"}
    assert len(tables) == 7
    for table in sorted(tables):
        assert columns(wanted, table).items() <= columns(migrated, table).items(), table
        assert references(wanted, table) <= references(migrated, table), table
        assert keys(wanted, table) <= keys(migrated, table), table


def test_indexes(migrated: sqlite3.Connection) -> None:
    """By name where the document's version is; later migrations have changed some, and each still
    has one that begins with the same columns."""
    wanted = indexes(described("03-core-tables.sql", "12-performance-indexes.sql"))
    wanted = {name: of for name, of in wanted.items() if not name.startswith("sqlite_")}
    assert len(wanted) == 8
    found = indexes(migrated)
    if migrated.execute("SELECT max(version) FROM database_migrations").fetchone() == (5,):
        assert wanted.items() <= found.items()
    for name, of in wanted.items():
        assert any(there[: len(of)] == of for there in found.values()), name
