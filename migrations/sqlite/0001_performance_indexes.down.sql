-- Allows: drop index
DROP INDEX IF EXISTS idx_files_client_id;
DROP INDEX IF EXISTS idx_files_filename;
DROP INDEX IF EXISTS idx_clients_name;
DROP INDEX IF EXISTS idx_files_verified;
DROP INDEX IF EXISTS idx_clients_lastseen;
DROP INDEX IF EXISTS idx_files_size;
DROP INDEX IF EXISTS idx_files_client_verified;
DROP INDEX IF EXISTS idx_files_client_name;
