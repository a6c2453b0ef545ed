-- Allows: drop index, drop table file_versions
-- Changes: files, file_versions
DROP INDEX IF EXISTS idx_file_versions_active;
DROP INDEX IF EXISTS idx_file_versions_file_id;
ALTER TABLE files DROP COLUMN TotalVersions;
ALTER TABLE files DROP COLUMN CurrentVersionID;
DROP TABLE IF EXISTS file_versions;
