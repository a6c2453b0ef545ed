-- Allows: drop trigger, drop index, drop table client_usage_daily, drop table catalog_activity
-- Changes: catalog_activity, client_usage_daily
-- Remakes: client_usage_daily WHERE Date >= date('now') OR Files = 0
DROP TRIGGER IF EXISTS trg_clients_forget_daily;
DROP TRIGGER IF EXISTS trg_clients_begin_daily;
CREATE INDEX IF NOT EXISTS idx_client_activity_client ON client_activity(ClientID);
DROP INDEX IF EXISTS idx_client_activity_client_time;
DROP INDEX IF EXISTS idx_client_activity_time;
DROP INDEX IF EXISTS idx_client_activity_archive_time;
DROP INDEX IF EXISTS idx_catalog_activity_time;
DROP INDEX IF EXISTS idx_metrics_name_time;
DROP TABLE IF EXISTS client_usage_daily;
DROP TABLE IF EXISTS catalog_activity;
