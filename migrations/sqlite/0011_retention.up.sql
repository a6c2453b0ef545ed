-- Description: Versions that are kept, and for how long
-- Changes: file_versions, retention_policies
ALTER TABLE file_versions ADD COLUMN Pinned BOOLEAN DEFAULT 0;

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
