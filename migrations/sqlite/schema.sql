-- What all migrations together make; written by tools/embed-migrations --snapshot.

CREATE TABLE clients (
    ID BLOB(16) PRIMARY KEY,
    Name VARCHAR(255) UNIQUE NOT NULL,
    PublicKey BLOB(160),
    LastSeen TEXT NOT NULL,
    AESKey BLOB(32)
);

CREATE TABLE files (
    ID BLOB(16) UNIQUE,
    FileName VARCHAR(255) NOT NULL,
    PathName VARCHAR(255) NOT NULL,
    Verified BOOLEAN DEFAULT 0,
    FileSize INTEGER,
    ModificationDate TEXT,
    CRC INTEGER,
    ClientID BLOB(16) NOT NULL, FileCategory VARCHAR(50) DEFAULT 'document', MimeType VARCHAR(100), FileExtension VARCHAR(10), OriginalPath TEXT, FileHash VARCHAR(64), TransferDuration INTEGER, TransferSpeed INTEGER, CompressionRatio REAL, CurrentVersionID INTEGER, TotalVersions INTEGER DEFAULT 1, RecordedAt TEXT, ModifiedNs INTEGER, Inode INTEGER, IsStored BOOLEAN DEFAULT 1, MissingSince TEXT, RowKey INTEGER PRIMARY KEY AUTOINCREMENT,
    FOREIGN KEY (ClientID) REFERENCES clients(ID) ON DELETE CASCADE
);

CREATE TABLE metrics_history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    timestamp TEXT NOT NULL,
    metric_name VARCHAR(100) NOT NULL,
    value REAL NOT NULL
);

CREATE INDEX idx_files_client_id ON files(ClientID);

CREATE INDEX idx_clients_lastseen ON clients(LastSeen);

CREATE INDEX idx_files_size ON files(FileSize);

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
    WarningThreshold REAL DEFAULT 0.8, WarnedAt TEXT,
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
    ParentVersionID INTEGER, ModificationDate TEXT, CRC INTEGER, Pinned BOOLEAN DEFAULT 0,
    FOREIGN KEY (FileID) REFERENCES files(ID) ON DELETE CASCADE,
    FOREIGN KEY (ParentVersionID) REFERENCES file_versions(ID)
);

CREATE INDEX idx_file_versions_file_id ON file_versions(FileID);

CREATE INDEX idx_files_identity_path ON files(ClientID, OriginalPath)
    WHERE OriginalPath IS NOT NULL;

CREATE INDEX idx_file_versions_parent ON file_versions(ParentVersionID);

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

