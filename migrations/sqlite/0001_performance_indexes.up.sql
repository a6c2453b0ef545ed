-- Description: Add performance indexes for faster queries
CREATE INDEX IF NOT EXISTS idx_files_client_id ON files(ClientID);
CREATE INDEX IF NOT EXISTS idx_files_filename ON files(FileName);
CREATE INDEX IF NOT EXISTS idx_clients_name ON clients(Name);
CREATE INDEX IF NOT EXISTS idx_files_verified ON files(Verified);
CREATE INDEX IF NOT EXISTS idx_clients_lastseen ON clients(LastSeen);
CREATE INDEX IF NOT EXISTS idx_files_size ON files(FileSize);
CREATE INDEX IF NOT EXISTS idx_files_client_verified ON files(ClientID, Verified);
CREATE INDEX IF NOT EXISTS idx_files_client_name ON files(ClientID, FileName);
