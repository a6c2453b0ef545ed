-- Allows: drop index
DROP INDEX IF EXISTS idx_files_stored_path;
DROP INDEX IF EXISTS idx_files_client_verified;
DROP INDEX IF EXISTS idx_files_verified;
DROP INDEX IF EXISTS idx_files_client_name;
CREATE INDEX IF NOT EXISTS idx_clients_name ON clients(Name);
CREATE INDEX idx_files_verified ON files(Verified);
CREATE INDEX idx_files_client_verified ON files(ClientID, Verified);
CREATE INDEX idx_files_client_name ON files(ClientID, FileName);
CREATE INDEX IF NOT EXISTS idx_file_versions_active ON file_versions(IsActive);
CREATE INDEX IF NOT EXISTS idx_files_identity_name ON files(ClientID, FileName)
    WHERE OriginalPath IS NULL;
CREATE INDEX idx_files_stored_path ON files(PathName) WHERE IsStored <> 0;