CREATE TABLE client_usage (
    ClientID BLOB(16) PRIMARY KEY,
    Files INTEGER NOT NULL,
    Bytes INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE catalog_settings (
    Name VARCHAR(50) PRIMARY KEY,
    Value
) WITHOUT ROWID;

CREATE TABLE files_replaced (
    FileRow INTEGER PRIMARY KEY,
    ClientID BLOB(16),
    Bytes INTEGER
, Category, SizeClass INTEGER, Verified INTEGER, Date, RecordedAt, RecordedDate, Settled INTEGER);

CREATE TABLE client_quotas_replaced (
    ClientID BLOB(16) PRIMARY KEY,
    QuotaBytes INTEGER,
    LastUpdated TEXT,
    WarningThreshold REAL,
    WarnedAt TEXT
);

CREATE TRIGGER trg_client_usage_added AFTER INSERT ON client_usage
BEGIN
    UPDATE client_quotas SET UsedBytes = NEW.Bytes WHERE ClientID = NEW.ClientID;
    SELECT RAISE(ABORT, 'over the quota of the client')
     WHERE (SELECT s.Value FROM catalog_settings s WHERE s.Name = 'refuse_over_quota') = 1
       AND NEW.Bytes > (SELECT q.QuotaBytes FROM client_quotas q WHERE q.ClientID = NEW.ClientID);
END;

CREATE TRIGGER trg_client_usage_changed AFTER UPDATE OF Bytes ON client_usage
    WHEN NEW.Bytes <> OLD.Bytes
BEGIN
    UPDATE client_quotas SET UsedBytes = NEW.Bytes WHERE ClientID = NEW.ClientID;
    SELECT RAISE(ABORT, 'over the quota of the client')
     WHERE NEW.Bytes > OLD.Bytes
       AND (SELECT s.Value FROM catalog_settings s WHERE s.Name = 'refuse_over_quota') = 1
       AND NEW.Bytes > (SELECT q.QuotaBytes FROM client_quotas q WHERE q.ClientID = NEW.ClientID);
END;

CREATE TRIGGER trg_client_quotas_added AFTER INSERT ON client_quotas
BEGIN
    UPDATE client_quotas SET UsedBytes = coalesce((SELECT u.Bytes FROM client_usage u
        WHERE u.ClientID = NEW.ClientID), 0) WHERE ClientID = NEW.ClientID;
END;

CREATE TRIGGER trg_client_quotas_corrected
    AFTER UPDATE OF UsedBytes, ClientID ON client_quotas
    WHEN NEW.UsedBytes IS NOT coalesce((SELECT u.Bytes FROM client_usage u
        WHERE u.ClientID = NEW.ClientID), 0)
BEGIN
    UPDATE client_quotas SET UsedBytes = coalesce((SELECT u.Bytes FROM client_usage u
        WHERE u.ClientID = NEW.ClientID), 0) WHERE ClientID = NEW.ClientID;
END;

CREATE TRIGGER trg_client_quotas_warn
    AFTER UPDATE OF UsedBytes, QuotaBytes, WarningThreshold ON client_quotas
    WHEN (NEW.WarnedAt IS NULL) = (NEW.UsedBytes >= NEW.QuotaBytes * NEW.WarningThreshold)
     AND NEW.UsedBytes = coalesce((SELECT u.Bytes FROM client_usage u
         WHERE u.ClientID = NEW.ClientID), 0)
BEGIN
    INSERT INTO client_activity (ClientID, ActivityType, Timestamp, FileCount, BytesTransferred)
        SELECT c.ID, 'quota_warning', strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), u.Files, u.Bytes
          FROM clients c JOIN client_usage u ON u.ClientID = c.ID
         WHERE c.ID = NEW.ClientID AND NEW.WarnedAt IS NULL;
    UPDATE client_quotas SET WarnedAt = CASE
            WHEN NEW.WarnedAt IS NULL THEN strftime('%Y-%m-%dT%H:%M:%SZ', 'now') END
     WHERE ClientID = NEW.ClientID;
END;

CREATE TRIGGER trg_clients_note_quota BEFORE INSERT ON clients
BEGIN
    DELETE FROM client_quotas_replaced;
    INSERT INTO client_quotas_replaced
            (ClientID, QuotaBytes, LastUpdated, WarningThreshold, WarnedAt)
        SELECT ClientID, QuotaBytes, LastUpdated, WarningThreshold, WarnedAt
          FROM client_quotas WHERE ClientID = NEW.ID;
END;

CREATE TRIGGER trg_clients_give_quota AFTER INSERT ON clients
BEGIN
    INSERT INTO client_quotas
            (ClientID, QuotaBytes, UsedBytes, LastUpdated, WarningThreshold, WarnedAt)
        SELECT r.ClientID, r.QuotaBytes, 0, r.LastUpdated, r.WarningThreshold, r.WarnedAt
          FROM client_quotas_replaced r WHERE r.ClientID = NEW.ID
           AND NOT EXISTS (SELECT 1 FROM client_quotas q WHERE q.ClientID = NEW.ID);
    INSERT INTO client_quotas (ClientID, QuotaBytes, UsedBytes, LastUpdated, WarningThreshold)
        SELECT NEW.ID, s.Value, 0, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'),
               coalesce((SELECT w.Value FROM catalog_settings w
                          WHERE w.Name = 'default_quota_warning'), 0.8)
          FROM catalog_settings s WHERE s.Name = 'default_quota_bytes' AND NEW.ID IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM client_quotas q WHERE q.ClientID = NEW.ID);
    DELETE FROM client_quotas_replaced;
