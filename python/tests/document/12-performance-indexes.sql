CREATE INDEX idx_files_client_id ON files(ClientID);
CREATE INDEX idx_files_filename ON files(FileName);  
CREATE INDEX idx_clients_name ON clients(Name);
CREATE INDEX idx_files_verified ON files(Verified);
CREATE INDEX idx_clients_lastseen ON clients(LastSeen);
CREATE INDEX idx_files_size ON files(FileSize);
CREATE INDEX idx_files_client_verified ON files(ClientID, Verified);
CREATE INDEX idx_files_client_name ON files(ClientID, FileName);
