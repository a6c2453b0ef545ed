-- Description: Core tables: clients, files, metrics history
CREATE TABLE IF NOT EXISTS clients (
    ID BLOB(16) PRIMARY KEY,
    Name VARCHAR(255) UNIQUE NOT NULL,
    PublicKey BLOB(160),
    LastSeen TEXT NOT NULL,
    AESKey BLOB(32)
);

CREATE TABLE IF NOT EXISTS files (
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

CREATE TABLE IF NOT EXISTS metrics_history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    timestamp TEXT NOT NULL,
    metric_name VARCHAR(100) NOT NULL,
    value REAL NOT NULL
);