END;

CREATE TRIGGER trg_clients_forget_usage AFTER DELETE ON clients
BEGIN
    DELETE FROM client_usage WHERE ClientID = OLD.ID AND Files = 0;
END;

CREATE TABLE catalog_activity (
    ID INTEGER PRIMARY KEY AUTOINCREMENT,
    ActivityType VARCHAR(50) NOT NULL,
    Timestamp TEXT NOT NULL,
    Detail TEXT,
    BytesTransferred INTEGER DEFAULT 0
);

CREATE TABLE client_usage_daily (
    ClientID BLOB(16) NOT NULL,
    Date TEXT NOT NULL,
    Files INTEGER NOT NULL,
    Bytes INTEGER NOT NULL,
    PRIMARY KEY (ClientID, Date)
) WITHOUT ROWID;

CREATE INDEX idx_client_activity_time ON client_activity(Timestamp);

CREATE INDEX idx_client_activity_client_time
    ON client_activity(ClientID, Timestamp);

CREATE INDEX idx_client_activity_archive_time ON client_activity_archive(Timestamp);

CREATE INDEX idx_catalog_activity_time ON catalog_activity(Timestamp);

CREATE INDEX idx_metrics_name_time ON metrics_history(metric_name, timestamp);

CREATE TRIGGER trg_clients_begin_daily AFTER INSERT ON clients
BEGIN
    INSERT INTO client_usage_daily (ClientID, Date, Files, Bytes)
        SELECT NEW.ID, date('now', '-1 day'), 0, 0 WHERE NEW.ID IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM client_usage_daily d WHERE d.ClientID = NEW.ID)
           AND NOT EXISTS (SELECT 1 FROM client_usage u WHERE u.ClientID = NEW.ID);
END;

CREATE TRIGGER trg_clients_forget_daily AFTER DELETE ON clients
BEGIN
    DELETE FROM client_usage_daily WHERE ClientID = OLD.ID;
END;

CREATE INDEX idx_file_versions_path ON file_versions(PathName);

CREATE TABLE retention_policies (
    ClientID BLOB(16) PRIMARY KEY,
    KeepLast INTEGER,
    KeepDaily INTEGER,
    KeepWeekly INTEGER,
    KeepMonthly INTEGER,
    KeepYearly INTEGER,
    KeepWithin INTEGER,
    LastUpdated TEXT NOT NULL,
    FOREIGN KEY (ClientID) REFERENCES clients(ID) ON DELETE CASCADE
);

CREATE TABLE category_rules (
    ID INTEGER PRIMARY KEY AUTOINCREMENT,
    Category VARCHAR(50) NOT NULL,
    Kind VARCHAR(10) NOT NULL,
    Pattern VARCHAR(100) NOT NULL,
    UNIQUE (Kind, Pattern)
);

CREATE TABLE orphaned_rows (
    ID INTEGER PRIMARY KEY AUTOINCREMENT,
    TableName VARCHAR(100) NOT NULL,
    MovedAt TEXT NOT NULL,
    Reason TEXT NOT NULL,
    Content TEXT NOT NULL
);

CREATE INDEX idx_files_verified ON files(Verified) WHERE Verified = 1;

CREATE INDEX idx_files_client_verified ON files(ClientID, Verified) WHERE Verified = 1;

CREATE TABLE search_state (
    ID INTEGER PRIMARY KEY CHECK (ID = 1),
    Through INTEGER NOT NULL,
    NextChunk INTEGER NOT NULL,
    Format TEXT NOT NULL
);

CREATE TABLE search_segments (
    Segment INTEGER PRIMARY KEY AUTOINCREMENT,
    FirstChunk INTEGER NOT NULL,
    Chunks INTEGER NOT NULL
);

CREATE TABLE search_postings (
    Key INTEGER PRIMARY KEY,
    Until INTEGER NOT NULL,
    Blocks INTEGER NOT NULL,
    Lists BLOB NOT NULL
);

