-- Allows: drop trigger trg_clients_archive_activity, drop index, drop table client_activity_archive
-- Changes: client_activity_archive
DROP TRIGGER IF EXISTS trg_clients_archive_activity;
DROP INDEX IF EXISTS idx_client_activity_archive_client;
DROP TABLE IF EXISTS client_activity_archive;
