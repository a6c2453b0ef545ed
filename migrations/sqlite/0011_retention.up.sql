-- Description: Versions that are kept, and for how long
-- Changes: file_versions, retention_policies
ALTER TABLE file_versions ADD COLUMN Pinned BOOLEAN DEFAULT 0;

-- Whether another version refers to the same stored bytes.
CREATE INDEX IF NOT EXISTS idx_file_versions_path ON file_versions(PathName);

-- Null keeps nothing by that rule. KeepWithin is in seconds.
CREATE TABLE IF NOT EXISTS retention_policies (
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
