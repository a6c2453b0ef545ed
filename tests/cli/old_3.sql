-- The old code's migration 3.
CREATE TABLE transfer_stats (
    Date TEXT PRIMARY KEY,
    TotalFiles INTEGER DEFAULT 0,
    TotalBytes INTEGER DEFAULT 0,
    SuccessfulTransfers INTEGER DEFAULT 0,
    FailedTransfers INTEGER DEFAULT 0,
    AverageFileSize INTEGER DEFAULT 0,
    PeakTransferSpeed INTEGER DEFAULT 0
);
CREATE TABLE client_activity (
    ID INTEGER PRIMARY KEY AUTOINCREMENT,
    ClientID BLOB(16) NOT NULL,
    ActivityType VARCHAR(50) NOT NULL,
    Timestamp TEXT NOT NULL,
    FileCount INTEGER DEFAULT 0,
    BytesTransferred INTEGER DEFAULT 0,
    FOREIGN KEY (ClientID) REFERENCES clients(ID)
);
CREATE TABLE file_categories (
    ID INTEGER PRIMARY KEY AUTOINCREMENT,
    Name VARCHAR(50) UNIQUE NOT NULL,
    Description TEXT,
    DefaultPath VARCHAR(255),
    Color VARCHAR(7) DEFAULT '#007acc'
);
INSERT INTO file_categories (Name, Description, DefaultPath) VALUES
    ('document', 'Documents', 'received_files/documents/'), ('image', 'Images', 'received_files/images/'),
    ('backup', 'Backups', 'received_files/backups/'), ('other', 'Others', 'received_files/other/');
CREATE TABLE IF NOT EXISTS database_migrations (version INTEGER PRIMARY KEY, description TEXT NOT NULL, applied_at TEXT NOT NULL, rollback_sql TEXT);
INSERT INTO database_migrations VALUES (3, 'Analytics tables', '2025-08-29T17:42:34.123456+00:00', NULL);
