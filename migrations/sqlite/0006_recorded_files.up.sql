-- Description: Add what recording real files needs, and exact versions
-- Changes: files, file_versions
ALTER TABLE files ADD COLUMN RecordedAt TEXT;
ALTER TABLE files ADD COLUMN ModifiedNs INTEGER;
ALTER TABLE files ADD COLUMN Inode INTEGER;
ALTER TABLE files ADD COLUMN IsStored BOOLEAN DEFAULT 1;
ALTER TABLE files ADD COLUMN MissingSince TEXT;

ALTER TABLE file_versions ADD COLUMN ModificationDate TEXT;
ALTER TABLE file_versions ADD COLUMN CRC INTEGER;

-- A file's identity: each row is in exactly one of the two.
CREATE INDEX IF NOT EXISTS idx_files_identity_path ON files(ClientID, OriginalPath)
    WHERE OriginalPath IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_files_identity_name ON files(ClientID, FileName)
    WHERE OriginalPath IS NULL;

-- Whether another record refers to the same stored bytes. Files that are only catalogued cost
-- nothing here.
CREATE INDEX IF NOT EXISTS idx_files_stored_path ON files(PathName) WHERE IsStored <> 0;

-- Deleting a parent looks for its children.
CREATE INDEX IF NOT EXISTS idx_file_versions_parent ON file_versions(ParentVersionID);
CREATE INDEX IF NOT EXISTS idx_client_activity_client ON client_activity(ClientID);
