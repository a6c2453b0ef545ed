"""Databases as the old module made them, by a plain `sqlite3`: versions 0 to 5."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timezone
from pathlib import Path

CORE = """
CREATE TABLE clients (
    ID BLOB(16) PRIMARY KEY,
    Name VARCHAR(255) UNIQUE NOT NULL,
    PublicKey BLOB(160),
    LastSeen TEXT NOT NULL,
    AESKey BLOB(32)
);
CREATE TABLE files (
    ID BLOB(16) PRIMARY KEY,
    FileName VARCHAR(255) NOT NULL,
    PathName VARCHAR(255) NOT NULL,
    Verified BOOLEAN DEFAULT 0,
    FileSize INTEGER,
    ModificationDate TEXT,
    CRC INTEGER,
    ClientID BLOB(16) NOT NULL,
    FOREIGN KEY (ClientID) REFERENCES clients(ID) ON DELETE CASCADE
);
CREATE TABLE metrics_history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    timestamp TEXT NOT NULL,
    metric_name VARCHAR(100) NOT NULL,
    value REAL NOT NULL
);
CREATE INDEX idx_files_clientid ON files(ClientID);
CREATE INDEX idx_files_moddate ON files(ModificationDate);
"""

STEPS = {
    1: (
        "Add performance indexes for faster queries",
        """
CREATE INDEX idx_files_client_id ON files(ClientID);
CREATE INDEX idx_files_filename ON files(FileName);
CREATE INDEX idx_clients_name ON clients(Name);
CREATE INDEX idx_files_verified ON files(Verified);
CREATE INDEX idx_clients_lastseen ON clients(LastSeen);
CREATE INDEX idx_files_size ON files(FileSize);
CREATE INDEX idx_files_client_verified ON files(ClientID, Verified);
CREATE INDEX idx_files_client_name ON files(ClientID, FileName);
""",
    ),
    2: (
        "Add extended file metadata columns",
        """
ALTER TABLE files ADD COLUMN FileCategory VARCHAR(50) DEFAULT 'document';
ALTER TABLE files ADD COLUMN MimeType VARCHAR(100);
ALTER TABLE files ADD COLUMN FileExtension VARCHAR(10);
ALTER TABLE files ADD COLUMN OriginalPath TEXT;
ALTER TABLE files ADD COLUMN FileHash VARCHAR(64);
ALTER TABLE files ADD COLUMN TransferDuration INTEGER;
ALTER TABLE files ADD COLUMN TransferSpeed INTEGER;
ALTER TABLE files ADD COLUMN CompressionRatio REAL;
""",
    ),
    3: (
        "Add analytics tables",
        """
CREATE TABLE transfer_stats (
    Date TEXT PRIMARY KEY, TotalFiles INTEGER DEFAULT 0, TotalBytes INTEGER DEFAULT 0,
    SuccessfulTransfers INTEGER DEFAULT 0, FailedTransfers INTEGER DEFAULT 0,
    AverageFileSize INTEGER DEFAULT 0, PeakTransferSpeed INTEGER DEFAULT 0
);
CREATE TABLE client_activity (
    ID INTEGER PRIMARY KEY AUTOINCREMENT, ClientID BLOB(16) NOT NULL,
    ActivityType VARCHAR(50) NOT NULL, Timestamp TEXT NOT NULL, FileCount INTEGER DEFAULT 0,
    BytesTransferred INTEGER DEFAULT 0, FOREIGN KEY (ClientID) REFERENCES clients(ID)
);
CREATE TABLE file_categories (
    ID INTEGER PRIMARY KEY AUTOINCREMENT, Name VARCHAR(50) UNIQUE NOT NULL, Description TEXT,
    DefaultPath VARCHAR(255), Color VARCHAR(7) DEFAULT '#007acc'
);
INSERT INTO file_categories (Name, Description, DefaultPath) VALUES
    ('document', 'Documents', 'received_files/documents/'),
    ('image', 'Images', 'received_files/images/'),
    ('backup', 'Backups', 'received_files/backups/'),
    ('other', 'Others', 'received_files/other/');