CREATE TABLE search_chunks (
    Chunk INTEGER PRIMARY KEY,
    FirstRow INTEGER NOT NULL,
    LastRow INTEGER NOT NULL,
    Oldest INTEGER,
    Newest INTEGER,
    Slots BLOB NOT NULL
);

CREATE INDEX idx_search_chunks_dates ON search_chunks(Newest, Oldest);

CREATE TABLE search_changes (
    RowKey INTEGER PRIMARY KEY
);

CREATE TRIGGER trg_files_search_insert AFTER INSERT ON files
    WHEN NEW.RowKey <= (SELECT s.Through FROM search_state s WHERE s.ID = 1)
BEGIN
    INSERT INTO search_changes (RowKey) SELECT NEW.RowKey
     WHERE NOT EXISTS (SELECT 1 FROM search_changes c WHERE c.RowKey = NEW.RowKey);
END;

CREATE TRIGGER trg_files_search_update
    AFTER UPDATE OF FileName, PathName, OriginalPath, ModificationDate, RowKey, rowid, oid,
        _rowid_ ON files
    WHEN NEW.RowKey <= (SELECT s.Through FROM search_state s WHERE s.ID = 1)
     AND (NEW.RowKey <> OLD.RowKey OR NEW.FileName IS NOT OLD.FileName
          OR NEW.PathName IS NOT OLD.PathName OR NEW.OriginalPath IS NOT OLD.OriginalPath
          OR NEW.ModificationDate IS NOT OLD.ModificationDate)
BEGIN
    INSERT INTO search_changes (RowKey) SELECT NEW.RowKey
     WHERE NOT EXISTS (SELECT 1 FROM search_changes c WHERE c.RowKey = NEW.RowKey);
END;

CREATE TABLE file_totals (
    Category VARCHAR(50) NOT NULL,
    SizeClass INTEGER NOT NULL,
    Verified INTEGER NOT NULL,
    Files INTEGER NOT NULL,
    Bytes INTEGER NOT NULL,
    PRIMARY KEY (Category, SizeClass, Verified)
) WITHOUT ROWID;

