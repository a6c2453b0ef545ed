-- Allows: drop index
DROP INDEX IF EXISTS idx_files_stored_path;
DROP INDEX IF EXISTS idx_files_client_name;
DROP INDEX IF EXISTS idx_files_filename;
CREATE INDEX idx_files_filename ON files(FileName);
CREATE INDEX idx_files_client_name ON files(ClientID, FileName, (OriginalPath IS NULL));
CREATE INDEX idx_files_stored_path ON files(substr(PathName, -16)) WHERE IsStored <> 0;
