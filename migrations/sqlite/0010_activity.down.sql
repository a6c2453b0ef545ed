-- Allows: drop trigger, drop index, drop table client_usage_daily, drop table catalog_activity
-- Changes: catalog_activity, client_usage_daily
-- Remakes: client_usage_daily WHERE Date >= date('now')
DROP TRIGGER IF EXISTS trg_clients_forget_daily;
DROP INDEX IF EXISTS idx_client_activity_time;
DROP TABLE IF EXISTS client_usage_daily;
DROP TABLE IF EXISTS catalog_activity;
