-- The old code's migration 4.
CREATE TABLE client_quotas (
    ClientID BLOB(16) PRIMARY KEY,
    QuotaBytes INTEGER NOT NULL DEFAULT 1073741824,
    UsedBytes INTEGER DEFAULT 0,
    LastUpdated TEXT NOT NULL,
    WarningThreshold REAL DEFAULT 0.8,
    FOREIGN KEY (ClientID) REFERENCES clients(ID) ON DELETE CASCADE
);
INSERT INTO client_quotas (ClientID, LastUpdated) SELECT ID, datetime('now') FROM clients;
CREATE TABLE IF NOT EXISTS database_migrations (version INTEGER PRIMARY KEY, description TEXT NOT NULL, applied_at TEXT NOT NULL, rollback_sql TEXT);
INSERT INTO database_migrations VALUES (4, 'Client quotas', '2025-08-29T17:42:34.123456+00:00', NULL);
