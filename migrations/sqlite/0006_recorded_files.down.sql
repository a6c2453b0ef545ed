-- Allows: drop index
-- Changes: files, file_versions
DROP INDEX IF EXISTS idx_client_activity_client;
DROP INDEX IF EXISTS idx_file_versions_parent;
DROP INDEX IF EXISTS idx_files_stored_path;
DROP INDEX IF EXISTS idx_files_identity_name;
DROP INDEX IF EXISTS idx_files_identity_path;
ALTER TABLE file_versions DROP COLUMN CRC;
ALTER TABLE file_versions DROP COLUMN ModificationDate;
ALTER TABLE files DROP COLUMN MissingSince;
ALTER TABLE files DROP COLUMN IsStored;
ALTER TABLE files DROP COLUMN Inode;
ALTER TABLE files DROP COLUMN ModifiedNs;
ALTER TABLE files DROP COLUMN RecordedAt;
