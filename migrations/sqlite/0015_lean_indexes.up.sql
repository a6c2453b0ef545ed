-- Description: Fewer and smaller indexes on files
-- Allows: drop index
--
-- ARCHITECTURE.md has what each of these took and what is asked of it.

-- UNIQUE has made one on this column already.
DROP INDEX IF EXISTS idx_clients_name;

-- No statement asks for active versions but by their file.
DROP INDEX IF EXISTS idx_file_versions_active;

-- A file that is known by its name alone is found where all names of its client are: whether it has
-- a path is the last column, which takes a byte, and not an index of its own.
DROP INDEX IF EXISTS idx_files_identity_name;
DROP INDEX IF EXISTS idx_files_client_name;
CREATE INDEX idx_files_client_name ON files(ClientID, FileName, (OriginalPath IS NULL));

-- Who asks for verified files finds them; the others, most of what is recorded, cost nothing here.
DROP INDEX IF EXISTS idx_files_verified;
CREATE INDEX idx_files_verified ON files(Verified) WHERE Verified = 1;
DROP INDEX IF EXISTS idx_files_client_verified;
CREATE INDEX idx_files_client_verified ON files(ClientID, Verified) WHERE Verified = 1;

-- Whether another record refers to the same stored bytes: the ends of paths lead to the few that
-- are then compared.
DROP INDEX IF EXISTS idx_files_stored_path;
CREATE INDEX idx_files_stored_path ON files(substr(PathName, -16)) WHERE IsStored <> 0;