""",
    ),
    4: (
        "Add client quotas",
        """
CREATE TABLE client_quotas (
    ClientID BLOB(16) PRIMARY KEY, QuotaBytes INTEGER NOT NULL DEFAULT 1073741824,
    UsedBytes INTEGER DEFAULT 0, LastUpdated TEXT NOT NULL, WarningThreshold REAL DEFAULT 0.8,
    FOREIGN KEY (ClientID) REFERENCES clients(ID) ON DELETE CASCADE
);
INSERT INTO client_quotas (ClientID, LastUpdated) SELECT ID, datetime('now') FROM clients;
""",
    ),
    5: (
        "Add file versioning",
        """
CREATE TABLE file_versions (
    ID INTEGER PRIMARY KEY AUTOINCREMENT, FileID BLOB(16) NOT NULL,
    VersionNumber INTEGER NOT NULL, PathName VARCHAR(255) NOT NULL, FileSize INTEGER,
    CreatedDate TEXT NOT NULL, IsActive BOOLEAN DEFAULT 1, VersionHash VARCHAR(64),
    ParentVersionID INTEGER, FOREIGN KEY (FileID) REFERENCES files(ID) ON DELETE CASCADE,
    FOREIGN KEY (ParentVersionID) REFERENCES file_versions(ID)
);
ALTER TABLE files ADD COLUMN CurrentVersionID INTEGER;
ALTER TABLE files ADD COLUMN TotalVersions INTEGER DEFAULT 1;
CREATE INDEX idx_file_versions_file_id ON file_versions(FileID);
CREATE INDEX idx_file_versions_active ON file_versions(IsActive);
""",
    ),
}

ANNA, BOB = bytes.fromhex("a1" * 16), bytes.fromhex("b2" * 16)
FILE_COLUMNS = "ID, FileName, PathName, Verified, FileSize, ModificationDate, CRC, ClientID"


def save_client(database: sqlite3.Connection, id: bytes, name: str) -> None:
    """As the old module does it: whatever has that id or name is deleted first."""
    database.execute(
        "INSERT OR REPLACE INTO clients (ID, Name, PublicKey, LastSeen, AESKey) "
        "VALUES (?, ?, ?, ?, ?)",
        (id, name, b"k" * 160, "2025-08-05T18:20:36+00:00Z", b"a" * 32),
    )


def save_file(
    database: sqlite3.Connection, client: bytes, name: str, size: int | None, verified: bool
) -> None:
    """Likewise: a new id each time, so that a second save of a name is a second row."""
    import uuid

    database.execute(
        f"INSERT OR REPLACE INTO files ({FILE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            uuid.uuid4().bytes, name, f"received_files/{name}", verified, size,
            "2025-08-05T10:00:00", 7, client,
        ),
    )


def make(path: Path, version: int) -> None:
    """A database of that version, with two clients and three files of the first."""
    database = sqlite3.connect(path)
    database.execute("PRAGMA synchronous = OFF")
    database.executescript(CORE)
    save_client(database, ANNA, "anna")
    save_client(database, BOB, "bob")
    save_file(database, ANNA, "One.TXT", 100, True)
    save_file(database, ANNA, "two.pdf", None, False)
    save_file(database, ANNA, "three.txt", 300, False)
    database.commit()
    if version > 0:
        database.execute(
            "CREATE TABLE database_migrations (version INTEGER PRIMARY KEY, "
            "description TEXT NOT NULL, applied_at TEXT NOT NULL, rollback_sql TEXT)"
        )
    for step in range(1, version + 1):
        description, sql = STEPS[step]
        database.executescript(sql)
        database.execute(
            "INSERT INTO database_migrations VALUES (?, ?, ?, '')",
            (step, description, datetime.now(timezone.utc).isoformat()),
        )
        database.commit()
    database.close()
