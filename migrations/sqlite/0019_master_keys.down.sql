-- Allows: drop table master_keys, drop index
-- Changes: master_keys
--
-- Older programs would take a wrapped key for the key.
-- Hook: keys_all_plain
DROP INDEX IF EXISTS idx_clients_plain_key;
DROP INDEX IF EXISTS idx_master_keys_current;
DROP TABLE IF EXISTS master_keys;