CREATE TABLE file_days (
    Date TEXT PRIMARY KEY,
    Files INTEGER NOT NULL,
    Bytes INTEGER NOT NULL,
    RecordedFiles INTEGER NOT NULL,
    RecordedBytes INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE client_recorded (
    ClientID BLOB(16) NOT NULL,
    RecordedAt TEXT NOT NULL,
    Files INTEGER NOT NULL,
    PRIMARY KEY (ClientID, RecordedAt)
) WITHOUT ROWID;

CREATE TRIGGER trg_files_note_insert BEFORE INSERT ON files
BEGIN
    DELETE FROM files_replaced WHERE 1;
    INSERT INTO files_replaced (FileRow, ClientID, Bytes, Category, SizeClass, Verified, Date,
        RecordedAt, RecordedDate)
        SELECT rowid, ClientID, CASE WHEN typeof(FileSize) = 'integer'
            THEN min(max(FileSize, 0), 9007199254740992) ELSE 0 END,
        coalesce(FileCategory, ''),
        CASE WHEN typeof(FileSize) <> 'integer' THEN 0 WHEN FileSize < 1 THEN 1
             WHEN FileSize < 1024 THEN 2 WHEN FileSize < 16384 THEN 3
             WHEN FileSize < 262144 THEN 4 WHEN FileSize < 4194304 THEN 5
             WHEN FileSize < 67108864 THEN 6 WHEN FileSize < 1073741824 THEN 7 ELSE 8 END,
        coalesce(Verified <> 0, 0),
        CASE WHEN ModificationDate GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*'
             THEN substr(ModificationDate, 1, 10) ELSE '' END,
        CASE WHEN RecordedAt GLOB '2???-??-??T??:??:??*Z'
             THEN substr(RecordedAt, 1, 19) || 'Z' END,
        CASE WHEN RecordedAt GLOB '2???-??-??T??:??:??*Z'
             THEN substr(RecordedAt, 1, 10) END
          FROM files WHERE ID = NEW.ID OR rowid = NEW.rowid;
END;

CREATE TRIGGER trg_files_count_insert AFTER INSERT ON files
BEGIN
    INSERT INTO client_usage (ClientID, Files, Bytes) VALUES (NEW.ClientID,
        1 - (SELECT count(*) FROM files_replaced r WHERE r.ClientID = NEW.ClientID),
        CASE WHEN typeof(NEW.FileSize) = 'integer'
             THEN min(max(NEW.FileSize, 0), 9007199254740992) ELSE 0 END -
        (SELECT coalesce(sum(r.Bytes), 0) FROM files_replaced r WHERE r.ClientID = NEW.ClientID))
        ON CONFLICT (ClientID) DO UPDATE SET
            Files = Files + excluded.Files, Bytes = Bytes + excluded.Bytes;
    INSERT INTO file_totals (Category, SizeClass, Verified, Files, Bytes) VALUES (
        coalesce(NEW.FileCategory, ''),
        CASE WHEN typeof(NEW.FileSize) <> 'integer' THEN 0 WHEN NEW.FileSize < 1 THEN 1
             WHEN NEW.FileSize < 1024 THEN 2 WHEN NEW.FileSize < 16384 THEN 3
             WHEN NEW.FileSize < 262144 THEN 4 WHEN NEW.FileSize < 4194304 THEN 5
             WHEN NEW.FileSize < 67108864 THEN 6 WHEN NEW.FileSize < 1073741824 THEN 7 ELSE 8 END,
        coalesce(NEW.Verified <> 0, 0), 1,
        CASE WHEN typeof(NEW.FileSize) = 'integer'
            THEN min(max(NEW.FileSize, 0), 9007199254740992) ELSE 0 END)
        ON CONFLICT (Category, SizeClass, Verified) DO UPDATE SET
            Files = Files + 1, Bytes = Bytes + excluded.Bytes;
    INSERT INTO file_days (Date, Files, Bytes, RecordedFiles, RecordedBytes) VALUES (
        CASE WHEN NEW.ModificationDate GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*'
             THEN substr(NEW.ModificationDate, 1, 10) ELSE '' END, 1,
        CASE WHEN typeof(NEW.FileSize) = 'integer'
            THEN min(max(NEW.FileSize, 0), 9007199254740992) ELSE 0 END, 0, 0)
        ON CONFLICT (Date) DO UPDATE SET Files = Files + 1, Bytes = Bytes + excluded.Bytes;
    INSERT INTO file_days (Date, Files, Bytes, RecordedFiles, RecordedBytes) SELECT
        substr(NEW.RecordedAt, 1, 10), 0, 0, 1,
        CASE WHEN typeof(NEW.FileSize) = 'integer'
            THEN min(max(NEW.FileSize, 0), 9007199254740992) ELSE 0 END
        WHERE NEW.RecordedAt GLOB '2???-??-??T??:??:??*Z'
        ON CONFLICT (Date) DO UPDATE SET RecordedFiles = RecordedFiles + 1,
            RecordedBytes = RecordedBytes + excluded.RecordedBytes;
    INSERT INTO client_recorded (ClientID, RecordedAt, Files)
        SELECT NEW.ClientID, substr(NEW.RecordedAt, 1, 19) || 'Z', 1
         WHERE NEW.RecordedAt GLOB '2???-??-??T??:??:??*Z'
        ON CONFLICT (ClientID, RecordedAt) DO UPDATE SET Files = Files + 1;
    UPDATE files_replaced SET Settled = ClientID IS NEW.ClientID;
    DELETE FROM files_replaced WHERE 1;
END;

CREATE TRIGGER trg_files_note_update
    BEFORE UPDATE OF ID, RowKey, rowid, oid, _rowid_ ON files
BEGIN
    DELETE FROM files_replaced WHERE 1;
    INSERT INTO files_replaced (FileRow, ClientID, Bytes, Category, SizeClass, Verified, Date,
        RecordedAt, RecordedDate)
        SELECT rowid, ClientID, CASE WHEN typeof(FileSize) = 'integer'
            THEN min(max(FileSize, 0), 9007199254740992) ELSE 0 END,
        coalesce(FileCategory, ''),
        CASE WHEN typeof(FileSize) <> 'integer' THEN 0 WHEN FileSize < 1 THEN 1
             WHEN FileSize < 1024 THEN 2 WHEN FileSize < 16384 THEN 3
             WHEN FileSize < 262144 THEN 4 WHEN FileSize < 4194304 THEN 5
             WHEN FileSize < 67108864 THEN 6 WHEN FileSize < 1073741824 THEN 7 ELSE 8 END,
        coalesce(Verified <> 0, 0),
        CASE WHEN ModificationDate GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*'
             THEN substr(ModificationDate, 1, 10) ELSE '' END,
        CASE WHEN RecordedAt GLOB '2???-??-??T??:??:??*Z'
             THEN substr(RecordedAt, 1, 19) || 'Z' END,
        CASE WHEN RecordedAt GLOB '2???-??-??T??:??:??*Z'
             THEN substr(RecordedAt, 1, 10) END
          FROM files WHERE (ID = NEW.ID OR rowid = NEW.rowid) AND rowid <> OLD.rowid;
END;

CREATE TRIGGER trg_files_count_update
    AFTER UPDATE OF ID, RowKey, rowid, oid, _rowid_, ClientID, FileSize, FileCategory, Verified,
        ModificationDate, RecordedAt ON files
    WHEN NEW.FileSize IS NOT OLD.FileSize OR NEW.ClientID IS NOT OLD.ClientID
      OR NEW.FileCategory IS NOT OLD.FileCategory OR NEW.Verified IS NOT OLD.Verified
      OR NEW.ModificationDate IS NOT OLD.ModificationDate
      OR NEW.RecordedAt IS NOT OLD.RecordedAt OR NEW.ID IS NOT OLD.ID OR NEW.rowid <> OLD.rowid
BEGIN
    DELETE FROM files_replaced WHERE NEW.ID IS OLD.ID AND NEW.rowid = OLD.rowid;
    INSERT INTO files_replaced (FileRow, ClientID, Bytes, Category, SizeClass, Verified, Date,
        RecordedAt, RecordedDate)
        VALUES (OLD.rowid, OLD.ClientID, CASE WHEN typeof(OLD.FileSize) = 'integer'
            THEN min(max(OLD.FileSize, 0), 9007199254740992) ELSE 0 END,
        coalesce(OLD.FileCategory, ''),
        CASE WHEN typeof(OLD.FileSize) <> 'integer' THEN 0 WHEN OLD.FileSize < 1 THEN 1
             WHEN OLD.FileSize < 1024 THEN 2 WHEN OLD.FileSize < 16384 THEN 3
             WHEN OLD.FileSize < 262144 THEN 4 WHEN OLD.FileSize < 4194304 THEN 5
             WHEN OLD.FileSize < 67108864 THEN 6 WHEN OLD.FileSize < 1073741824 THEN 7 ELSE 8 END,
        coalesce(OLD.Verified <> 0, 0),
        CASE WHEN OLD.ModificationDate GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*'
             THEN substr(OLD.ModificationDate, 1, 10) ELSE '' END,
        CASE WHEN OLD.RecordedAt GLOB '2???-??-??T??:??:??*Z'
             THEN substr(OLD.RecordedAt, 1, 19) || 'Z' END,
        CASE WHEN OLD.RecordedAt GLOB '2???-??-??T??:??:??*Z'
             THEN substr(OLD.RecordedAt, 1, 10) END);
    INSERT INTO client_usage (ClientID, Files, Bytes) VALUES (NEW.ClientID,
        1 - (SELECT count(*) FROM files_replaced r WHERE r.ClientID = NEW.ClientID),
        CASE WHEN typeof(NEW.FileSize) = 'integer'
             THEN min(max(NEW.FileSize, 0), 9007199254740992) ELSE 0 END -
        (SELECT coalesce(sum(r.Bytes), 0) FROM files_replaced r WHERE r.ClientID = NEW.ClientID))
        ON CONFLICT (ClientID) DO UPDATE SET
            Files = Files + excluded.Files, Bytes = Bytes + excluded.Bytes;
    INSERT INTO file_totals (Category, SizeClass, Verified, Files, Bytes) VALUES (
        coalesce(NEW.FileCategory, ''),
        CASE WHEN typeof(NEW.FileSize) <> 'integer' THEN 0 WHEN NEW.FileSize < 1 THEN 1
             WHEN NEW.FileSize < 1024 THEN 2 WHEN NEW.FileSize < 16384 THEN 3
             WHEN NEW.FileSize < 262144 THEN 4 WHEN NEW.FileSize < 4194304 THEN 5
             WHEN NEW.FileSize < 67108864 THEN 6 WHEN NEW.FileSize < 1073741824 THEN 7 ELSE 8 END,
        coalesce(NEW.Verified <> 0, 0), 1,
        CASE WHEN typeof(NEW.FileSize) = 'integer'
            THEN min(max(NEW.FileSize, 0), 9007199254740992) ELSE 0 END)
        ON CONFLICT (Category, SizeClass, Verified) DO UPDATE SET
            Files = Files + 1, Bytes = Bytes + excluded.Bytes;
    INSERT INTO file_days (Date, Files, Bytes, RecordedFiles, RecordedBytes) VALUES (
        CASE WHEN NEW.ModificationDate GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*'
             THEN substr(NEW.ModificationDate, 1, 10) ELSE '' END, 1,
        CASE WHEN typeof(NEW.FileSize) = 'integer'
            THEN min(max(NEW.FileSize, 0), 9007199254740992) ELSE 0 END, 0, 0)
        ON CONFLICT (Date) DO UPDATE SET Files = Files + 1, Bytes = Bytes + excluded.Bytes;
    INSERT INTO file_days (Date, Files, Bytes, RecordedFiles, RecordedBytes) SELECT
        substr(NEW.RecordedAt, 1, 10), 0, 0, 1,
        CASE WHEN typeof(NEW.FileSize) = 'integer'
            THEN min(max(NEW.FileSize, 0), 9007199254740992) ELSE 0 END
        WHERE NEW.RecordedAt GLOB '2???-??-??T??:??:??*Z'
        ON CONFLICT (Date) DO UPDATE SET RecordedFiles = RecordedFiles + 1,
            RecordedBytes = RecordedBytes + excluded.RecordedBytes;
    INSERT INTO client_recorded (ClientID, RecordedAt, Files)
        SELECT NEW.ClientID, substr(NEW.RecordedAt, 1, 19) || 'Z', 1
         WHERE NEW.RecordedAt GLOB '2???-??-??T??:??:??*Z'
        ON CONFLICT (ClientID, RecordedAt) DO UPDATE SET Files = Files + 1;
    UPDATE files_replaced SET Settled = ClientID IS NEW.ClientID;
    DELETE FROM files_replaced WHERE 1;
END;

CREATE TRIGGER trg_files_replaced_settle AFTER UPDATE OF Settled ON files_replaced
BEGIN
    UPDATE client_usage SET Files = Files - 1, Bytes = Bytes - OLD.Bytes
     WHERE ClientID = OLD.ClientID AND NOT NEW.Settled;
    UPDATE file_totals SET Files = Files - 1, Bytes = Bytes - OLD.Bytes
     WHERE Category = OLD.Category AND SizeClass = OLD.SizeClass AND Verified = OLD.Verified;
    UPDATE file_days SET Files = Files - 1, Bytes = Bytes - OLD.Bytes WHERE Date = OLD.Date;
    UPDATE file_days SET RecordedFiles = RecordedFiles - 1,
        RecordedBytes = RecordedBytes - OLD.Bytes
     WHERE Date = OLD.RecordedDate;
    UPDATE client_recorded SET Files = Files - 1
     WHERE ClientID = OLD.ClientID AND RecordedAt = OLD.RecordedAt;
    DELETE FROM client_recorded
     WHERE ClientID = OLD.ClientID AND RecordedAt = OLD.RecordedAt AND Files < 1;
END;

CREATE TRIGGER trg_files_count_delete AFTER DELETE ON files
BEGIN
    UPDATE client_usage SET Files = Files - 1, Bytes = Bytes -
        CASE WHEN typeof(OLD.FileSize) = 'integer'
             THEN min(max(OLD.FileSize, 0), 9007199254740992) ELSE 0 END
     WHERE ClientID = OLD.ClientID;
    UPDATE file_totals SET Files = Files - 1, Bytes = Bytes -
        CASE WHEN typeof(OLD.FileSize) = 'integer'
            THEN min(max(OLD.FileSize, 0), 9007199254740992) ELSE 0 END
     WHERE Category = coalesce(OLD.FileCategory, '') AND SizeClass =
        CASE WHEN typeof(OLD.FileSize) <> 'integer' THEN 0 WHEN OLD.FileSize < 1 THEN 1
             WHEN OLD.FileSize < 1024 THEN 2 WHEN OLD.FileSize < 16384 THEN 3
             WHEN OLD.FileSize < 262144 THEN 4 WHEN OLD.FileSize < 4194304 THEN 5
             WHEN OLD.FileSize < 67108864 THEN 6 WHEN OLD.FileSize < 1073741824 THEN 7 ELSE 8 END
       AND Verified = coalesce(OLD.Verified <> 0, 0);
    UPDATE file_days SET Files = Files - 1, Bytes = Bytes -
        CASE WHEN typeof(OLD.FileSize) = 'integer'
            THEN min(max(OLD.FileSize, 0), 9007199254740992) ELSE 0 END
     WHERE Date =
        CASE WHEN OLD.ModificationDate GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*'
             THEN substr(OLD.ModificationDate, 1, 10) ELSE '' END;
    UPDATE file_days SET RecordedFiles = RecordedFiles - 1, RecordedBytes = RecordedBytes -
        CASE WHEN typeof(OLD.FileSize) = 'integer'
            THEN min(max(OLD.FileSize, 0), 9007199254740992) ELSE 0 END
     WHERE Date =
        CASE WHEN OLD.RecordedAt GLOB '2???-??-??T??:??:??*Z'
             THEN substr(OLD.RecordedAt, 1, 10) END;
    UPDATE client_recorded SET Files = Files - 1
     WHERE ClientID = OLD.ClientID AND RecordedAt =
        CASE WHEN OLD.RecordedAt GLOB '2???-??-??T??:??:??*Z'
             THEN substr(OLD.RecordedAt, 1, 19) || 'Z' END;
    DELETE FROM client_recorded
     WHERE ClientID = OLD.ClientID AND RecordedAt =
        CASE WHEN OLD.RecordedAt GLOB '2???-??-??T??:??:??*Z'
             THEN substr(OLD.RecordedAt, 1, 19) || 'Z' END
       AND Files < 1;
    DELETE FROM files_replaced WHERE FileRow = OLD.rowid;
END;

CREATE INDEX idx_files_filename ON files(FileName, ClientID, (OriginalPath IS NULL));

CREATE INDEX idx_files_client_name ON files(ClientID, FileName) WHERE OriginalPath IS NULL;

CREATE INDEX idx_files_stored_path ON files(substr(PathName, -16)) WHERE IsStored <> 0
    AND coalesce(OriginalPath IS NULL AND typeof(FileName) = 'text' AND typeof(PathName) = 'text'
        AND instr(FileName, '/') = 0
        AND substr('/' || PathName, -1 - length(FileName)) = '/' || FileName, 0) = 0;

CREATE TABLE master_keys (
    ID VARCHAR(16) PRIMARY KEY NOT NULL,
    CreatedAt TEXT NOT NULL,
    IsCurrent INTEGER NOT NULL DEFAULT 0,
    CleanedAt TEXT
);

CREATE UNIQUE INDEX idx_master_keys_current ON master_keys(IsCurrent) WHERE IsCurrent = 1;

CREATE INDEX idx_clients_plain_key ON clients(ID)
    WHERE length(CAST(AESKey AS BLOB)) > 0
    AND (length(CAST(AESKey AS BLOB)) < 44 OR substr(CAST(AESKey AS BLOB), 1, 8) <> x'9353524B45590A01');
