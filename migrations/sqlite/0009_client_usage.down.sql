-- Allows: drop trigger, drop table client_quotas_replaced, drop table files_replaced, drop table catalog_settings, drop table client_usage
-- Changes: client_quotas, client_usage, catalog_settings, files_replaced, client_quotas_replaced
-- Remakes: client_usage WHERE 1
-- Remakes: files_replaced WHERE 1
-- Remakes: client_quotas_replaced WHERE 1
DROP TRIGGER IF EXISTS trg_clients_forget_usage;
DROP TRIGGER IF EXISTS trg_clients_give_quota;
DROP TRIGGER IF EXISTS trg_clients_note_quota;
DROP TRIGGER IF EXISTS trg_client_quotas_warn;
DROP TRIGGER IF EXISTS trg_client_quotas_corrected;
DROP TRIGGER IF EXISTS trg_client_quotas_added;
DROP TRIGGER IF EXISTS trg_client_usage_changed;
DROP TRIGGER IF EXISTS trg_client_usage_added;
DROP TRIGGER IF EXISTS trg_files_count_delete;
DROP TRIGGER IF EXISTS trg_files_count_client;
DROP TRIGGER IF EXISTS trg_files_count_size;
DROP TRIGGER IF EXISTS trg_files_count_replaced;
DROP TRIGGER IF EXISTS trg_files_note_update;
DROP TRIGGER IF EXISTS trg_files_count_insert;
DROP TRIGGER IF EXISTS trg_files_note_insert;
ALTER TABLE client_quotas DROP COLUMN WarnedAt;
DROP TABLE IF EXISTS client_quotas_replaced;
DROP TABLE IF EXISTS files_replaced;
DROP TABLE IF EXISTS catalog_settings;
DROP TABLE IF EXISTS client_usage;
