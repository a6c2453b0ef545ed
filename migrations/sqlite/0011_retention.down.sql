-- Allows: drop table retention_policies
-- Changes: file_versions, retention_policies
DROP TABLE IF EXISTS retention_policies;
ALTER TABLE file_versions DROP COLUMN Pinned;
