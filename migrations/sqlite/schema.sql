-- What all migrations together make; written by tools/embed-migrations --snapshot.

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
    ClientID BLOB(16) NOT NULL, FileCategory VARCHAR(50) DEFAULT 'document', MimeType VARCHAR(100), FileExtension VARCHAR(10), OriginalPath TEXT, FileHash VARCHAR(64), TransferDuration INTEGER, TransferSpeed INTEGER, CompressionRatio REAL, CurrentVersionID INTEGER, TotalVersions INTEGER DEFAULT 1, RecordedAt TEXT, ModifiedNs INTEGER, Inode INTEGER, IsStored BOOLEAN DEFAULT 1, MissingSince TEXT,
    FOREIGN KEY (ClientID) REFERENCES clients(ID) ON DELETE CASCADE
);

CREATE TABLE metrics_history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    timestamp TEXT NOT NULL,
    metric_name VARCHAR(100) NOT NULL,
    value REAL NOT NULL
);

CREATE INDEX idx_files_client_id ON files(ClientID);

CREATE INDEX idx_files_filename ON files(FileName);

CREATE INDEX idx_clients_name ON clients(Name);

CREATE INDEX idx_files_verified ON files(Verified);

CREATE INDEX idx_clients_lastseen ON clients(LastSeen);

CREATE INDEX idx_files_size ON files(FileSize);

CREATE INDEX idx_files_client_verified ON files(ClientID, Verified);

CREATE INDEX idx_files_client_name ON files(ClientID, FileName);

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

CREATE TABLE client_quotas (
    ClientID BLOB(16) PRIMARY KEY,
    QuotaBytes INTEGER NOT NULL DEFAULT 1073741824,
    UsedBytes INTEGER DEFAULT 0,
    LastUpdated TEXT NOT NULL,
    WarningThreshold REAL DEFAULT 0.8,
    FOREIGN KEY (ClientID) REFERENCES clients(ID) ON DELETE CASCADE
);

CREATE TABLE file_versions (
    ID INTEGER PRIMARY KEY AUTOINCREMENT,
    FileID BLOB(16) NOT NULL,
    VersionNumber INTEGER NOT NULL,
    PathName VARCHAR(255) NOT NULL,
    FileSize INTEGER,
    CreatedDate TEXT NOT NULL,
    IsActive BOOLEAN DEFAULT 1,
    VersionHash VARCHAR(64),
    ParentVersionID INTEGER, ModificationDate TEXT, CRC INTEGER,
    FOREIGN KEY (FileID) REFERENCES files(ID) ON DELETE CASCADE,
    FOREIGN KEY (ParentVersionID) REFERENCES file_versions(ID)
);

CREATE INDEX idx_file_versions_file_id ON file_versions(FileID);

CREATE INDEX idx_file_versions_active ON file_versions(IsActive);

CREATE INDEX idx_files_identity_path ON files(ClientID, OriginalPath)
    WHERE OriginalPath IS NOT NULL;

CREATE INDEX idx_files_identity_name ON files(ClientID, FileName)
    WHERE OriginalPath IS NULL;

CREATE INDEX idx_files_stored_path ON files(PathName) WHERE IsStored <> 0;

CREATE INDEX idx_file_versions_parent ON file_versions(ParentVersionID);

CREATE INDEX idx_client_activity_client ON client_activity(ClientID);

CREATE TABLE client_activity_archive (
    ID INTEGER PRIMARY KEY AUTOINCREMENT,
    ClientID BLOB(16) NOT NULL,
    ClientName VARCHAR(255) NOT NULL,
    ActivityType VARCHAR(50) NOT NULL,
    Timestamp TEXT NOT NULL,
    FileCount INTEGER DEFAULT 0,
    BytesTransferred INTEGER DEFAULT 0
);

CREATE INDEX idx_client_activity_archive_client
    ON client_activity_archive(ClientID);

CREATE TRIGGER trg_clients_archive_activity BEFORE DELETE ON clients
BEGIN
    INSERT INTO client_activity_archive
        (ClientID, ClientName, ActivityType, Timestamp, FileCount, BytesTransferred)
        SELECT ClientID, OLD.Name, ActivityType, Timestamp, FileCount, BytesTransferred
          FROM client_activity WHERE ClientID = OLD.ID ORDER BY ID;
    DELETE FROM client_activity WHERE ClientID = OLD.ID;
END;
