-- Description: Add client quotas and storage management
-- Changes: client_quotas
CREATE TABLE IF NOT EXISTS client_quotas (
    ClientID BLOB(16) PRIMARY KEY,
    QuotaBytes INTEGER NOT NULL DEFAULT 1073741824,
    UsedBytes INTEGER DEFAULT 0,
    LastUpdated TEXT NOT NULL,
    WarningThreshold REAL DEFAULT 0.8,
    FOREIGN KEY (ClientID) REFERENCES clients(ID) ON DELETE CASCADE
);

INSERT OR IGNORE INTO client_quotas (ClientID, QuotaBytes, UsedBytes, LastUpdated)
    SELECT ID, 1073741824, 0, datetime('now') FROM clients WHERE ID IS NOT NULL;
