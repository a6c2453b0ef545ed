-- The old code's migration 1.
CREATE INDEX idx_files_client_id ON files(ClientID);
CREATE INDEX idx_files_filename ON files(FileName);  
CREATE INDEX idx_clients_name ON clients(Name);
CREATE INDEX idx_files_verified ON files(Verified);
CREATE INDEX idx_clients_lastseen ON clients(LastSeen);
CREATE INDEX idx_files_size ON files(FileSize);
CREATE INDEX idx_files_client_verified ON files(ClientID, Verified);
CREATE INDEX idx_files_client_name ON files(ClientID, FileName);
CREATE TABLE IF NOT EXISTS database_migrations (version INTEGER PRIMARY KEY, description TEXT NOT NULL, applied_at TEXT NOT NULL, rollback_sql TEXT);
INSERT INTO database_migrations VALUES (1, 'Add performance indexes for faster queries', '2025-08-29T17:42:34.123456+00:00', NULL);
