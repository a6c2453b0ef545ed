-- What the old code makes at version 0, with rows as it writes them.
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
INSERT INTO clients VALUES
    (x'00000000000000000000000000000001', 'old one', zeroblob(160), '2025-08-05T18:20:36+00:00Z', NULL),
    (x'00000000000000000000000000000002', 'old two', NULL, '2025-08-06T18:20:36', NULL);
INSERT INTO files VALUES
    (x'00000000000000000000000000000011', 'a.txt', 'received_files/a.txt', 1, 10, '2025-08-01T10:00:00', 1234, x'00000000000000000000000000000001'),
    (x'00000000000000000000000000000012', 'a.txt', 'received_files/a.txt', 0, 20, '2025-08-02T10:00:00', 5678, x'00000000000000000000000000000001'),
    (x'00000000000000000000000000000013', 'b.pdf', 'received_files/b.pdf', 0, NULL, 'someday', NULL, x'00000000000000000000000000000002');
