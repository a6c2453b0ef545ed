-- Allows: drop table retention_policies, drop index idx_file_versions_path
-- Changes: file_versions, retention_policies
DROP TABLE IF EXISTS retention_policies;
DROP INDEX IF EXISTS idx_file_versions_path;
ALTER TABLE file_versions DROP COLUMN Pinned;
